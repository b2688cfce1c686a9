package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
)

var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 0, time.UTC)

// log is an event log in memory, and the store on top of it.
type log struct {
	now    time.Time
	events []eventlog.Event
	failed error
}

func (l *log) clock() time.Time { return l.now }

// append adds an event that revokes something, or nothing.
func (l *log) append(revokes *eventlog.Revocation) eventlog.Event {
	e := eventlog.Event{Seq: int64(len(l.events)) + 1, Draft: eventlog.Draft{At: l.now, Revokes: revokes}}
	l.events = append(l.events, e)
	return e
}

func (l *log) generation(client string, generation int64) eventlog.Event {
	return l.append(&eventlog.Revocation{ClientID: client, Generation: generation})
}

func (l *log) token(id string, expires time.Time) eventlog.Event {
	return l.append(&eventlog.Revocation{ClientID: "ak_tokens", TokenID: id, ExpiresAt: expires})
}

// Revocations implements [revocation.Store], in an order that is not that of the log.
func (l *log) Revocations(_ context.Context, since time.Time) (revocation.Past, error) {
	past := revocation.Past{Seq: int64(len(l.events))}
	for _, e := range slices.Backward(l.events) {
		if e.Revokes != nil && e.At.After(since) {
			past.Revocations = append(past.Revocations, revocation.Revocation{Seq: e.Seq, At: e.At, Revocation: *e.Revokes})
		}
	}
	return past, l.failed
}

func (l *log) RevokeToken(_ context.Context, event eventlog.Draft) error {
	if known, err := l.TokenRevoked(context.Background(), event.Revokes.TokenID); known || err != nil {
		return err
	}
	l.append(event.Revokes)
	return nil
}

func (l *log) TokenRevoked(_ context.Context, id string) (bool, error) {
	return slices.ContainsFunc(l.events, func(e eventlog.Event) bool { return e.Revokes != nil && e.Revokes.TokenID == id }), l.failed
}

func (l *log) PurgeRevokedTokens(context.Context, time.Time) error { return l.failed }

// state is what a follower of the feed knows: generations by client and expiries by token.
type state struct {
	clients map[string]int64
	tokens  map[string]int64
}

func newState() state { return state{map[string]int64{}, map[string]int64{}} }

func (s state) clone() state { return state{maps.Clone(s.clients), maps.Clone(s.tokens)} }

func (s state) add(r eventlog.Revocation) {
	if r.TokenID != "" {
		s.tokens[r.TokenID] = r.ExpiresAt.Unix()
		return
	}
	s.clients[r.ClientID] = max(s.clients[r.ClientID], r.Generation)
}

// world is a log, a set that follows it, and the state that a follower should have at each position.
type world struct {
	log
	set        *revocation.Set
	applied    int     // events that the set was given
	history    []state // by position
	generation map[string]int64
	tokens     int
}

func newWorld() *world {
	w := &world{log: log{now: epoch}, history: []state{newState()}, generation: map[string]int64{}}
	w.set = revocation.NewSet(&w.log, w.clock)
	return w
}

// happen appends an event.
func (w *world) happen(kind, n int) {
	var e eventlog.Event
	switch client := fmt.Sprintf("ak_%d", n%5); kind {
	case 0:
		w.generation[client]++
		e = w.log.generation(client, w.generation[client])
	case 1:
		w.tokens++
		e = w.log.token(fmt.Sprintf("token%d", w.tokens), w.now.Add(time.Duration(n%24)*time.Hour))
	default:
		e = w.append(nil)
	}
	next := w.history[len(w.history)-1].clone()
	if e.Revokes != nil {
		next.add(*e.Revokes)
	}
	w.history = append(w.history, next)
}

// tail applies to the set the events that it has not had yet.
func (w *world) tail() {
	for ; w.applied < len(w.events); w.applied++ {
		w.set.Apply(w.events[w.applied])
	}
}

