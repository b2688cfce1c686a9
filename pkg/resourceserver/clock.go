package resourceserver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// clock tells the time of day for claims, and the time elapsed since it was made, which is monotonic as long as now is, for
// everything that measures a distance.
type clock struct {
	now   func() time.Time
	start time.Time
}

func newClock(now func() time.Time) clock {
	return clock{now: now, start: now()}
}

func (c clock) elapsed() time.Duration { return c.now().Sub(c.start) }

// age returns how long ago a time was: the longer one of what the monotonic clock and the clock on the wall say. The first
// stands still while the machine sleeps, and the second can be set back.
func age(of, now time.Time) time.Duration {
	return max(now.Sub(of), now.Round(0).Sub(of.Round(0)))
}

// pause waits and reports whether it was for the whole time, not cut short by ctx.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

const (
	backoffFirst = 100 * time.Millisecond
	backoffMax   = 10 * time.Second
)

// backoff returns how long to wait after so many failures in a row: exponential with full jitter, so that the listeners that
// a restarted server lost together don't come back together.
func backoff(failures int) time.Duration {
	ceiling := backoffMax
	if failures < 8 {
		ceiling = min(backoffFirst<<max(failures-1, 0), backoffMax)
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return time.Duration(float64(ceiling) * float64(binary.BigEndian.Uint32(random[:])) / (1 << 32))
}
