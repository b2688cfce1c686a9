// Package limit owns rate limits: token buckets in memory, what callers are told about them, and the configured limits. Its users
// decide who is counted, and when.
//
// Buckets belong to one process: N replicas let through up to N times as much. Counting in the database would cost every token a
// write, and the limits exist to keep floods away, not to bill anybody.
package limit

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// bucketsMax bounds the number of buckets of one policy, at some 200 bytes each. Beyond it the least used ones are dropped, and
// so are full again the next time: a flood from very many addresses costs memory up to this bound and no more.
const bucketsMax = 100_000

// ipv6PrefixLen is the length of the prefix that one household or server usually has to itself.
const ipv6PrefixLen = 64

// Rate is how many requests may be made: this many at once, and in the long run this many per window. The zero Rate means no
// limit.
type Rate struct {
	Requests int
	Window   time.Duration
}

func (r Rate) perSecond() rate.Limit {
	return rate.Limit(float64(r.Requests) / r.Window.Seconds())
}

// fillsIn returns how long a bucket takes to refill by a number of requests.
func (r Rate) fillsIn(requests float64) time.Duration {
	return time.Duration(requests / float64(r.perSecond()) * float64(time.Second))
}

// Standing is how much of a limit a caller has left.
type Standing struct {
	Limit     int           // requests at once; 0 if there is no limit
	Remaining int           // requests that may be made now
	Reset     time.Duration // until all of Limit may be used again
}

// ExceededError means that a request exceeds a limit.
type ExceededError struct {
	Policy     string // the name of the limit
	Standing   Standing
	RetryAfter time.Duration // until one request may be made; greater than 0
}

func (e *ExceededError) Error() string {
	return fmt.Sprintf("too many requests (%s); try again after %v", e.Policy, e.RetryAfter)
}

// Buckets holds a token bucket for each key that made requests recently. A nil *Buckets limits nobody. It is safe for concurrent
// use; requests with different buckets do not wait for each other, and an admitted request allocates nothing once its bucket
// exists.
type Buckets[K comparable] struct {
	policy  string
	rate    Rate
	now     func() time.Time
	entries *otter.Cache[K, *rate.Limiter]
}

// New returns the buckets of a policy; nil for the zero rate.
func New[K comparable](policy string, r Rate, now func() time.Time) *Buckets[K] {
	if r.Requests <= 0 {
		return nil
	}
	return &Buckets[K]{policy: policy, rate: r, now: now, entries: otter.Must(&otter.Options[K, *rate.Limiter]{
		MaximumSize: bucketsMax,
		// After this long without a request a bucket is full again, even if it has its own rate; see [Buckets.TakeAt].
		ExpiryCalculator: otter.ExpiryAccessing[K, *rate.Limiter](max(r.Window, time.Minute)),
	})}
}

// Take counts a request. Errors: [ExceededError], in which case the request does not count.
func (b *Buckets[K]) Take(key K) (Standing, error) {
	if b == nil {
		return Standing{}, nil
	}
	return b.TakeAt(key, b.rate)
}

// TakeAt is [Buckets.Take] with a rate that differs from the policy's. Its window must be a minute or that of the policy. A
// changed rate applies from now on.
func (b *Buckets[K]) TakeAt(key K, r Rate) (Standing, error) {
	if b == nil {
		return Standing{}, nil
	}
	l, now := b.limiter(key, r), b.now()
	if !l.AllowN(now, 1) {
		return Standing{}, b.exceeded(l, now, r)
	}
	return standing(l, now, r), nil
}

// Check reports whether [Buckets.Take] would refuse a request, without counting it. It applies the policy's rate, so it is not
// for keys that are counted at another one. Errors: [ExceededError].
func (b *Buckets[K]) Check(key K) error {
	if b == nil {
		return nil
	}
	l, ok := b.entries.GetIfPresent(key)
	if !ok {
		return nil
	}
	if now := b.now(); l.TokensAt(now) < 1-rounding {
		return b.exceeded(l, now, b.rate)
	}
	return nil
}

// Count counts a request that [Buckets.Check] has let through, once it turns out that it counts. Requests that run at the same
// moment may exceed the limit by their number.
func (b *Buckets[K]) Count(key K) { _, _ = b.Take(key) }

func (b *Buckets[K]) limiter(key K, r Rate) *rate.Limiter {
	l, ok := b.entries.GetIfPresent(key)
	if !ok {
		l, _ = b.entries.ComputeIfAbsent(key, func() (*rate.Limiter, bool) {
			return rate.NewLimiter(r.perSecond(), r.Requests), false
		})
	}
	if l.Burst() != r.Requests || l.Limit() != r.perSecond() {
		now := b.now()
		l.SetLimitAt(now, r.perSecond())
		l.SetBurstAt(now, r.Requests)
	}
	return l
}

// exceeded says when to try again. It only looks at the bucket. A reservation would not do: cancelling one does not return its
// token if another was made meanwhile, so a flood would be refused for longer and longer.
func (b *Buckets[K]) exceeded(l *rate.Limiter, now time.Time, r Rate) error {
	wait := r.fillsIn(1 - l.TokensAt(now))
	return &ExceededError{Policy: b.policy, Standing: standing(l, now, r), RetryAfter: max(wait, time.Millisecond)}
}

// rounding is how much less than a whole request a bucket may contain because its content is a floating-point number.
const rounding = 1e-6

func standing(l *rate.Limiter, now time.Time, r Rate) Standing {
	tokens := max(0, l.TokensAt(now))
	return Standing{
		Limit: r.Requests, Remaining: int(math.Floor(tokens + rounding)), Reset: r.fillsIn(float64(r.Requests) - tokens),
	}
}

// Address returns what an address is counted as: an IPv4 address, however it is written; the /64 network of an IPv6 address; and
// the zero Addr for anything that is not an address.
func Address(ip string) netip.Addr {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Addr{}
	}
	if a = a.Unmap(); a.Is4() {
		return a
	}
	return netip.PrefixFrom(a, ipv6PrefixLen).Masked().Addr()
}
