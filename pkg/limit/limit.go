// Package limit owns rate limits: token buckets in memory, what is said of them to callers, and the limits that are
// configured. Who is counted, and when, is decided by those who ask.
//
// Buckets belong to one process: N replicas let through up to N times as much. Counting in the database would cost every
// token a write, and limits are there to keep a flood away, not to bill anybody.
package limit

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// bucketsMax bounds the buckets of one policy, some 200 bytes each. Beyond it those that were used least are dropped, which
// makes them full again: a flood from very many addresses costs memory up to here and no more.
const bucketsMax = 100_000

// ipv6PrefixLen is what one household or server usually has for itself.
const ipv6PrefixLen = 64

// Rate is how many requests may be made: so many at once, and in the long run as many in each window. The zero Rate is no
// limit.
type Rate struct {
	Requests int
	Window   time.Duration
}

func (r Rate) perSecond() rate.Limit {
	return rate.Limit(float64(r.Requests) / r.Window.Seconds())
}

// fillsIn returns how long a bucket takes to fill by so many requests.
func (r Rate) fillsIn(requests float64) time.Duration {
	return time.Duration(requests / float64(r.perSecond()) * float64(time.Second))
}

// Standing is where a caller stands.
type Standing struct {
	Limit     int           // requests at once; 0 when there is no limit
	Remaining int           // requests that may be made now
	Reset     time.Duration // until all of Limit may be made again
}

// ExceededError is a request too many.
type ExceededError struct {
	Policy     string // which limit
	Standing   Standing
	RetryAfter time.Duration // until one request may be made; more than 0
}

func (e *ExceededError) Error() string {
	return fmt.Sprintf("too many requests (%s); try again after %v", e.Policy, e.RetryAfter)
}

// Buckets hold a token bucket for each of those who made requests lately. A nil *Buckets limits nobody. It is safe for
// concurrent use; those whose buckets differ do not wait for each other, and a request that is let through allocates
// nothing once its bucket is there.
type Buckets[K comparable] struct {
	policy  string
	rate    Rate
	now     func() time.Time
	entries *otter.Cache[K, *rate.Limiter]
}

// New returns the buckets of a policy, nil for the zero rate.
func New[K comparable](policy string, r Rate, now func() time.Time) *Buckets[K] {
	if r.Requests <= 0 {
		return nil
	}
	return &Buckets[K]{policy: policy, rate: r, now: now, entries: otter.Must(&otter.Options[K, *rate.Limiter]{
		MaximumSize: bucketsMax,
		// After this long without a request a bucket is full again, whatever its own rate; see [Buckets.TakeAt].
		ExpiryCalculator: otter.ExpiryAccessing[K, *rate.Limiter](max(r.Window, time.Minute)),
	})}
}

// Take counts a request. Errors: [ExceededError]; then it does not count.
func (b *Buckets[K]) Take(key K) (Standing, error) {
	if b == nil {
		return Standing{}, nil
	}
	return b.TakeAt(key, b.rate)
}

// TakeAt is [Buckets.Take] at another rate than that of the policy, with a window of a minute or that of the policy. A rate
// that changed holds from now on.
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

// Check reports whether [Buckets.Take] would refuse a request, without counting it. Errors: [ExceededError], by the policy's rate:
// it is not for those who are counted at another one.
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

// exceeded says when to try again. It only looks: a reservation that is cancelled is not given back where another was made
// meanwhile, so that a flood would be refused for ever longer.
func (b *Buckets[K]) exceeded(l *rate.Limiter, now time.Time, r Rate) error {
	wait := r.fillsIn(1 - l.TokensAt(now))
	return &ExceededError{Policy: b.policy, Standing: standing(l, now, r), RetryAfter: max(wait, time.Millisecond)}
}

// rounding is what a bucket may lack of a whole request because its content is a floating-point number.
const rounding = 1e-6

func standing(l *rate.Limiter, now time.Time, r Rate) Standing {
	tokens := max(0, l.TokensAt(now))
	return Standing{
		Limit: r.Requests, Remaining: int(math.Floor(tokens + rounding)), Reset: r.fillsIn(float64(r.Requests) - tokens),
	}
}

// Address returns whom an address is counted as: an IPv4 address however it is written, the /64 network of an IPv6 address,
// and the zero Addr for all that is no address.
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
