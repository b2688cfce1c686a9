package limit

import (
	"testing"
	"time"
)

// TestABucketIsKeptForItsWholeWindow: one that is forgotten sooner is full again, so that whoever pauses may make more requests
// than the rate allows. Who has a rate of his own has it for a minute at least.
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
