package app

import (
	"context"
	"errors"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

const (
	// readyTimeout is how long the database may take to answer.
	readyTimeout = 2 * time.Second
	// readyInterval is how long an answer of the database counts. Anybody may ask whether the service is ready, as often as they
	// like, and on SQLite each question takes the turn of a change.
	readyInterval = time.Second
)

// readiness is what is known of the database from the last time that it was asked.
type readiness struct {
	turn  chan struct{} // holds an entry while somebody asks; guards the rest
	asked time.Time     // zero before the first time
	err   error
}

// Ready returns nil when requests can be served, otherwise the reason why they can't. However many callers ask, the database is
// asked once a second. It is safe for concurrent use.
func (a *App) Ready(ctx context.Context) error {
	if !a.prepared.Load() {
		return errors.New("the database is not prepared yet")
	}
	if a.draining.Load() {
		return errors.New("the service is about to stop")
	}
	select {
	case a.reached.turn <- struct{}{}:
		defer func() { <-a.reached.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	lapsed := a.reached.err == nil && !a.Tailer.Fresh() // the log could be read then, but has not been since
	if lapsed || eventlog.Elapsed(a.reached.asked, a.options.Now()) >= readyInterval {
		a.reached.err = a.reach(context.WithoutCancel(ctx)) // the answer is for others, too
		a.reached.asked = a.options.Now()
	}
	return a.reached.err
}

// reach returns nil if the database answers and the log can be read in time.
func (a *App) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := a.Store.Ping(ctx); err != nil {
		return errors.New("the database does not answer")
	}
	if !a.Tailer.Fresh() { // if it is fresh, the log has been read just now
		if err := a.Tailer.Poll(ctx); err != nil || !a.Tailer.Fresh() {
			return errors.New("the event log can't be read in time")
		}
	}
	return nil
}
