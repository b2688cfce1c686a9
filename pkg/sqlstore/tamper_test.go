package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
)

// day is the time between the events of an evidence.
const day = 24 * time.Hour

// evidence is a log of the event of a signing key and eleven others, a day apart, with everything needed to verify it.
type evidence struct {
	*Store
	t       *testing.T
	audit   *audit.Service
	keyring *signing.Keyring
	now     time.Time
}

// evidenceEvents is how many events an evidence has.
const evidenceEvents = 12

func newEvidence(t *testing.T, s *Store) *evidence {
	t.Helper()
	e := &evidence{Store: s, t: t, now: epoch.Add(-day)}
	box, err := sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if e.keyring, err = signing.NewKeyring(s, box, nil, e.clock); err != nil {
		t.Fatal(err)
	}
	if err := e.keyring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	e.audit = audit.NewService(s, e.keyring, "https://issuer.example.com", e.clock)
	for i := range evidenceEvents - 1 {
		d := eventlog.Draft{
			At: epoch.Add(time.Duration(i) * day), TenancyID: "home", Action: eventlog.APIKeyUpdated,
			Actor:   eventlog.Actor{Kind: eventlog.ActorOperator, ID: "ann", Name: "ann@example.com"},
			Origin:  eventlog.Origin{IP: "192.0.2.1", UserAgent: "agent", RequestID: fmt.Sprint("request ", i)},
			Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: "ak_1"},
		}
		if i%2 == 0 {
			d.Before, d.After = json.RawMessage(`{"name":"before"}`), json.RawMessage(`{"name":"after"}`)
			d.Revokes = &eventlog.Revocation{ClientID: "ak_1", Generation: int64(i + 2), TokenID: "jti", ExpiresAt: epoch.Add(day)}
		}
		record(t, s, d)
	}
	e.now = epoch.Add(evidenceEvents * day)
	e.keep()
	return e
}

func (e *evidence) clock() time.Time { return e.now }

func (e *evidence) exec(statement string, values ...any) {
	e.t.Helper()
	if err := e.writer.WithContext(e.t.Context()).Exec(statement, values...).Error; err != nil {
		e.t.Fatalf("%s: %v", statement, err)
	}
}

// keep saves the log as it is, for [evidence.restore].
func (e *evidence) keep() {
	e.t.Helper()
	for _, table := range []string{"event", "log_head", "log_base"} {
		e.exec("DROP TABLE IF EXISTS kept_" + table)
		e.exec("CREATE TABLE kept_" + table + " AS SELECT * FROM " + table)
	}
}

// restore returns the tables to the state that keep saved.
func (e *evidence) restore() {
	e.t.Helper()
	for _, table := range []string{"event", "log_head", "log_base"} {
		e.exec("DELETE FROM " + table)
		e.exec("INSERT INTO " + table + " SELECT * FROM kept_" + table)
	}
}

// setHead makes the event with this number the log's head.
func (e *evidence) setHead(seq int64) {
	e.t.Helper()
	e.exec("UPDATE log_head SET seq = ?, hash = (SELECT hash FROM event WHERE seq = ?)", seq, seq)
}

