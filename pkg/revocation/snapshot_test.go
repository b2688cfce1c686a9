package revocation_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

func keyring(t *testing.T) *signing.Keyring {
	t.Helper()
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := signing.NewKeyring(sqlstoretest.Open(t, sqlstoretest.SQLite(t)), box, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	return ring
}

// periodStart returns the time at which the current period of snapshots began, on both the wall clock and the monotonic clock.
func periodStart() time.Time {
	now := time.Now()
	return now.Add(-now.Sub(now.Truncate(10 * time.Minute)))
}

// TestASnapshotTellsOfRevokedKeys: a verifier that returns and reads a snapshot may have the revoked keys cached. A snapshot also
// holds tokens that this process has revoked, even before the log reports them.
func TestASnapshotTellsOfRevokedKeys(t *testing.T) {
	l := &log{now: periodStart()}
	set := revocation.NewSet(l, l.clock)
	snapshots := revocation.NewSnapshots(set, keyring(t), "https://keys.example.com", l.clock)
	wantSays := func(tokens, keys string) {
		t.Helper()
		s, _, err := snapshots.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var signed struct{ Payload string }
		if err := json.Unmarshal(s.Body, &signed); err != nil {
			t.Fatal(err)
		}
		text, err := base64.RawURLEncoding.DecodeString(signed.Payload)
		if err != nil {
			t.Fatal(err)
		}
		var says struct{ Tokens, Keys json.RawMessage }
		if err := json.Unmarshal(text, &says); err != nil {
			t.Fatal(err)
		}
		if string(says.Tokens) != tokens || string(says.Keys) != keys {
			t.Errorf("it says of tokens %s and of keys %s; want %s and %s", says.Tokens, says.Keys, tokens, keys)
		}
	}
	wantSays(`{}`, "")
	expires := l.now.Add(time.Hour)
	tokens := revocation.NewTokens(l, set, func() bool { return true }, func() {})
	event := eventlog.Draft{At: l.now, Revokes: &eventlog.Revocation{ClientID: "ak_1", TokenID: "token", ExpiresAt: expires}}
	if err := tokens.Revoke(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	for _, e := range []eventlog.Event{keyRevoked(2, "kid2"), keyRevoked(3, "kid1")} {
		e.At = l.now
		set.Apply(e)
	}
	wantSays(fmt.Sprintf(`{"token":%d}`, expires.Unix()), `["kid1","kid2"]`)
}

func TestASnapshotIsMadeOnceWhileNothingIsRevokedAndIsNeverOld(t *testing.T) {
	l := &log{now: periodStart()}
	set := revocation.NewSet(l, l.clock)
	snapshots := revocation.NewSnapshots(set, keyring(t), "https://keys.example.com", l.clock)
	current := func() *revocation.Snapshot {
		t.Helper()
		s, _, err := snapshots.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := current()
	l.now = l.now.Add(9 * time.Minute)
	if current() != first {
		t.Error("it is made again without need")
	}
	l.now = l.now.Add(time.Minute)
	second := current()
	if second == first {
		t.Error("it is ten minutes old")
	}
	l.now = clocktest.Asleep(t, l.now, time.Hour)
	third := current()
	if third == second {
		t.Error("it is an hour old, since the machine slept")
	}
	set.Apply(l.generation("ak_1", 2))
	if current() == third {
		t.Error("it lacks what was revoked")
	}
}

// TestReplicasGiveTheSameSnapshotTheSameTag: a resource server that polls may reach another replica each time.
func TestReplicasGiveTheSameSnapshotTheSameTag(t *testing.T) {
	began := periodStart()
	l := &log{now: began}
	ring := keyring(t)
	start := func() (*revocation.Set, func() string) {
		set := revocation.NewSet(l, l.clock)
		if err := set.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		snapshots := revocation.NewSnapshots(set, ring, "https://keys.example.com", l.clock)
		return set, func() string {
			t.Helper()
			s, _, err := snapshots.Current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s.Tag
		}
	}
	one, oneTag := start()
	seen := map[string]string{}
	wantSame := func(when string, tags ...func() string) {
		t.Helper()
		tag := tags[0]()
		for _, other := range tags[1:] {
			l.now = l.now.Add(time.Second)
			if got := other(); got != tag {
				t.Errorf("%s: the tags are %s and %s", when, tag, got)
			}
		}
		if before, known := seen[tag]; known {
			t.Errorf("%s the tag is that %s", when, before)
		}
		seen[tag] = when
	}
	apply := func(e eventlog.Event) {
		l.now = l.now.Add(time.Second)
		one.Apply(e)
	}
	apply(l.generation("ak_1", 2))
	_, twoTag := start()
	wantSame("with a generation", oneTag, twoTag)
	apply(l.generation("ak_1", 3))
	_, threeTag := start()
	wantSame("with a higher one", oneTag, threeTag)
	apply(l.token("token", l.now.Add(time.Hour)))
	_, threeTag = start()
	wantSame("with a token", oneTag, threeTag)
	tag := oneTag()
	l.now = began.Add(10 * time.Minute)
	if got := oneTag(); got != tag {
		t.Errorf("in another period the tag is %s, not %s", got, tag)
	}
	// One replica purges expired entries sooner than the other.
	l.now = began.Add(revocation.Horizon)
	threeTag()
	l.now = l.now.Add(time.Minute)
	one.Purge()
	wantSame("when some is over", oneTag, threeTag)
	if err := ring.Rotate(t.Context(), 0, eventlog.Service); err != nil {
		t.Fatal(err)
	}
	wantSame("by another key", oneTag, threeTag)
}

// TestALargeSnapshotIsNotMadeWithEachRevocation: anybody may ask for a snapshot, and making a large one takes long.
func TestALargeSnapshotIsNotMadeWithEachRevocation(t *testing.T) {
	l := &log{now: periodStart()}
	set := revocation.NewSet(l, l.clock)
	snapshots := revocation.NewSnapshots(set, keyring(t), "https://keys.example.com", l.clock)
	const entries = 20_000
	for i := range entries {
		set.Apply(l.generation(fmt.Sprintf("ak_%d", i), 2))
	}
	var last *revocation.Snapshot
	wantNew := func(after time.Duration, want bool) {
		t.Helper()
		set.Apply(l.generation("ak_another", int64(len(l.events))))
		l.now = l.now.Add(after)
		s, age, err := snapshots.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if (age == 0) != want || age > after {
			t.Errorf("%v later, it is %v old", after, age)
		}
		if made := s != last; made != want {
			t.Errorf("%v later, a new one: %t", after, made)
		}
		last = s
	}
	wantNew(0, true)
	wantNew(99*time.Millisecond, false)
	wantNew(2*time.Millisecond, true)
}

func TestWhoIsGoneDoesNotWaitForASnapshot(t *testing.T) {
	l := &log{now: periodStart()}
	set := revocation.NewSet(l, l.clock)
	asked, held := make(chan struct{}), make(chan struct{})
	calls := 0
	snapshots := revocation.NewSnapshots(set, keyring(t), "https://keys.example.com", func() time.Time {
		if calls++; calls == 3 { // while it is being made; the first two calls check for an earlier one
			close(asked)
			<-held
		}
		return l.now
	})
	made := make(chan error)
	go func() {
		_, _, err := snapshots.Current(t.Context())
		made <- err
	}()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := snapshots.Current(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(held)
	if err := <-made; err != nil {
		t.Error(err)
	}
}