// needed returns what a follower at a position has to know at least: the revocations up to there that still matter.
func (w *world) needed(upTo int64) state {
	needed := newState()
	for _, e := range w.events[:upTo] {
		if e.Revokes != nil && w.now.Sub(e.At) < revocation.Horizon && (e.Revokes.TokenID == "" || !w.now.After(e.Revokes.ExpiresAt)) {
			needed.add(*e.Revokes)
		}
	}
	return needed
}

// readOn returns what a follower knows after it knew everything up to a position and then read the rest in portions.
func (w *world) readOn(from int) (got state, upTo int64, err error) {
	got, upTo = w.history[from].clone(), int64(from)
	for first := true; first || upTo < w.set.Position(); first = false {
		const limit = 100
		revocations, next, ok := w.set.Since(upTo, limit)
		if !ok || len(revocations) > limit || next < upTo || next == upTo && !first {
			return got, upTo, fmt.Errorf("since %d, at %d: %d up to %d, %v; the set is at %d", from, upTo, len(revocations), next, ok, w.set.Position())
		}
		for _, r := range revocations {
			if r.Seq <= upTo || r.Seq > next {
				return got, upTo, fmt.Errorf("since %d: %d comes between %d and %d", from, r.Seq, upTo, next)
			}
			upTo = r.Seq
			got.add(r.Revocation)
		}
		upTo = next
	}
	return got, upTo, nil
}

// disagreement returns an error if a follower that knew everything up to a position and then read on would know something wrong.
func (w *world) disagreement(from int, needed state) error {
	got, upTo, err := w.readOn(from)
	if err != nil {
		return err
	}
	for id, expires := range needed.tokens {
		if got.tokens[id] != expires {
			return fmt.Errorf("since %d: %s is missing", from, id)
		}
	}
	for client, generation := range needed.clients {
		if got.clients[client] < generation {
			return fmt.Errorf("since %d: %s has generation %d, not %d", from, client, got.clients[client], generation)
		}
	}
	for client, generation := range got.clients {
		if generation > w.history[upTo].clients[client] {
			return fmt.Errorf("since %d: %s has generation %d, which never was", from, client, generation)
		}
	}
	return nil
}

// TestReadingOnFromAnyPositionLeadsToTheSameState makes changes, lets a set load and follow them, and lets time pass. It then reads
// on from every position so far.
func TestReadingOnFromAnyPositionLeadsToTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) {
				w.happen(rapid.IntRange(0, 2).Draw(t, "kind"), rapid.IntRange(0, 100).Draw(t, "n"))
			},
			"many changes": func(t *rapid.T) {
				for i := range rapid.IntRange(1, 3000).Draw(t, "count") {
					w.happen(0, i)
				}
			},
			"tail": func(*rapid.T) { w.tail() },
			"start": func(t *rapid.T) {
				// The tailer has found its position before the set is loaded.
				w.set = revocation.NewSet(&w.log, w.clock)
				w.applied = len(w.events)
				w.happen(rapid.IntRange(0, 2).Draw(t, "kind of the change in between"), 0)
				if err := w.set.Load(context.Background()); err != nil {
					t.Fatal(err)
				}
			},
			"let time pass": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "hours")) * time.Hour)
			},
			"purge": func(*rapid.T) { w.set.Purge() },
			"": func(t *rapid.T) {
				at := int(w.set.Position())
				needed := w.needed(int64(at))
				for _, from := range append(rapid.SliceOfN(rapid.IntRange(0, at), 5, 5).Draw(t, "positions"), 0, at) {
					if err := w.disagreement(from, needed); err != nil {
						t.Fatal(err)
					}
				}
				if _, _, ok := w.set.Since(int64(at)+1, 1); ok {
					t.Fatalf("the set is at %d and reads on from %d", at, at+1)
				}
			},
		})
	})
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	l := &log{now: epoch}
	set := revocation.NewSet(l, l.clock)
	set.Apply(l.generation("ak_one", 2))
	set.Apply(l.token("short", epoch.Add(time.Hour)))
	set.Apply(l.token("long", epoch.Add(24*time.Hour)))
	ids := func() (ids []string) {
		revocations, _, _ := set.Since(0, math.MaxInt)
		for _, r := range revocations {
			ids = append(ids, r.ClientID+r.TokenID)
		}
		return ids
	}
	load := func() {
		// A set that was loaded and purged holds only the entries that still matter.
		set = revocation.NewSet(l, l.clock)
		if err := set.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		set.Purge()
	}
	for _, step := range []struct {
		at   time.Duration
		want []string
	}{
		{0, []string{"ak_one", "ak_tokensshort", "ak_tokenslong"}},
		{2 * time.Hour, []string{"ak_one", "ak_tokensshort", "ak_tokenslong"}},
		{2*time.Hour + 1, []string{"ak_one", "ak_tokenslong"}},
		{25*time.Hour - 1, []string{"ak_one", "ak_tokenslong"}},
		{25*time.Hour + 1, nil},
	} {
		l.now = epoch.Add(step.at)
		load()
		if got := ids(); !slices.Equal(got, step.want) {
			t.Errorf("after %v: got %v, want %v", step.at, got, step.want)
		}
	}
}

