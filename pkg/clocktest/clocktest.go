// Package clocktest makes times for tests that no test can wait for.
package clocktest

import (
	"testing"
	"time"
	"unsafe"
)

// Asleep returns the time of a machine that slept for d since now, which must come from time.Now: the clock on its wall went
// on, the monotonic one did not. With a negative d the clock on the wall was set back.
func Asleep(t testing.TB, now time.Time, d time.Duration) time.Time {
	t.Helper()
	woken := now.Add(d)
	type layout struct {
		wall uint64
		ext  int64 // of a time with both clocks, the monotonic one
	}
	// Nothing in package time sets the one clock without the other. Where times are made in another way, the check below fails.
	(*layout)(unsafe.Pointer(&woken)).ext -= int64(d) //nolint:gosec // in tests only, within a time of this function's own
	if woken.Sub(now) != 0 || woken.Round(0).Sub(now.Round(0)) != d {
		t.Fatal("a time is not made as clocktest thinks")
	}
	return woken
}
