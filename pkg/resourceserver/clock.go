package resourceserver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// clock tells the time of day, for checking claims, and the time elapsed since the clock was made, for everything that measures a
// duration. The latter is monotonic if now is.
type clock struct {
	now   func() time.Time
	start time.Time
}

func newClock(now func() time.Time) clock {
	return clock{now: now, start: now()}
}

func (c clock) elapsed() time.Duration { return c.now().Sub(c.start) }

// age returns how long ago a time was: the longer of what the monotonic clock and the wall clock say. The monotonic clock may
// stand still while the machine sleeps, and the wall clock can be set back.
func age(of, now time.Time) time.Duration {
	return max(now.Sub(of), now.Round(0).Sub(of.Round(0)))
}

// pause waits for d and reports whether it waited the whole time; false means that ctx cut it short.
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

// backoff returns how long to wait after this many failures in a row: exponential with full jitter, so that listeners that lost a
// restarting server together don't all come back at once.
func backoff(failures int) time.Duration {
	ceiling := backoffMax
	if failures < 8 {
		ceiling = min(backoffFirst<<max(failures-1, 0), backoffMax)
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return time.Duration(float64(ceiling) * float64(binary.BigEndian.Uint32(random[:])) / (1 << 32))
}
