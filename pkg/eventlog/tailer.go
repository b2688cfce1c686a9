package eventlog

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// Constants for following the log.
const (
	// TailInterval is how often the log is read if nobody wakes the tailer.
	TailInterval = 150 * time.Millisecond
	// StalenessMax is how old the last complete reading of the log may become before what was derived from it is no longer
	// trusted.
	StalenessMax = 750 * time.Millisecond

	tailBatch = 1000
)

// ErrDiscontinued means that the log does not continue from where it was read. The database was restored from a backup, or has
// lost its newest events, or it is another one; or events that this process has not seen were pruned, as after it was suspended
// for longer than they are kept. Then nothing that was derived from the log is valid.
var ErrDiscontinued = errors.New("the event log does not continue from where it was read: the database was restored from a backup or lost its newest changes, " +
	"or this process stood still for too long; start the service again")

// Tailer follows the log and passes each event, in order and once, to its subscribers. It polls, because that needs nothing from
// the database but a query, and so works even through a pooler that keeps no session.
//
// Create it with [NewTailer], subscribe, then call [Tailer.Run]. All methods are safe for concurrent use, except that Subscribe
// must not be called after the first reading.
type Tailer struct {
	log         Log
	now         func() time.Time
	subscribers []func(Event)
	wake        chan struct{}

	poll   chan struct{}             // holds one element while the log is being read, so that there is only one reading at a time
	read   atomic.Pointer[Head]      // position up to which events have been passed on; nil before the first reading
	readAt atomic.Pointer[time.Time] // start of the last complete reading
}

// NewTailer returns a tailer that starts at the log's head as of its first successful reading. The times that now returns must
// include a monotonic clock reading, as those of time.Now do, so that a process notices that it was suspended.
func NewTailer(log Log, now func() time.Time) *Tailer {
	return &Tailer{log: log, now: now, wake: make(chan struct{}, 1), poll: make(chan struct{}, 1)}
}

// Subscribe adds a function that is called with every event from now on. It must return quickly and must not call the tailer.
func (t *Tailer) Subscribe(f func(Event)) { t.subscribers = append(t.subscribers, f) }

// Wake makes Run read the log now instead of at the end of the interval.
func (t *Tailer) Wake() {
	select {
	case t.wake <- struct{}{}:
	default: // a reading is due already
	}
}

// Position returns the sequence number up to which events have been passed on; 0 before the first reading.
func (t *Tailer) Position() int64 {
	if read := t.read.Load(); read != nil {
		return read.Seq
	}
	return 0
}

// Age returns how long ago the last complete reading of the log began, as measured by [Elapsed]; ok is false before the first.
func (t *Tailer) Age() (age time.Duration, ok bool) {
	at := t.readAt.Load()
	if at == nil {
		return 0, false
	}
	return Elapsed(*at, t.now()), true
}

// Elapsed returns the time from since to now: the longer of what the monotonic clock and the wall clock say, for times that carry
// both. The monotonic clock continues while a process is suspended, but may stand still while its machine sleeps; the wall clock
// can be set back. If the result is too long, a caller that measures the age of its knowledge merely reads again.
func Elapsed(since, now time.Time) time.Duration {
	return max(now.Sub(since), now.Round(0).Sub(since.Round(0)))
}

// Fresh reports whether everything that was committed more than [StalenessMax] ago has been passed on.
func (t *Tailer) Fresh() bool {
	age, ok := t.Age()
	return ok && age <= StalenessMax
}

// Run follows the log until ctx ends. A reading that fails is logged and repeated at the next interval. Errors:
// [ErrDiscontinued].
func (t *Tailer) Run(ctx context.Context) error {
	ticker := time.NewTicker(TailInterval)
	defer ticker.Stop()
	failing := false
	for {
		err := t.Poll(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrDiscontinued):
			return err
		case err != nil && !failing:
			slog.WarnContext(ctx, "the event log can't be read; caches are not used", "error", err)
		case err == nil && failing:
			slog.InfoContext(ctx, "the event log can be read again", "position", t.Position())
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-t.wake:
		}
	}
}

// Poll reads the log once, to its end, and passes on what is new. If it fails midway, what was read before stays passed on.
// Errors: [ErrDiscontinued]; those of the log; that of ctx, also while another reading is in progress.
func (t *Tailer) Poll(ctx context.Context) error {
	select {
	case t.poll <- struct{}{}:
		defer func() { <-t.poll }()
	case <-ctx.Done():
		return ctx.Err()
	}
	started := t.now()
	head, err := t.log.Head(ctx)
	if err != nil {
		return err
	}
	if t.read.Load() == nil {
		t.read.Store(&head)
	}
	if err := t.follow(ctx, head); err != nil {
		if errors.Is(err, ErrDiscontinued) {
			t.readAt.Store(nil)
		}
		return err
	}
	t.readAt.Store(&started)
	return nil
}

// follow passes on the events up to the log's head. Usually there are none, and the head alone shows that nothing was added, lost or
// replaced. Errors: [ErrDiscontinued]; those of the log.
func (t *Tailer) follow(ctx context.Context, head Head) error {
	read := t.read.Load()
	if head.Seq < read.Seq || head.Seq == read.Seq && !bytes.Equal(head.Hash, read.Hash) {
		return ErrDiscontinued
	}
	for read.Seq < head.Seq {
		events, err := t.log.After(ctx, read.Seq, tailBatch)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return ErrDiscontinued
		}
		for _, e := range events {
			if !e.linksTo(*read) || e.Action == LogRestored { // a backup may have all events that were read
				return ErrDiscontinued
			}
			for _, f := range t.subscribers {
				f(e)
			}
			read = &Head{Seq: e.Seq, Hash: e.Hash}
			t.read.Store(read)
		}
	}
	return nil
}
