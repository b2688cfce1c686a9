// Package await has tests wait for a condition where they would otherwise have to wait for a time, which is too short on a
// busy machine and too long on any other.
package await

import (
	"testing"
	"time"
)

// interval is how often a condition is looked at.
const interval = 5 * time.Millisecond

// Until returns when a condition holds. The test fails when that has not come about in time.
func Until(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline, ticker := time.After(within), time.NewTicker(interval)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("after %v it is still not so that %s", within, what)
		}
	}
}
