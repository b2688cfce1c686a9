// Package await lets tests wait for a condition instead of a fixed time, which would be too short on a busy machine and too long
// on any other.
package await

import (
	"testing"
	"time"
)

// interval is how often the condition is checked.
const interval = 5 * time.Millisecond

// Until returns once the condition holds. The test fails if that does not happen in time.
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