func TestFollowersAreToldOfRevocationsAlone(t *testing.T) {
	l := &log{now: epoch}
	set := revocation.NewSet(l, l.clock)
	changed := set.Changed()
	set.Apply(l.append(nil))
	select {
	case <-changed:
		t.Error("an event that revokes nothing woke the followers")
	default:
	}
	if set.Position() != 1 {
		t.Errorf("the position is %d, want 1", set.Position())
	}
	set.Apply(l.generation("ak_one", 2))
	select {
	case <-changed:
	default:
		t.Error("a revocation did not wake the followers")
	}
}

func TestAnEventThatComesTwiceCountsOnce(t *testing.T) {
	l := &log{now: epoch}
	e := l.generation("ak_one", 2)
	set := revocation.NewSet(l, l.clock)
	if err := set.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	set.Apply(e)
	if revocations, upTo, ok := set.Since(0, math.MaxInt); len(revocations) != 1 || upTo != 1 || !ok {
		t.Errorf("got %v, %d, %v", revocations, upTo, ok)
	}
}

// TestWhatIsAppliedBeforeTheSetIsLoadedCountsOnce: the tailer starts before the set is loaded, so that no event is missed in
// between.
func TestWhatIsAppliedBeforeTheSetIsLoadedCountsOnce(t *testing.T) {
	behind := &log{now: epoch}
	set := revocation.NewSet(behind, behind.clock)
	one := behind.generation("ak_one", 2)
	l := &log{now: epoch, events: slices.Clone(behind.events)}
	set.Apply(one)
	set.Apply(l.generation("ak_two", 2))
	if err := set.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if revocations, upTo, ok := set.Since(0, math.MaxInt); len(revocations) != 2 || upTo != 2 || !ok || set.Position() != 2 {
		t.Errorf("got %v, %d, %v; the set is at %d", revocations, upTo, ok, set.Position())
	}
}

