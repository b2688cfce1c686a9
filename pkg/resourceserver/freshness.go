package resourceserver

import (
	"sync/atomic"
	"time"
)

// FeedLostPolicy says what happens to tokens when revocations aren't heard of.
type FeedLostPolicy int

const (
	// KeepAccepting accepts tokens for Options.FeedLossMax after the last sign of life, so that a restart of the
	// authorization server isn't noticed, and then refuses all. It is the default.
	KeepAccepting FeedLostPolicy = iota
	// RefuseAtOnce refuses all tokens from the moment a break is noticed until the snapshot has been read again, which is
	// tried every Options.PollInterval. A connection that died without a word is noticed after 11 seconds, when two heartbeats have
	// been missed.
	RefuseAtOnce
)

// silenceMax is how long a stream may be silent: the server speaks at least every 5 s, so two heartbeats and some.
const silenceMax = 11 * time.Second

// freshness is how long what is known of revocations may still be relied on. Safe for concurrent use.
type freshness struct {
	policy FeedLostPolicy
	bound  time.Duration             // after a contact
	last   atomic.Pointer[time.Time] // contact
	ended  atomic.Bool               // reliance, since the last contact
}

func newFreshness(policy FeedLostPolicy, lossMax time.Duration) *freshness {
	if policy == RefuseAtOnce {
		lossMax = min(lossMax, silenceMax)
	}
	return &freshness{policy: policy, bound: lossMax}
}

// contact notes that the server was alive at a time, not after now: when a complete message of the stream came, or when a snapshot
// that was answered was asked for, since the answer may have lain there while the machine slept. One from before the last contact
// says nothing new; a contact in the future is of a clock that was set back.
func (f *freshness) contact(at, now time.Time) {
	if last := f.last.Load(); last != nil && last.After(at) && !last.After(now) {
		return
	}
	f.last.Store(&at)
	f.ended.Store(false)
}

// lost notes that there is no contact for now.
func (f *freshness) lost() {
	if f.policy == RefuseAtOnce {
		f.expire()
	}
}

// expire ends reliance until the next contact.
func (f *freshness) expire() { f.ended.Store(true) }

func (f *freshness) isStale(now time.Time) bool {
	last := f.last.Load()
	return last == nil || f.ended.Load() || age(*last, now) > f.bound
}

// lastContact returns the time of the last sign of life; zero when there was none.
func (f *freshness) lastContact() time.Time {
	if last := f.last.Load(); last != nil {
		return *last
	}
	return time.Time{}
}
