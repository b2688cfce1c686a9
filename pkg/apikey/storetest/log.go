package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

func eventIsReadBack(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "subject"))[0]
	full := eventlog.Draft{
		At: epoch, TenancyID: b.Home, Action: "api-key.renamed-by-a-later-version",
		Actor:   eventlog.Actor{Kind: eventlog.ActorAPIKey, ID: "ak_1", Name: "ak_1"},
		Origin:  eventlog.Origin{IP: "2001:db8::1", UserAgent: "curl/8 (ü)", RequestID: "r-1"},
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: k.ClientID},
		// The bytes are kept, even if a database would write the same JSON differently.
		Before: json.RawMessage(`{"b": 1,"a":1.0, "a":2}`), After: json.RawMessage(`{"name":"\u0000\ud83d\ude00"}`),
		Revokes: &eventlog.Revocation{ClientID: k.ClientID, Generation: 3},
	}
	token := full
	token.Before, token.After = nil, nil
	token.Revokes = &eventlog.Revocation{ClientID: k.ClientID, TokenID: "jti", ExpiresAt: epoch.Add(time.Hour)}
	bare := eventlog.Draft{At: epoch}
	drafts := []eventlog.Draft{full, token, bare}
	for _, d := range drafts {
		_, err := b.Keys.Update(t.Context(), b.Home, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
			return k, &d, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log := events(t, b)
	for i, e := range log[len(log)-len(drafts):] {
		if !reflect.DeepEqual(e.Draft, drafts[i]) {
			t.Errorf("got  %+v\nwant %+v", e.Draft, drafts[i])
		}
	}
}

func logPieces(t *testing.T, b Backend) {
	for i := range 5 {
		create(t, b, newKey(b.Home, fmt.Sprint(i)))
	}
	all := events(t, b)
	var pieces []eventlog.Event
	for seq := int64(0); ; {
		piece, err := b.Log.After(t.Context(), seq, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(piece) == 0 {
			break
		}
		if len(piece) > 2 {
			t.Fatalf("asked for 2 events and got %d", len(piece))
		}
		pieces = append(pieces, piece...)
		seq = piece[len(piece)-1].Seq
	}
	if !reflect.DeepEqual(pieces, all) {
		t.Errorf("read in pieces the log is\n%+v\nand not\n%+v", pieces, all)
	}
	head, err := b.Log.Head(t.Context())
	if last := all[len(all)-1]; err != nil || head.Seq != last.Seq || !slices.Equal(head.Hash, last.Hash) {
		t.Errorf("the head is %+v, %v; the last event is %+v", head, err, last)
	}
}

func manyWriters(t *testing.T, b Backend) {
	const writers, changes = 50, 4
	shared := create(t, b, newKey(b.Home, "shared"))[0]
	before := headSeq(t, b)
	parallel(t, writers, func(ctx context.Context, i int) error {
		own := newKey(b.Home, fmt.Sprint("writer ", i))
		if err := b.Keys.Create(ctx, own, draft(own, eventlog.APIKeyCreated), nil); err != nil {
			return err
		}
		for range changes {
			if _, err := b.Keys.Update(ctx, b.Home, shared.ClientID, editing(func(k *apikey.Key) { k.Generation++ })); err != nil {
				return err
			}
		}
		return nil
	})
	log := events(t, b)
	if got, want := log[len(log)-1].Seq-before, int64(writers*(changes+1)); got != want {
		t.Errorf("%d changes left %d events", want, got)
	}
	if got := get(t, b, shared); got.Version != 1+writers*changes || got.Generation != 1+writers*changes {
		t.Errorf("%d changes left version %d and generation %d", writers*changes, got.Version, got.Generation)
	}
	if got := list(t, b, apikey.Query{Search: "writer"}).Total; got != writers {
		t.Errorf("%d creates left %d keys", writers, got)
	}
}

// step is one thing that a goroutine of the property test does.
type step struct {
	do   string
	name string
}

var errRefused = errors.New("refused")

// logProperty runs random steps from several goroutines on few names, so that they collide, and checks the result: the chain is
// intact; there is an event for each success and none for a failure; for each key, the log reports exactly the versions 1, 2, 3,
// … in this order; and a concurrent follower of the log never sees a gap.
func logProperty(t *testing.T, b Backend) {
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			do:   rapid.SampledFrom([]string{"create", "update", "update", "rename", "refuse", "nothing", "delete"}).Draw(t, "do"),
			name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
		}
	}), 1, 5)
	versions := make(map[string]int64) // reported by the log so far, by client ID
	rapid.Check(t, func(r *rapid.T) {
		plans := rapid.SliceOfN(steps, 2, 4).Draw(r, "plans")
		from, err := b.Log.Head(t.Context())
		if err != nil {
			r.Fatal(err)
		}
		successes := make(chan int, len(plans))
		failures := make(chan error, len(plans)+1)
		done := make(chan struct{})
		following := make(chan struct{})
		go func() {
			defer close(following)
			failures <- follow(t.Context(), b.Log, from.Seq, done)
		}()
		for _, plan := range plans {
			go func() {
				count, err := perform(t.Context(), b, plan)
				successes <- count
				failures <- err
			}()
		}
		want := 0
		for range plans {
			want += <-successes
		}
		close(done)
		<-following
		for range len(plans) + 1 {
			if err := <-failures; err != nil {
				r.Fatal(err)
			}
		}
		to, err := eventlog.Verify(t.Context(), b.Log, from)
		if err != nil {
			r.Fatal(err)
		}
		if got := to.Seq - from.Seq; got != int64(want) {
			r.Fatalf("%d changes left %d events", want, got)
		}
		if err := versionsAreInOrder(t.Context(), b, from, versions); err != nil {
			r.Fatal(err)
		}
	})
}

