package eventlog_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// liveLog is a log that can be appended to, and fail, while it is followed.
type liveLog struct {
	mu    sync.Mutex
	log   memoryLog
	calls int
}

func (l *liveLog) After(ctx context.Context, seq int64, limit int) ([]eventlog.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.log.err != nil {
		return nil, l.log.err
	}
	return l.log.After(ctx, seq, limit)
}

func (l *liveLog) Head(ctx context.Context) (eventlog.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.log.head.Hash == nil {
		l.log.head = eventlog.EmptyHead()
	}
	return l.log.Head(ctx)
}

func (l *liveLog) append(t testing.TB, n int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.log.append(t, draft())
	}
}

func (l *liveLog) loseNewest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.log.events) - 1
	newest := l.log.events[last]
	l.log.events, l.log.head = l.log.events[:last], eventlog.Head{Seq: newest.Seq - 1, Hash: newest.PrevHash}
}

func (l *liveLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log.err = err
}

// clock returns the time that the test has set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func numbers(from, to int64) []int64 {
	var list []int64
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list
}

func poll(t testing.TB, tailer *eventlog.Tailer) {
	t.Helper()
	if err := tailer.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestTailerHandsOutEachEventOnceAndInOrder(t *testing.T) {
	log := &liveLog{}
	log.append(t, 5)
	tailer := eventlog.NewTailer(log, time.Now)
	var first, second []int64
	tailer.Subscribe(func(e eventlog.Event) { first = append(first, e.Seq) })
	tailer.Subscribe(func(e eventlog.Event) { second = append(second, e.Seq) })

	poll(t, tailer)
	if len(first) != 0 || tailer.Position() != 5 {
		t.Fatalf("the first reading handed out %v and is at %d; want nothing, and the head", first, tailer.Position())
	}
	poll(t, tailer)
	log.append(t, 3)
	poll(t, tailer)
	poll(t, tailer)
	log.append(t, 2300) // several batches
	poll(t, tailer)
	if want := numbers(6, 2308); !slices.Equal(first, want) || !slices.Equal(second, want) {
		t.Errorf("handed out %d and %d events, want %d in order", len(first), len(second), len(want))
	}
	if tailer.Position() != 2308 {
		t.Errorf("the position is %d", tailer.Position())
	}
}

func TestTailerReadByManyHandsOutEachEventOnce(t *testing.T) {
	log := &liveLog{}
	tailer := eventlog.NewTailer(log, time.Now)
	var got []int64
	tailer.Subscribe(func(e eventlog.Event) { got = append(got, e.Seq) })
	poll(t, tailer)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				log.append(t, 1)
				if err := tailer.Poll(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if !slices.Equal(got, numbers(1, 160)) {
		t.Errorf("handed out %v", got)
	}
}

func TestTailerIsFreshForTheStalenessBound(t *testing.T) {
	log, now := &liveLog{}, &clock{now: start}
	tailer := eventlog.NewTailer(log, now.Now)
	if _, ok := tailer.Age(); ok || tailer.Fresh() {
		t.Error("fresh before the first reading")
	}
	poll(t, tailer)
	now.advance(eventlog.StalenessMax)
	if !tailer.Fresh() {
		t.Error("not fresh at the bound")
	}
	now.advance(1)
	if tailer.Fresh() {
		t.Error("fresh after the bound")
	}
	if age, ok := tailer.Age(); !ok || age != eventlog.StalenessMax+1 {
		t.Errorf("the age is %v, %v", age, ok)
	}
	poll(t, tailer)
	if !tailer.Fresh() {
		t.Error("not fresh after another reading")
	}
}

// TestTailerCountsAgeFromTheStartOfAReading: a reading is only sure to return what was committed before it began, however long it
// takes.
func TestTailerCountsAgeFromTheStartOfAReading(t *testing.T) {
	log, now := &liveLog{}, &clock{now: start}
	tailer := eventlog.NewTailer(log, now.Now)
	poll(t, tailer)
	log.append(t, 1)
	tailer.Subscribe(func(eventlog.Event) { now.advance(time.Second) })
	poll(t, tailer)
	if age, _ := tailer.Age(); age != time.Second || tailer.Fresh() {
		t.Errorf("the age after a reading of one second is %v", age)
	}
}

// unbounded is a log that fails the test if a call comes with a deadline.
type unbounded struct {
	eventlog.Log
	t *testing.T
}

func (l unbounded) Head(ctx context.Context) (eventlog.Head, error) {
	l.check(ctx)
	return l.Log.Head(ctx)
}

func (l unbounded) After(ctx context.Context, seq int64, limit int) ([]eventlog.Event, error) {
	l.check(ctx)
	return l.Log.After(ctx, seq, limit)
}

func (l unbounded) check(ctx context.Context) {
	if at, bounded := ctx.Deadline(); bounded {
		l.t.Errorf("the call is to end at %v", at)
	}
}

// TestTailerLeavesItToTheLogToEndACall: the tailer sets no deadline of its own, because a store can't attribute a caller's deadline
// to a database that did not answer.
func TestTailerLeavesItToTheLogToEndACall(t *testing.T) {
	log := &liveLog{}
	tailer := eventlog.NewTailer(unbounded{log, t}, (&clock{now: start}).Now)
	poll(t, tailer)
	log.append(t, 1)
	poll(t, tailer)
	if tailer.Position() != 1 {
		t.Errorf("the tailer is at %d", tailer.Position())
	}
}

func TestTailerDistrustsWhatItKnowsWhileTheLogFails(t *testing.T) {
	log, now := &liveLog{}, &clock{now: start}
	tailer := eventlog.NewTailer(log, now.Now)
	var got []int64
	tailer.Subscribe(func(e eventlog.Event) { got = append(got, e.Seq) })
	down := errors.New("down")
	log.fail(down)
	if err := tailer.Poll(t.Context()); !errors.Is(err, down) || tailer.Fresh() {
		t.Fatalf("the first reading fails with %v, fresh: %v", err, tailer.Fresh())
	}
	log.fail(nil)
	poll(t, tailer)

	log.fail(down)
	log.append(t, 2)
	now.advance(eventlog.StalenessMax / 2)
	if err := tailer.Poll(t.Context()); !errors.Is(err, down) || !tailer.Fresh() {
		t.Errorf("a failure within the bound: %v, fresh: %v", err, tailer.Fresh())
	}
	now.advance(eventlog.StalenessMax)
	if err := tailer.Poll(t.Context()); !errors.Is(err, down) || tailer.Fresh() {
		t.Errorf("a failure for longer than the bound: %v, fresh: %v", err, tailer.Fresh())
	}
	log.fail(nil)
	poll(t, tailer)
	if !tailer.Fresh() || !slices.Equal(got, numbers(1, 2)) {
		t.Errorf("after recovery fresh is %v and %v were handed out", tailer.Fresh(), got)
	}
}

func TestRunReadsAtEveryIntervalAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &liveLog{}
		tailer := eventlog.NewTailer(log, time.Now)
		var got []int64
		tailer.Subscribe(func(e eventlog.Event) { got = append(got, e.Seq) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := tailer.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		log.append(t, 1)
		<-time.After(eventlog.TailInterval)
		synctest.Wait()
		if !slices.Equal(got, numbers(1, 1)) {
			t.Errorf("after an interval %v were handed out", got)
		}

		log.fail(errors.New("down"))
		log.append(t, 1)
		<-time.After(eventlog.StalenessMax + eventlog.TailInterval)
		synctest.Wait()
		if tailer.Fresh() {
			t.Error("fresh while the log can't be read")
		}
		log.fail(nil)
		<-time.After(eventlog.TailInterval)
		synctest.Wait()
		if !tailer.Fresh() || !slices.Equal(got, numbers(1, 2)) {
			t.Errorf("after recovery fresh is %v and %v were handed out", tailer.Fresh(), got)
		}
		cancel()
		<-done
	})
}

// TestALogThatDoesNotGoOnIsNotFollowed: the events that this process has missed may have changed anything, so nothing that it
// derived from the log is valid any more.
func TestALogThatDoesNotGoOnIsNotFollowed(t *testing.T) {
	another := draft()
	another.Subject.ID = "another"
	for name, lose := range map[string]func(t *testing.T, l *liveLog){
		"events that were not read are pruned": func(t *testing.T, l *liveLog) {
			l.append(t, 3)
			l.log.events = l.log.events[4:]
		},
		"the newest event is lost": func(_ *testing.T, l *liveLog) { l.loseNewest() },
		"the newest event is lost, and another comes": func(t *testing.T, l *liveLog) {
			l.loseNewest()
			l.log.append(t, another)
		},
		"the newest event is lost, and others come": func(t *testing.T, l *liveLog) {
			l.loseNewest()
			l.log.append(t, another, draft())
		},
		"the newest event is lost between two statements": func(t *testing.T, l *liveLog) {
			l.append(t, 1)
			l.log.events = l.log.events[:1]
		},
		"it is put into service as a backup that has all events": func(t *testing.T, l *liveLog) {
			restored := draft()
			restored.Action = eventlog.LogRestored
			l.log.append(t, restored, draft())
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &liveLog{}
			tailer := eventlog.NewTailer(log, time.Now)
			var got []int64
			tailer.Subscribe(func(e eventlog.Event) { got = append(got, e.Seq) })
			poll(t, tailer)
			log.append(t, 2)
			poll(t, tailer)
			lose(t, log)
			for range 2 {
				if err := tailer.Poll(t.Context()); !errors.Is(err, eventlog.ErrDiscontinued) {
					t.Fatalf("it is read: %v", err)
				}
			}
			if tailer.Fresh() || !slices.Equal(got, numbers(1, 2)) {
				t.Errorf("fresh is %v, and %v were handed out", tailer.Fresh(), got)
			}
			if err := tailer.Run(t.Context()); !errors.Is(err, eventlog.ErrDiscontinued) {
				t.Errorf("it is followed: %v", err)
			}
		})
	}
}

