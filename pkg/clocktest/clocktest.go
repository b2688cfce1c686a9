// Package clocktest makes times that tests can't obtain by waiting.
package clocktest

import (
	"testing"
	"time"
	"unsafe"
)

// Asleep returns the time on a machine that has slept for d since now, which must come from time.Now: the wall clock went on, but
// the monotonic clock did not. With a negative d, the wall clock was set back.
func Asleep(t testing.TB, now time.Time, d time.Duration) time.Time {
	t.Helper()
	woken := now.Add(d)
	type layout struct {
		wall uint64
		ext  int64 // the monotonic clock, in a time that has both
	}
	// Nothing in package time sets one clock without the other. If the layout of times should change, the check below fails.
	(*layout)(unsafe.Pointer(&woken)).ext -= int64(d) //nolint:gosec // only in tests, and only on this function's own time value
	if woken.Sub(now) != 0 || woken.Round(0).Sub(now.Round(0)) != d {
		t.Fatal("a time is not made as clocktest thinks")
	}
	return woken
}
