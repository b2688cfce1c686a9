package operator

import (
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// How often signing in may be tried: some attempts at once, then one each interval. The first bound is for one account
// from one address, so that nobody can lock somebody else out; the second is for one address whatever the account.
const (
	accountBurst  = 10
	accountEvery  = 30 * time.Second
	addressBurst  = 50
	addressEvery  = 6 * time.Second
	throttleSize  = 100_000
	ipv6PrefixLen = 64 // what one household or server usually has for itself
)

// ThrottledError says when to try again.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string { return ErrThrottled.Error() }

// Is makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// throttle holds a token bucket for each account and address that tried lately. It is safe for concurrent use.
type throttle struct {
	now     func() time.Time
	buckets *otter.Cache[string, *rate.Limiter]
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, buckets: otter.Must(&otter.Options[string, *rate.Limiter]{
		MaximumSize: throttleSize,
		// After this long without an attempt every bucket is full again.
		ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](accountBurst*accountEvery + addressBurst*addressEvery),
	})}
}

// admit takes one attempt out of both buckets. Errors: [ThrottledError].
func (t *throttle) admit(email, ip string) error {
	address := addressGroup(ip)
	if err := t.take("address "+address, addressEvery, addressBurst); err != nil {
		return err
	}
	return t.take("account "+address+" "+email, accountEvery, accountBurst)
}

func (t *throttle) take(bucket string, every time.Duration, burst int) error {
	limiter, _ := t.buckets.ComputeIfAbsent(bucket, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Every(every), burst), false
	})
	now := t.now()
	reservation := limiter.ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return &ThrottledError{RetryAfter: wait}
	}
	return nil
}

// addressGroup returns the address, or of IPv6 its network.
func addressGroup(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, ipv6PrefixLen).Masked().String()
}