// perform returns how many steps changed something. It is expected that a key may not exist or a name may be taken.
func perform(ctx context.Context, b Backend, plan []step) (changes int, err error) {
	for _, s := range plan {
		switch err := performStep(ctx, b, s); {
		case err == nil && s.do != "nothing":
			changes++
		case err == nil || errors.Is(err, apikey.ErrNotFound) || errors.Is(err, apikey.ErrNameTaken) || errors.Is(err, errRefused):
		default:
			return changes, fmt.Errorf("%s %s: %w", s.do, s.name, err)
		}
	}
	return changes, nil
}

func performStep(ctx context.Context, b Backend, s step) error {
	if s.do == "create" {
		k := newKey(b.Home, s.name)
		event := draft(k, eventlog.APIKeyCreated)
		event.After = json.RawMessage(`{"version":1}`)
		return b.Keys.Create(ctx, k, event, nil)
	}
	page, err := b.Keys.List(ctx, b.Home, apikey.Query{Search: s.name, Page: 1, PageSize: 1, SortBy: apikey.SortByName})
	if err != nil {
		return err
	}
	if len(page.Keys) == 0 {
		return apikey.ErrNotFound
	}
	id := page.Keys[0].ClientID
	switch s.do {
	case "update":
		_, err = b.Keys.Update(ctx, b.Home, id, editing(func(*apikey.Key) {}))
	case "rename":
		_, err = b.Keys.Update(ctx, b.Home, id, editing(func(k *apikey.Key) { k.Name = "c" + k.Name[:1] }))
	case "refuse":
		_, err = b.Keys.Update(ctx, b.Home, id, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) { return k, nil, errRefused })
	case "nothing":
		_, err = b.Keys.Update(ctx, b.Home, id, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) { return k, nil, nil })
	case "delete":
		err = b.Keys.Delete(ctx, b.Home, id, func(k apikey.Key) (eventlog.Draft, error) {
			event := draft(k, eventlog.APIKeyDeleted)
			event.After = fmt.Appendf(nil, `{"version":%d}`, k.Version+1)
			return event, nil
		})
	}
	return err
}

// follow reads the log until done is closed and fails if a number is missing: followers would miss an event that became visible
// after its successor.
func follow(ctx context.Context, log eventlog.Log, seq int64, done <-chan struct{}) error {
	for {
		events, err := log.After(ctx, seq, 100)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Seq != seq+1 {
				return fmt.Errorf("event %d was seen after event %d", e.Seq, seq)
			}
			seq = e.Seq
		}
		select {
		case <-done:
			return nil
		default:
		}
	}
}

// versionsAreInOrder checks that each event reports the version that follows the one in the previous event about the same key,
// and remembers the versions.
func versionsAreInOrder(ctx context.Context, b Backend, from eventlog.Head, versions map[string]int64) error {
	events, err := b.Log.After(ctx, from.Seq, 1_000_000)
	if err != nil {
		return err
	}
	for _, e := range events {
		var after struct{ Version int64 }
		if err := json.Unmarshal(e.After, &after); err != nil {
			return fmt.Errorf("event %d: %w", e.Seq, err)
		}
		if want := versions[e.Subject.ID] + 1; after.Version != want {
			return fmt.Errorf("event %d tells version %d of %s and not %d", e.Seq, after.Version, e.Subject.ID, want)
		}
		versions[e.Subject.ID] = after.Version
	}
	return nil
}