func TestTokenIsRefusedFromTheMomentItIsRevokedHere(t *testing.T) {
	l := &log{now: epoch}
	set, fresh, woken := revocation.NewSet(l, l.clock), true, 0
	tokens := revocation.NewTokens(l, set, func() bool { return fresh }, func() { woken++ })
	wantRevoked := func(id string, want bool) {
		t.Helper()
		if got, err := tokens.Revoked(t.Context(), id); err != nil || got != want {
			t.Errorf("%s is revoked: %v, %v; want %v", id, got, err, want)
		}
	}
	event := eventlog.Draft{At: epoch, Revokes: &eventlog.Revocation{ClientID: "ak_tokens", TokenID: "one", ExpiresAt: epoch.Add(time.Hour)}}
	wantRevoked("one", false)
	if err := tokens.Revoke(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	wantRevoked("one", true)
	if revocations, _, _ := set.Since(0, math.MaxInt); woken != 1 || len(revocations) != 0 {
		t.Errorf("woken %d times; %v are in order before the log has brought them", woken, revocations)
	}
	set.Apply(l.events[0])
	if revocations, _, _ := set.Since(0, math.MaxInt); len(revocations) != 1 || revocations[0].Seq != 1 {
		t.Errorf("the log brought %v", revocations)
	}

	// Another replica revokes a token while this one can't follow the log.
	l.token("two", epoch.Add(time.Hour))
	wantRevoked("two", false)
	fresh = false
	wantRevoked("two", true)

	l.failed = errors.New("the database is gone")
	wantRevoked("one", true)
	if _, err := tokens.Revoked(t.Context(), "three"); !errors.Is(err, l.failed) {
		t.Errorf("got %v, want %v", err, l.failed)
	}
	if err := tokens.Revoke(t.Context(), eventlog.Draft{Revokes: &eventlog.Revocation{TokenID: "three"}}); !errors.Is(err, l.failed) {
		t.Errorf("got %v, want %v", err, l.failed)
	}
	if err := set.Load(t.Context()); !errors.Is(err, l.failed) {
		t.Errorf("got %v, want %v", err, l.failed)
	}
}

// TestARevokedTokenIsKnownUntilItHasExpired: however often the set is purged.
func TestARevokedTokenIsKnownUntilItHasExpired(t *testing.T) {
	for how, revoke := range map[string]func(*world){
		"as the log tells": func(w *world) { w.set.Apply(w.token("token", epoch.Add(time.Hour))) },
		"here, and the log has not told": func(w *world) {
			tokens := revocation.NewTokens(&w.log, w.set, func() bool { return true }, func() {})
			event := eventlog.Draft{At: epoch, Revokes: &eventlog.Revocation{TokenID: "token", ExpiresAt: epoch.Add(time.Hour)}}
			if err := tokens.Revoke(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w := newWorld()
		revoke(w)
		for _, step := range []struct {
			at    time.Time
			known bool
		}{{epoch.Add(time.Minute), true}, {epoch.Add(time.Hour), true}, {epoch.Add(time.Hour + revocation.Margin), true}, {epoch.Add(3 * time.Hour), false}} {
			w.now = step.at
			if w.set.Purge(); w.set.TokenRevoked("token") != step.known {
				t.Errorf("revoked %s, after %v: known is %t", how, step.at.Sub(epoch), !step.known)
			}
		}
	}
}

// TestAClockThatIsWrongForAMomentForgetsNothing: what a set has forgotten it can only learn again by a restart.
func TestAClockThatIsWrongForAMomentForgetsNothing(t *testing.T) {
	for name, wrong := range map[string]struct{ revoker, hearing, purging time.Duration }{
		"ahead at the purge":                    {0, 0, 40 * time.Hour},
		"ahead from the revocation to purges":   {0, 40 * time.Hour, 40 * time.Hour},
		"ahead at the revocation":               {0, 20 * time.Hour, 0},
		"ahead where it is revoked":             {20 * time.Hour, 0, 0},
		"behind where it is revoked":            {-40 * time.Hour, 0, 0},
		"behind when it is heard of":            {0, -40 * time.Hour, 0},
		"behind where it is revoked, and heard": {-40 * time.Hour, -40 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			l := &log{now: clocktest.Asleep(t, began, wrong.hearing)}
			set := revocation.NewSet(l, l.clock)
			if err := set.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			expires := began.Add(24 * time.Hour).Round(0) // by the clock of the replica that issued it
			for _, e := range []eventlog.Event{l.generation("ak_1", 2), l.token("token", expires), keyRevoked(3, "kid")} {
				e.At = began.Add(wrong.revoker).Round(0)
				set.Apply(e)
			}
			for after := time.Duration(0); after < 24*time.Hour; after += 7 * time.Hour {
				l.now = clocktest.Asleep(t, began.Add(after), wrong.purging)
				set.Purge()
				if revoked, _, _ := set.Since(0, 10); len(revoked) != 3 || !set.TokenRevoked("token") {
					t.Errorf("after %v it knows %+v, of the token: %t", after, revoked, set.TokenRevoked("token"))
				}
			}
			l.now = began.Add(revocation.Horizon + time.Second)
			set.Purge()
			if revoked, _, _ := set.Since(0, 10); len(revoked) != 0 || set.TokenRevoked("token") {
				t.Errorf("it never forgets %+v", revoked)
			}
		})
	}
}
