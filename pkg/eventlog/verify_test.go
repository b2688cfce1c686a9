package eventlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// memoryLog is a log whose entries a test can tamper with.
type memoryLog struct {
	events []eventlog.Event
	head   eventlog.Head
	err    error
}

func (l *memoryLog) After(_ context.Context, seq int64, limit int) ([]eventlog.Event, error) {
	var after []eventlog.Event
	for _, e := range l.events {
		if e.Seq > seq && len(after) < limit {
			after = append(after, e)
		}
	}
	return after, l.err
}

func (l *memoryLog) Head(context.Context) (eventlog.Head, error) { return l.head, l.err }

// append adds events as a store does.
func (l *memoryLog) append(t testing.TB, drafts ...eventlog.Draft) {
	t.Helper()
	if l.head.Hash == nil {
		l.head = eventlog.EmptyHead()
	}
	for _, d := range drafts {
		e, err := d.Chain(l.head)
		if err != nil {
			t.Fatal(err)
		}
		l.events = append(l.events, e)
		l.head = eventlog.Head{Seq: e.Seq, Hash: e.Hash}
	}
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// draft is an event with every member set.
func draft() eventlog.Draft {
	return eventlog.Draft{
		At: start, TenancyID: "tenancy", Action: eventlog.APIKeyUpdated,
		Actor:   eventlog.Actor{Kind: eventlog.ActorOperator, ID: "operator", Name: "ana@example.com"},
		Origin:  eventlog.Origin{IP: "192.0.2.1", UserAgent: "agent", RequestID: "request"},
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: "key"},
		Before:  json.RawMessage(`{"name":"before"}`), After: json.RawMessage(`{"name":"after"}`),
		Revokes: &eventlog.Revocation{ClientID: "key", Generation: 7, TokenID: "token", ExpiresAt: start.Add(time.Hour)},
	}
}

func anyDraft() *rapid.Generator[eventlog.Draft] {
	return rapid.Custom(func(t *rapid.T) eventlog.Draft {
		d := draft()
		d.At = start.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "at")) * time.Microsecond)
		d.Subject.ID = rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "subject")
		d.Actor.Name = rapid.String().Draw(t, "actor")
		d.Origin.UserAgent = rapid.String().Draw(t, "user agent")
		if rapid.Bool().Draw(t, "revokes nothing") {
			d.Revokes = nil
		}
		if rapid.Bool().Draw(t, "has no state") {
			d.Before, d.After = nil, nil
		}
		return d
	})
}

func anyLog(t *rapid.T, shortest int) *memoryLog {
	log := &memoryLog{head: eventlog.EmptyHead()}
	for _, d := range rapid.SliceOfN(anyDraft(), shortest, 12).Draw(t, "drafts") {
		e, err := d.Chain(log.head)
		if err != nil {
			t.Fatal(err)
		}
		log.events = append(log.events, e)
		log.head = eventlog.Head{Seq: e.Seq, Hash: e.Hash}
	}
	return log
}

func verify(log eventlog.Log) (eventlog.Head, error) {
	return eventlog.Verify(context.Background(), log, eventlog.EmptyHead())
}

// brokenAt returns the sequence number at which a verification found the log broken, 0 if it found nothing.
func brokenAt(t rapid.TB, err error) int64 {
	t.Helper()
	if err == nil {
		return 0
	}
	var broken *eventlog.BrokenError
	if !errors.As(err, &broken) || !errors.Is(err, eventlog.ErrBroken) {
		t.Fatalf("the error is %v, not a BrokenError", err)
	}
	return broken.Seq
}