func (e *evidence) checkpoint() string {
	e.t.Helper()
	signed, err := e.audit.Checkpoint(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	return signed
}

// verify returns the number at which a verification finds the log broken, 0 if it finds nothing, and the whole report.
func (e *evidence) verify() (int64, audit.Report) {
	e.t.Helper()
	report, err := e.audit.Verify(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	return brokenSeq(report), report
}

func (e *evidence) verifyAgainst(checkpoint string) int64 {
	e.t.Helper()
	report, _, err := e.audit.VerifyAgainst(e.t.Context(), checkpoint)
	if err != nil {
		e.t.Fatal(err)
	}
	return brokenSeq(report)
}

func brokenSeq(r audit.Report) int64 {
	if r.Broken == nil {
		return 0
	}
	return r.Broken.Seq
}

// columns returns the names of the columns of the table of events.
func (e *evidence) columns() []string {
	e.t.Helper()
	types, err := e.reader.WithContext(e.t.Context()).Migrator().ColumnTypes("event")
	if err != nil {
		e.t.Fatal(err)
	}
	names := make([]string, len(types))
	for i, column := range types {
		names[i] = column.Name()
	}
	return names
}

func everyColumnIsCovered(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	columns := e.columns()
	if len(columns) != 20 {
		t.Errorf("the table has the columns %s", columns)
	}
	numbers := []string{"seq", "at", "revoked_generation", "revoked_expires_at"}
	const full, bare = 6, 7 // the first event has a value in every column, the second one only where a value is required
	for _, column := range columns {
		assignments := []string{"COALESCE(" + column + ", '') || 'x'"}
		switch {
		case slices.Contains(numbers, column):
			assignments = []string{"COALESCE(" + column + ", 0) + 1000"}
		case column == "hash" || column == "prev_hash":
			assignments = []string{"(SELECT hash FROM event WHERE seq = 2)"}
		}
		if strings.HasPrefix(column, "state_") || strings.HasPrefix(column, "revoked_") {
			assignments = append(assignments, "NULL")
		}
		for _, assignment := range assignments {
			for _, seq := range []int64{full, bare} {
				if assignment == "NULL" && seq == bare {
					continue
				}
				e.exec(fmt.Sprintf("UPDATE event SET %s = %s WHERE seq = %d", column, assignment, seq))
				if got, report := e.verify(); got != seq {
					t.Errorf("event %d with %s = %s: found at %d: %v", seq, column, assignment, got, report.Broken)
				}
				e.restore()
			}
		}
	}
	if got, report := e.verify(); got != 0 || report.Events() != evidenceEvents {
		t.Errorf("the untouched log is broken at %d of %d", got, report.Events())
	}
}

func tamperingIsFound(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	kept := e.checkpoint()
	swap := func(a, b int64) {
		e.exec("UPDATE event SET seq = ? WHERE seq = ?", -1, a)
		e.exec("UPDATE event SET seq = ? WHERE seq = ?", a, b)
		e.exec("UPDATE event SET seq = ? WHERE seq = ?", b, -1)
	}
	tests := []struct {
		name   string
		tamper func()
		// The numbers at which verifying without and with a checkpoint finds the log broken; 0 if nothing is found.
		chain, checkpoint int64
	}{
		{"nothing", func() {}, 0, 0},
		{"an event is removed", func() { e.exec("DELETE FROM event WHERE seq = 5") }, 5, 5},
		{"two events change places", func() { swap(4, 9) }, 4, 4},
		{"neighbours change places", func() { swap(4, 5) }, 4, 4},
		{"the first event is removed", func() { e.exec("DELETE FROM event WHERE seq = 1") }, 1, 1},
		{"the front is removed", func() { e.exec("DELETE FROM event WHERE seq <= 6") }, 1, 1},
		{"the end is removed", func() { e.exec("DELETE FROM event WHERE seq > 8") }, 9, 9},
		{"the end is removed and the head moved back", func() {
			e.exec("DELETE FROM event WHERE seq > 8")
			e.setHead(8)
		}, 0, 9},
		{"everything is removed", func() {
			e.exec("DELETE FROM event")
			e.exec("UPDATE log_head SET seq = 0, hash = ?", make([]byte, 32))
		}, 0, 1},
		{"the head is moved back alone", func() { e.setHead(8) }, 9, 9},
		{"the head's number is raised", func() { e.exec("UPDATE log_head SET seq = 13") }, 13, 13},
		{"the head's hash is changed", func() { e.exec("UPDATE log_head SET hash = ?", make([]byte, 32)) }, 12, 12},
		{"an event is added behind the head", func() {
			e.rewrite(12, func(int64, *eventlog.Draft) {}, false)
		}, 13, 13},
		{"the chain is written anew from a changed event on", func() {
			e.rewrite(0, func(seq int64, d *eventlog.Draft) {
				if seq == 3 {
					d.Actor.Name = "eve@example.com"
				}
			}, true)
		}, 0, 12},
		{"the front is removed and passed off as pruned", func() {
			e.exec("DELETE FROM event WHERE seq <= 6")
			e.exec("INSERT INTO log_base (id, seq, hash, pruned_at, proof) SELECT 1, 6, hash, ?, '' FROM kept_event WHERE seq = 6", e.now.UnixMicro())
		}, 6, 6},
		{"the front is removed and passed off as pruned at no time", func() {
			e.exec("DELETE FROM event WHERE seq <= 6")
			e.exec("INSERT INTO log_base (id, seq, hash, pruned_at, proof) SELECT 1, 6, hash, 0, '' FROM kept_event WHERE seq = 6")
		}, 6, 6},
		{"a checkpoint is passed off as the proof of a pruning", func() {
			e.setHead(6)
			proof := e.checkpoint()
			e.restore()
			e.exec("DELETE FROM event WHERE seq <= 6")
			e.exec("INSERT INTO log_base (id, seq, hash, pruned_at, proof) SELECT 1, 6, hash, ?, ? FROM kept_event WHERE seq = 6", e.now.UnixMicro(), proof)
		}, 6, 6},
	}
	for _, test := range tests {
		test.tamper()
		if got, report := e.verify(); got != test.chain {
			t.Errorf("%s: found at %d (%v), want %d", test.name, got, report.Broken, test.chain)
		}
		if got := e.verifyAgainst(kept); got != test.checkpoint {
			t.Errorf("%s: found at %d with a checkpoint, want %d", test.name, got, test.checkpoint)
		}
		e.restore()
	}
}

// rewrite replaces the events after seq by altered ones with valid hashes, as somebody can who knows how the chain is made. If the
// head is not moved, one more event is appended.
func (e *evidence) rewrite(seq int64, change func(int64, *eventlog.Draft), moveHead bool) {
	e.t.Helper()
	events, err := e.After(e.t.Context(), 0, evidenceEvents)
	if err != nil {
		e.t.Fatal(err)
	}
	head := eventlog.EmptyHead()
	if seq > 0 {
		head = eventlog.Head{Seq: seq, Hash: events[seq-1].Hash}
	}
	rest := events[seq:]
	if !moveHead {
		rest = append(rest, events[0])
	}
	e.exec("DELETE FROM event WHERE seq > ?", seq)
	for _, old := range rest {
		d := old.Draft
		change(old.Seq, &d)
		forged, err := d.Chain(head)
		if err != nil {
			e.t.Fatal(err)
		}
		row := newEventRow(forged)
		if err := e.writer.WithContext(e.t.Context()).Create(&row).Error; err != nil {
			e.t.Fatal(err)
		}
		head = eventlog.Head{Seq: forged.Seq, Hash: forged.Hash}
	}
	if moveHead {
		e.setHead(head.Seq)
	}
}

func checkpointsOutliveSigningKeys(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	kept := e.checkpoint()
	for range 2 {
		if err := e.keyring.Rotate(t.Context(), 0, eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test"}); err != nil {
			t.Fatal(err)
		}
		e.now = e.now.Add(400 * day)
		if err := e.keyring.Load(t.Context(), eventlog.Service); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.verifyAgainst(kept); got != 0 {
		t.Errorf("with a checkpoint of years ago: found at %d", got)
	}
	e.exec("DELETE FROM signing_key WHERE not_before = (SELECT MIN(not_before) FROM signing_key)")
	if _, _, err := e.audit.VerifyAgainst(t.Context(), kept); !errors.Is(err, audit.ErrNotSigned) {
		t.Errorf("without the key that signed it: %v", err)
	}
}

func prune(e *evidence, keep time.Duration) audit.Pruned {
	e.t.Helper()
	pruned, err := e.audit.Prune(e.t.Context(), keep, eventlog.Actor{Kind: eventlog.ActorSystem, ID: "apikeys prune-log"})
	if err != nil {
		e.t.Fatal(err)
	}
	return pruned
}

func pruningLeavesNoHole(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	old := e.checkpoint()
	e.setHead(6)
	last := e.checkpoint()
	e.restore()
	// Event n happened on day n-2, and it is day 12 now, so the first event of the last 7 days is event 7.
	pruned := prune(e, 7*day)
	if pruned.Events != 6 || pruned.Base.Seq != 6 || !pruned.Base.PrunedAt.Equal(e.now) {
		t.Fatalf("got %+v", pruned)
	}
	got, report := e.verify()
	if got != 0 || report.Base.Seq != 6 || report.Events() != evidenceEvents-6+1 {
		t.Errorf("found at %d, after %d, %d events", got, report.Base.Seq, report.Events())
	}
	if got := e.verifyAgainst(old); got != 0 {
		t.Errorf("with a checkpoint of before: found at %d", got)
	}
	if got := e.verifyAgainst(last); got != 0 {
		t.Errorf("with a checkpoint of the last event that was pruned: found at %d", got)
	}
	page, err := e.audit.List(t.Context(), audit.Viewer{TenancyID: operator.PlatformTenancyID, All: true}, audit.Filter{}, 0, 10)
	if err != nil || len(page.Events) != 1 || page.Events[0].Action != eventlog.LogPruned ||
		string(page.Events[0].After) != `{"from_seq":1,"older_than":"2030-03-06T12:00:00Z","up_to_seq":6}` {
		t.Errorf("the log tells %+v, %v", page.Events, err)
	}
	remaining, err := e.After(t.Context(), 0, 100)
	if err != nil || len(remaining) != 7 || remaining[0].Seq != 7 {
		t.Errorf("%d events are left: %v", len(remaining), err)
	}

	again := prune(e, 7*day)
	if again.Events != 0 || again.Base.Seq != 6 {
		t.Errorf("pruned again: %+v", again)
	}
	e.now = e.now.Add(2 * day)
	if next := prune(e, 7*day); next.Events != 2 || next.Base.Seq != 8 {
		t.Errorf("pruned later: %+v", next)
	}
	if got, report := e.verify(); got != 0 || report.Base.Seq != 8 {
		t.Errorf("found at %d, after %d", got, report.Base.Seq)
	}
	e.now = e.now.Add(1000 * day)
	if last := prune(e, audit.KeepAtLeast); last.Base.Seq != evidenceEvents+2 {
		t.Errorf("pruned to the end: %+v", last)
	}
	if got, report := e.verify(); got != 0 || report.Events() != 1 {
		t.Errorf("found at %d, %d events", got, report.Events())
	}
	if _, _, err := e.audit.VerifyAgainst(t.Context(), old); !errors.Is(err, audit.ErrCheckpointTooOld) {
		t.Errorf("with a checkpoint of what was pruned: %v", err)
	}
	if _, err := e.audit.Prune(t.Context(), audit.KeepAtLeast-1, eventlog.Actor{}); err == nil {
		t.Error("what the revocation feed reads can be pruned")
	}
}

// pruningStopsAtTheFirstYoungEvent: a later event with an old time comes from a process whose clock was behind.
func pruningStopsAtTheFirstYoungEvent(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	record(t, e.Store, eventlog.Draft{At: epoch, TenancyID: "home", Action: eventlog.APIKeyUpdated, Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: "ak_1"}})
	if pruned := prune(e, 7*day); pruned.Base.Seq != 6 {
		t.Errorf("got %+v", pruned)
	}
}

func tamperingWithWhatWasPrunedIsFound(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	prune(e, 7*day)
	e.keep()
	for _, test := range []struct {
		name   string
		tamper func()
		want   int64
	}{
		{"nothing", func() {}, 0},
		{"more is removed and passed off by the proof of an earlier pruning", func() {
			e.exec("DELETE FROM event WHERE seq <= 8")
			e.exec("UPDATE log_base SET seq = 8, hash = (SELECT hash FROM kept_event WHERE seq = 8)")
		}, 8},
		{"the hash of the last one is changed", func() { e.exec("UPDATE log_base SET hash = ?", make([]byte, 32)) }, 6},
		{"the time of the pruning is changed", func() { e.exec("UPDATE log_base SET pruned_at = pruned_at + 1") }, 6},
	} {
		test.tamper()
		if got, report := e.verify(); got != test.want {
			t.Errorf("%s: found at %d (%v), want %d", test.name, got, report.Broken, test.want)
		}
		e.restore()
	}
}

func interruptedPruningVerifies(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	prune(e, 7*day)
	// This is the state if the process died after its first batch.
	e.exec("INSERT INTO event SELECT * FROM kept_event WHERE seq BETWEEN 4 AND 6")
	if got, report := e.verify(); got != 0 || report.Base.Seq != 6 {
		t.Errorf("found at %d, after %d", got, report.Base.Seq)
	}
	// Events that are not verified are not shown, because they could contain anything.
	e.exec("UPDATE event SET actor_name = 'eve@example.com' WHERE seq = 5")
	found, err := e.Events(t.Context(), audit.Selection{Tenancies: []string{"home"}, Limit: 100})
	if err != nil || len(found) != 6 || found[5].Seq != 7 {
		t.Errorf("shown are %v, %v", seqs(found), err)
	}
	if pruned := prune(e, 7*day); pruned.Events != 0 {
		t.Errorf("got %+v", pruned)
	}
	remaining, err := e.After(t.Context(), 0, 100)
	if err != nil || remaining[0].Seq != 7 {
		t.Errorf("left are %v, %v", seqs(remaining), err)
	}
}

func brokenLogIsNotPruned(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	for _, seq := range []int64{3, 11} { // old and young
		e.exec("UPDATE event SET actor_name = 'eve@example.com' WHERE seq = ?", seq)
		_, err := e.audit.Prune(t.Context(), 7*day, eventlog.Actor{})
		var broken *eventlog.BrokenError
		if !errors.As(err, &broken) || broken.Seq != seq {
			t.Errorf("pruning a log that is broken at %d: %v", seq, err)
		}
		if n, err := e.After(t.Context(), 0, 100); err != nil || len(n) != evidenceEvents {
			t.Errorf("%d events are left, %v", len(n), err)
		}
		e.restore()
	}
	base, err := e.Base(t.Context())
	if err != nil || base.Seq != 0 {
		t.Errorf("the log begins after %d, %v", base.Seq, err)
	}
	elsewhere := audit.Base{Head: eventlog.Head{Seq: 4, Hash: make([]byte, 32)}, PrunedAt: e.now, Proof: "x"}
	if err := e.SetBase(t.Context(), base, elsewhere, eventlog.Draft{Action: eventlog.LogPruned}); !errors.Is(err, audit.ErrMoved) {
		t.Errorf("a base that is no event: %v", err)
	}
}

// partlyDown is a store in which some methods fail.
type partlyDown struct {
	*Store
	after, base, setBase, deletePruned error
}

func (s *partlyDown) After(ctx context.Context, seq int64, limit int) ([]eventlog.Event, error) {
	if s.after != nil {
		return nil, s.after
	}
	return s.Store.After(ctx, seq, limit)
}

func (s *partlyDown) Base(ctx context.Context) (audit.Base, error) {
	if s.base != nil {
		return audit.Base{}, s.base
	}
	return s.Store.Base(ctx)
}

func (s *partlyDown) SetBase(ctx context.Context, old, next audit.Base, event eventlog.Draft) error {
	if s.setBase != nil {
		return s.setBase
	}
	return s.Store.SetBase(ctx, old, next, event)
}

func (s *partlyDown) DeletePruned(ctx context.Context) (int64, error) {
	if s.deletePruned != nil {
		return 0, s.deletePruned
	}
	return s.Store.DeletePruned(ctx)
}

func anOutageIsNoTampering(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	kept, down := e.checkpoint(), errors.New("down")
	for name, store := range map[string]*partlyDown{"events": {Store: e.Store, after: down}, "base": {Store: e.Store, base: down}} {
		s := audit.NewService(store, e.keyring, "", e.clock)
		if report, err := s.Verify(t.Context()); !errors.Is(err, down) || report.Broken != nil {
			t.Errorf("verified without the %s: %v, %v", name, report.Broken, err)
		}
		if report, _, err := s.VerifyAgainst(t.Context(), kept); !errors.Is(err, down) || report.Broken != nil {
			t.Errorf("verified against a checkpoint without the %s: %v, %v", name, report.Broken, err)
		}
		if _, err := s.Prune(t.Context(), 7*day, eventlog.Actor{}); !errors.Is(err, down) {
			t.Errorf("pruned without the %s: %v", name, err)
		}
	}
	for _, store := range []*partlyDown{{Store: e.Store, setBase: down}, {Store: e.Store, deletePruned: down}} {
		s := audit.NewService(store, e.keyring, "", e.clock)
		if pruned, err := s.Prune(t.Context(), 7*day, eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test"}); !errors.Is(err, down) {
			t.Errorf("without a way to write, %+v is said to be done: %v", pruned, err)
		}
	}
}

// ofTwoPruningsOneMovesTheBase: the other one read the base before it was moved, and might move it back to events that are deleted.
func ofTwoPruningsOneMovesTheBase(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	old, err := e.Base(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prune(e, 7*day)
	moved, err := e.Base(t.Context())
	if err != nil || moved.Seq == old.Seq {
		t.Fatalf("the log begins after %d, %v", moved.Seq, err)
	}
	left, err := e.After(t.Context(), moved.Seq, 2)
	if err != nil {
		t.Fatal(err)
	}
	next := audit.Base{Head: eventlog.Head{Seq: left[1].Seq, Hash: left[1].Hash}, PrunedAt: e.now, Proof: "x"}
	if err := e.SetBase(t.Context(), old, next, eventlog.Draft{At: e.now, Action: eventlog.LogPruned}); !errors.Is(err, audit.ErrMoved) {
		t.Errorf("the second pruning: %v", err)
	}
	if base, err := e.Base(t.Context()); err != nil || base.Seq != moved.Seq {
		t.Errorf("the log begins after %d, %v; want %d", base.Seq, err, moved.Seq)
	}
}

// pruneMeanwhile is a store whose log another process prunes while it is being read.
type pruneMeanwhile struct {
	*Store
	prune func()
}

func (s *pruneMeanwhile) Head(ctx context.Context) (eventlog.Head, error) {
	head, err := s.Store.Head(ctx)
	if s.prune != nil {
		s.prune()
		s.prune = nil
	}
	return head, err
}

func pruningDoesNotDisturbVerifying(t *testing.T, open func(testing.TB, Options) *Store) {
	e := newEvidence(t, open(t, Options{Timeout: patience}))
	meanwhile := &pruneMeanwhile{e.Store, func() { prune(e, 7*day) }}
	report, err := audit.NewService(meanwhile, e.keyring, "", e.clock).Verify(t.Context())
	if err != nil || report.Broken != nil || report.Base.Seq != 6 {
		t.Errorf("found %v after %d: %v", report.Broken, report.Base.Seq, err)
	}
}
