package resourceserver

import (
	"sync/atomic"
	"time"
)

// FeedLostPolicy says what happens to tokens when nothing is heard from the revocation feed.
type FeedLostPolicy int

const (
	// KeepAccepting accepts tokens for Options.FeedLossMax after the last sign of life, so that a restart of the authorization
	// server goes unnoticed, and then refuses all of them. It is the default.
	KeepAccepting FeedLostPolicy = iota
	// RefuseAtOnce refuses all tokens from the moment a break is noticed until the snapshot has been read again, which is
	// attempted every Options.PollInterval. A connection that died silently is noticed after 11 seconds, when two heartbeats have
	// been missed.
	RefuseAtOnce
)

// silenceMax is how long a stream may be silent: the server sends something at least every 5 s, so this allows for two missed
// heartbeats and some delay.
const silenceMax = 11 * time.Second

// freshness keeps track of how long the known revocations may still be relied on. Safe for concurrent use.
type freshness struct {
	policy FeedLostPolicy
	bound  time.Duration             // how long after a contact the revocations are relied on
	last   atomic.Pointer[time.Time] // time of the last contact
	ended  atomic.Bool               // reliance was ended early, after the last contact
}

func newFreshness(policy FeedLostPolicy, lossMax time.Duration) *freshness {
	if policy == RefuseAtOnce {
		lossMax = min(lossMax, silenceMax)
	}
	return &freshness{policy: policy, bound: lossMax}
}

// contact notes that everything revoked before a time is known; the time must not be after now. It is that of the arrival of a
// complete message of the stream, or of the completion of a snapshot, counted from the sending of the request (not from the reading
// of its answer, which may have been waiting while the machine slept). A time before the last contact says nothing new; a last
// contact that lies in the future comes from a clock that has since been set back.
func (f *freshness) contact(at, now time.Time) {
	if last := f.last.Load(); last != nil && last.After(at) && !last.After(now) {
		return
	}
	f.last.Store(&at)
	f.ended.Store(false)
}

// lost notes that contact is lost for now.
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

// lastContact returns the time of the last contact; zero if there was none.
func (f *freshness) lastContact() time.Time {
	if last := f.last.Load(); last != nil {
		return *last
	}
	return time.Time{}
}
