package revocation_test

import (
	"context"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
)

func keyRevoked(seq int64, kid string) eventlog.Event {
	return eventlog.Event{Seq: seq, Draft: eventlog.Draft{
		At: epoch, Action: eventlog.SigningKeyRevoked, Subject: eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: kid},
	}}
}

func TestARevokedSigningKeyIsAnEntryForADay(t *testing.T) {
	l := &log{now: epoch}
	set := revocation.NewSet(l, l.clock)
	changed := set.Changed()
	set.Apply(keyRevoked(1, "kid1"))
	select {
	case <-changed:
	default:
		t.Error("nobody is told")
	}
	entries, upTo, ok := set.Since(0, 10)
	if !ok || upTo != 1 || len(entries) != 1 || entries[0].KID != "kid1" {
		t.Errorf("since the beginning: %+v up to %d, %v", entries, upTo, ok)
	}
	l.now = epoch.Add(revocation.Horizon)
	set.Purge()
	if entries, _, _ := set.Since(0, 10); len(entries) != 1 {
		t.Error("it is forgotten while its tokens may live")
	}
	l.now = l.now.Add(time.Second)
	set.Purge()
	if entries, _, _ := set.Since(0, 10); len(entries) != 0 {
		t.Errorf("it is kept for longer: %+v", entries)
	}
}

// restoredLog is a log that was restored from a backup: its feed has a base.
type restoredLog struct{ *log }

const feedBase = 1_700_000_000_000_000

func (l restoredLog) Revocations(ctx context.Context, since time.Time) (revocation.Past, error) {
	past, err := l.log.Revocations(ctx, since)
	past.FeedBase = feedBase
	return past, err
}

func TestPositionsOfBeforeARestoreAreOfAnotherFeed(t *testing.T) {
	l := &log{now: epoch}
	l.generation("ak_1", 2)
	l.generation("ak_2", 2)
	set := revocation.NewSet(restoredLog{l}, l.clock)
	if err := set.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := set.Since(feedBase+2, 10); !ok || set.Position() != feedBase+2 {
		t.Errorf("from the start the set is at %d; whoever is there, too, may read on: %t", set.Position(), ok)
	}
	set.Apply(l.generation("ak_3", 2))
	if set.Position() != feedBase+3 {
		t.Errorf("the position is %d", set.Position())
	}
	for position, want := range map[int64]int{feedBase: 3, feedBase + 2: 1, feedBase + 3: 0, 0: -1, 2: -1, 3: -1, feedBase - 1: -1, feedBase + 4: -1} {
		entries, _, ok := set.Since(position, 10)
		if ok != (want >= 0) || ok && len(entries) != want {
			t.Errorf("since %d: %d entries, %v; want %d", position, len(entries), ok, want)
		}
		for _, e := range entries {
			if e.Seq <= position {
				t.Errorf("since %d there is %d", position, e.Seq)
			}
		}
	}
}
