package resourceserver

import (
	"testing"
	"time"
)

// TestContactsGoForwardUnlessTheClockWasSetBack: an answer that was under way for long must not move the last contact back, and a
// time in the future, left from before the clock was set back, must not stay.
func TestContactsGoForwardUnlessTheClockWasSetBack(t *testing.T) {
	f := newFreshness(KeepAccepting, FeedLossMaxDefault)
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	for _, step := range []struct{ at, now, want int64 }{{100, 100, 100}, {90, 101, 100}, {100, 102, 100}, {102, 103, 102}, {50, 51, 50}} {
		f.contact(at(step.at), at(step.now))
		if got := f.lastContact(); !got.Equal(at(step.want)) {
			t.Errorf("after a contact at %d, noted at %d: the last is said to be at %d, want %d", step.at, step.now, got.Unix(), step.want)
		}
	}
}