func TestAnUnalteredLogVerifies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := anyLog(t, 0)
		head, err := verify(log)
		if err != nil || head.Seq != int64(len(log.events)) || !bytes.Equal(head.Hash, log.head.Hash) {
			t.Fatalf("verified up to %d of %d: %v", head.Seq, len(log.events), err)
		}
		for i, e := range log.events {
			if e.Seq != int64(i+1) {
				t.Fatalf("event %d has the number %d", i+1, e.Seq)
			}
		}
		middle := rapid.IntRange(0, len(log.events)).Draw(t, "trusted")
		trusted := eventlog.EmptyHead()
		if middle > 0 {
			trusted = eventlog.Head{Seq: int64(middle), Hash: log.events[middle-1].Hash}
		}
		if _, err := eventlog.Verify(context.Background(), log, trusted); err != nil {
			t.Fatalf("from %d: %v", middle, err)
		}
	})
}

func TestTamperingIsFoundWhereItHappened(t *testing.T) {
	// Each alteration changes the event at index i and returns the sequence number at which the log is then found broken.
	alterations := map[string]func(t *rapid.T, log *memoryLog, i int) int64{
		"a member is changed": func(_ *rapid.T, log *memoryLog, i int) int64 {
			log.events[i].Actor.Name += "x"
			return log.events[i].Seq
		},
		"the time is changed": func(_ *rapid.T, log *memoryLog, i int) int64 {
			log.events[i].At = log.events[i].At.Add(time.Microsecond)
			return log.events[i].Seq
		},
		"the revocation is taken out or put in": func(_ *rapid.T, log *memoryLog, i int) int64 {
			if log.events[i].Revokes == nil {
				log.events[i].Revokes = &eventlog.Revocation{}
			} else {
				log.events[i].Revokes = nil
			}
			return log.events[i].Seq
		},
		"a member is changed and its hash computed anew": func(t *rapid.T, log *memoryLog, i int) int64 {
			e := log.events[i]
			e.Subject.ID += "x"
			forged, err := e.Draft.Chain(eventlog.Head{Seq: e.Seq - 1, Hash: e.PrevHash})
			if err != nil {
				t.Fatal(err)
			}
			log.events[i] = forged
			if i == len(log.events)-1 {
				return e.Seq // the head still has the original hash
			}
			return e.Seq + 1
		},
		"the hash is changed": func(_ *rapid.T, log *memoryLog, i int) int64 {
			log.events[i].Hash = bytes.Repeat([]byte{1}, 32)
			return log.events[i].Seq
		},
		"the previous hash is changed": func(_ *rapid.T, log *memoryLog, i int) int64 {
			log.events[i].PrevHash = bytes.Repeat([]byte{1}, 32)
			return log.events[i].Seq
		},
		"the event is removed": func(_ *rapid.T, log *memoryLog, i int) int64 {
			removed := log.events[i].Seq
			log.events = slices.Delete(log.events, i, i+1)
			return removed
		},
		"the event and all after it are removed": func(_ *rapid.T, log *memoryLog, i int) int64 {
			removed := log.events[i].Seq
			log.events = log.events[:i]
			return removed
		},
		"two events change places": func(t *rapid.T, log *memoryLog, i int) int64 {
			j := rapid.IntRange(0, len(log.events)-2).Draw(t, "other")
			if j >= i {
				j++
			}
			log.events[i].Draft, log.events[j].Draft = log.events[j].Draft, log.events[i].Draft
			if reflect.DeepEqual(log.events[i].Draft, log.events[j].Draft) {
				return 0
			}
			return log.events[min(i, j)].Seq
		},
	}
	for name, alter := range alterations {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				log := anyLog(t, 2)
				want := alter(t, log, rapid.IntRange(0, len(log.events)-1).Draw(t, "place"))
				_, err := verify(log)
				if got := brokenAt(t, err); got != want {
					t.Fatalf("found at %d (%v), want %d", got, err, want)
				}
			})
		})
	}
}

func TestALogShorterThanATrustedPositionIsBroken(t *testing.T) {
	log := &memoryLog{}
	log.append(t, draft(), draft(), draft())
	trusted := log.head
	log.events, log.head = log.events[:2], eventlog.Head{Seq: 2, Hash: log.events[1].Hash}
	_, err := eventlog.Verify(t.Context(), log, trusted)
	if brokenAt(t, err) != 3 {
		t.Errorf("a log that was cut back to before the trusted position: %v", err)
	}
}

