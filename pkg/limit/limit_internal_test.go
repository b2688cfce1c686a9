package limit

import (
	"testing"
	"time"
)

// TestABucketIsKeptForItsWholeWindow: a bucket that is forgotten sooner starts full again, so that a client that pauses could make
// more requests than the rate allows. Each is kept for at least a minute, because a rate of a client's own may be per minute.
func TestABucketIsKeptForItsWholeWindow(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 5 * time.Minute, 24 * time.Hour} {
		b := New[string]("p", Rate{Requests: 10, Window: window}, time.Now)
		if _, err := b.Take("ana"); err != nil {
			t.Fatal(err)
		}
		entry, ok := b.entries.GetEntryQuietly("ana")
		if !ok || entry.ExpiresAfter() < max(window, time.Minute)-time.Second {
			t.Errorf("of a window of %v the bucket is forgotten after %v", window, entry.ExpiresAfter())
		}
	}
}