// TestALogWithoutNewEventsIsReadWithOneCall: an idle service asks several times a second.
func TestALogWithoutNewEventsIsReadWithOneCall(t *testing.T) {
	log := &liveLog{}
	log.append(t, 5)
	tailer := eventlog.NewTailer(log, time.Now)
	for _, news := range []int{0, 0, 3, 0} {
		log.append(t, news)
		log.calls = 0
		poll(t, tailer)
		if want := 1 + min(news, 1); log.calls != want {
			t.Errorf("after %d new events it took %d calls, want %d", news, log.calls, want)
		}
	}
}

func TestWakeMakesRunReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &liveLog{}
		tailer := eventlog.NewTailer(log, time.Now)
		var got []int64
		tailer.Subscribe(func(e eventlog.Event) { got = append(got, e.Seq) })
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = tailer.Run(ctx) }()
		synctest.Wait()
		before := time.Now()
		log.append(t, 1)
		for range 5 {
			tailer.Wake()
		}
		synctest.Wait()
		if !slices.Equal(got, numbers(1, 1)) || !time.Now().Equal(before) {
			t.Errorf("%v were handed out after %v", got, time.Since(before))
		}
		cancel()
	})
}

// TestASuspendedProcessIsNotFreshWhenItGoesOn: a process that was suspended must not trust what it knew until it has read the log
// again.
func TestASuspendedProcessIsNotFreshWhenItGoesOn(t *testing.T) {
	log, now := &liveLog{}, &clock{now: start}
	tailer := eventlog.NewTailer(log, now.Now)
	poll(t, tailer)
	log.append(t, 1)
	now.advance(time.Hour)
	if tailer.Fresh() {
		t.Error("fresh after an hour without a reading")
	}
	poll(t, tailer)
	if !tailer.Fresh() || tailer.Position() != 1 {
		t.Errorf("after a reading fresh is %v and the position %d", tailer.Fresh(), tailer.Position())
	}
}

func TestTimeGoesOnWhileTheMachineSleepsOrItsClockIsSetBack(t *testing.T) {
	began := time.Now()
	for name, c := range map[string]struct {
		now  time.Time
		want time.Duration
	}{
		"at once":               {began, 0},
		"later":                 {began.Add(time.Second), time.Second},
		"after a sleep":         {clocktest.Asleep(t, began, time.Hour), time.Hour},
		"after it was set back": {clocktest.Asleep(t, began.Add(time.Second), -time.Hour), time.Second},
	} {
		if got := eventlog.Elapsed(began, c.now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	now := began
	tailer := eventlog.NewTailer(&liveLog{}, func() time.Time { return now })
	poll(t, tailer)
	now = clocktest.Asleep(t, began, time.Hour)
	if tailer.Fresh() {
		t.Error("fresh after the machine slept for an hour")
	}
}