func TestAHeadThatIsNotTheTrustedOneIsBroken(t *testing.T) {
	log := &memoryLog{}
	log.append(t, draft(), draft())
	_, err := eventlog.Verify(t.Context(), log, eventlog.Head{Seq: 2, Hash: bytes.Repeat([]byte{1}, 32)})
	if brokenAt(t, err) != 2 {
		t.Errorf("another event stands at the trusted position: %v", err)
	}
}

// growingLog gets new events while it is being read, as if another process appended them.
type growingLog struct {
	eventlog.Log
	grow  func() // called between the first reading of the head and the reading of the events
	later func() // called after that, before each further reading of the head; nil for nothing
}

func (l *growingLog) Head(ctx context.Context) (eventlog.Head, error) {
	if l.grow == nil {
		if l.later != nil {
			l.later()
		}
		return l.Log.Head(ctx)
	}
	head, err := l.Log.Head(ctx)
	l.grow()
	l.grow = nil
	return head, err
}

func TestEventsThatAreAppendedMeanwhileAreVerified(t *testing.T) {
	log := &memoryLog{}
	log.append(t, draft())
	more := func() { log.append(t, draft(), draft()) }
	if head, err := verify(&growingLog{Log: log, grow: more}); err != nil || head.Seq != 3 {
		t.Errorf("verified up to %d: %v", head.Seq, err)
	}
	if head, err := verify(&growingLog{Log: log, grow: more, later: more}); err != nil || head.Seq != 5 {
		t.Errorf("verified up to %d of what grows at the end: %v", head.Seq, err)
	}
}

func TestAnEventBehindTheEndOfTheLogIsFound(t *testing.T) {
	log := &memoryLog{}
	log.append(t, draft(), draft())
	end := log.head
	log.append(t, draft())
	log.head = end
	if _, err := verify(log); brokenAt(t, err) != 3 {
		t.Errorf("an event that the log's head does not know: %v", err)
	}
	forged := &memoryLog{}
	forged.append(t, draft())
	grow := func() {
		forged.append(t, draft())
		forged.head.Hash = bytes.Repeat([]byte{1}, 32)
	}
	if _, err := verify(&growingLog{Log: forged, grow: grow}); brokenAt(t, err) != 2 {
		t.Errorf("an appended event that the head does not match: %v", err)
	}
}

