package app

import (
	"context"
	"time"
)

// clockReading pairs a reading of this machine's clock with the earliest time that it may have been at that moment.
type clockReading struct{ own, earliest time.Time }

// earliest returns the earliest time that it may be now. Whatever is ended or deleted for good goes by it, because a clock that
// was wrong can be set right, but nothing brings back what it ended. So this machine's clock counts only as far as its monotonic
// clock has also gone since the last comparison with the database's clock, or, on SQLite, since the start.
func (a *App) earliest() time.Time {
	now, compared := a.options.Now(), a.compared.Load()
	confirmed := compared.earliest.Add(now.Sub(compared.own))
	if now = now.Round(0); now.Before(confirmed) {
		return now
	}
	return confirmed
}

// compareClocks records how far this clock is ahead of the database's. Errors: those of the store.
func (a *App) compareClocks(ctx context.Context) error {
	own := a.options.Now()
	ahead, err := a.clockAhead(ctx)
	if err != nil {
		return err
	}
	a.clockOffset.Store(&ahead)
	if _, same := a.Config.sqlitePath(); !same {
		a.compared.Store(&clockReading{own, own.Round(0).Add(-max(ahead, 0))})
	}
	return nil
}

// clockAhead returns how far this clock is ahead of the database's, negative if it is behind. It is the least difference that is
// certain: up to the duration of the query, a difference may come from the query alone. Errors: those of the store.
func (a *App) clockAhead(ctx context.Context) (time.Duration, error) {
	before := a.options.Now()
	theirs, err := a.Store.Clock(ctx)
	if err != nil {
		return 0, err
	}
	return max(before.Sub(theirs), min(a.options.Now().Sub(theirs), 0)), nil
}