func TestVerifyEachShowsEveryEventOnce(t *testing.T) {
	log := &memoryLog{}
	for range 2100 {
		log.append(t, draft())
	}
	var seen []int64
	visit := func(e eventlog.Event) error {
		seen = append(seen, e.Seq)
		return nil
	}
	if _, err := eventlog.VerifyEach(t.Context(), log, eventlog.EmptyHead(), visit); err != nil || !slices.Equal(seen, numbers(1, 2100)) {
		t.Errorf("%d events were shown: %v", len(seen), err)
	}
	enough := errors.New("enough")
	if _, err := eventlog.VerifyEach(t.Context(), log, eventlog.EmptyHead(), func(eventlog.Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the error of the visit is %v", err)
	}
}

func TestVerifyReadsLongLogsToTheirEnd(t *testing.T) {
	log := &memoryLog{}
	for range 2500 {
		log.append(t, draft())
	}
	if head, err := verify(log); err != nil || head.Seq != 2500 {
		t.Errorf("verified up to %d: %v", head.Seq, err)
	}
	log.events[2400].TenancyID = "another"
	_, err := verify(log)
	if brokenAt(t, err) != 2401 {
		t.Errorf("the alteration of event 2401: %v", err)
	}
}

// partlyDown is a log whose head or events can't be read.
type partlyDown struct {
	*memoryLog
	head, after error
}

func (l *partlyDown) Head(ctx context.Context) (eventlog.Head, error) {
	if l.head != nil {
		return eventlog.Head{}, l.head
	}
	return l.memoryLog.Head(ctx)
}

func (l *partlyDown) After(ctx context.Context, seq int64, limit int) ([]eventlog.Event, error) {
	if l.after != nil {
		return nil, l.after
	}
	return l.memoryLog.After(ctx, seq, limit)
}

// TestVerifyReturnsTheErrorsOfTheLog: an outage must not be reported as tampering.
func TestVerifyReturnsTheErrorsOfTheLog(t *testing.T) {
	down, whole := errors.New("down"), &memoryLog{}
	whole.append(t, draft())
	ending := &partlyDown{memoryLog: whole}
	for name, log := range map[string]eventlog.Log{
		"its head": &partlyDown{memoryLog: whole, head: down}, "its events": &partlyDown{memoryLog: whole, after: down},
		"its head at the end": &growingLog{Log: ending, grow: func() {
			whole.append(t, draft())
			ending.head = down
		}},
	} {
		if _, err := verify(log); !errors.Is(err, down) || errors.Is(err, eventlog.ErrBroken) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestHashCoversEveryMember finds the members of an event by reflection, so that one that is added later can't be left out.
func TestHashCoversEveryMember(t *testing.T) {
	original, err := draft().Chain(eventlog.EmptyHead())
	if err != nil {
		t.Fatal(err)
	}
	altered := 0
	var walk func(path string, member func(*eventlog.Draft) reflect.Value)
	walk = func(path string, member func(*eventlog.Draft) reflect.Value) {
		d := draft()
		revokes := *d.Revokes
		d.Revokes = &revokes
		value := member(&d)
		switch {
		case value.Type() == reflect.TypeFor[time.Time]():
			value.Set(reflect.ValueOf(start.Add(2 * time.Hour)))
		case value.Type() == reflect.TypeFor[json.RawMessage]():
			value.SetBytes([]byte(`{"name":"altered"}`))
		case value.Kind() == reflect.String:
			value.SetString("altered")
		case value.Kind() == reflect.Int64:
			value.SetInt(value.Int() + 1)
		case value.Kind() == reflect.Pointer:
			walk(path, func(d *eventlog.Draft) reflect.Value { return member(d).Elem() })
			return
		case value.Kind() == reflect.Struct:
			for i := range value.NumField() {
				walk(path+"."+value.Type().Field(i).Name, func(d *eventlog.Draft) reflect.Value { return member(d).Field(i) })
			}
			return
		default:
			t.Fatalf("%s is of the kind %s: say here how it can be altered", path, value.Kind())
		}
		e, err := d.Chain(eventlog.EmptyHead())
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(e.Hash, original.Hash) {
			t.Errorf("the hash does not cover %s", path)
		}
		altered++
	}
	walk("Draft", func(d *eventlog.Draft) reflect.Value { return reflect.ValueOf(d).Elem() })
	if altered < 17 {
		t.Errorf("only %d members were altered", altered)
	}
	for _, head := range []eventlog.Head{{Seq: 1, Hash: make([]byte, 32)}, {Seq: 0, Hash: bytes.Repeat([]byte{1}, 32)}} {
		if e, err := draft().Chain(head); err != nil || bytes.Equal(e.Hash, original.Hash) {
			t.Errorf("the hash does not cover the position %d after %x (%v)", head.Seq, head.Hash, err)
		}
	}
}

func TestHashTellsWholeMicroseconds(t *testing.T) {
	exact, finer := draft(), draft()
	finer.At = finer.At.Add(999 * time.Nanosecond)
	a, errA := exact.Chain(eventlog.EmptyHead())
	b, errB := finer.Chain(eventlog.EmptyHead())
	if errA != nil || errB != nil || !bytes.Equal(a.Hash, b.Hash) {
		t.Error("a fraction of a microsecond, which no store keeps, changes the hash")
	}
	local := draft()
	local.At = local.At.In(time.FixedZone("elsewhere", 3600))
	if c, err := local.Chain(eventlog.EmptyHead()); err != nil || !bytes.Equal(a.Hash, c.Hash) {
		t.Error("the time zone changes the hash")
	}
}
