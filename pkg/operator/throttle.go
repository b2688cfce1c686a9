package operator

import (
	"errors"
	"net/netip"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
)

// ThrottledError says when to try again, and where the account or the address stands, whichever refused.
type ThrottledError struct {
	RetryAfter time.Duration
	Standing   limit.Standing
}

func (e *ThrottledError) Error() string { return ErrThrottled.Error() }

// Is makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// Limits are how often signing in may be tried. That of an account counts for each address by itself, so that nobody can
// lock somebody else out. A zero rate is no limit.
type Limits struct {
	Account limit.Rate // one account from one address
	Address limit.Rate // one address, whatever the account
}

// throttle counts the attempts. It is safe for concurrent use.
type throttle struct {
	accounts  *limit.Buckets[account]
	addresses *limit.Buckets[netip.Addr]
}

// account is one that is tried from an address.
type account struct {
	address netip.Addr
	email   string
}

func newThrottle(l Limits, now func() time.Time) *throttle {
	return &throttle{
		accounts:  limit.New[account](limit.SignInAccount, l.Account, now),
		addresses: limit.New[netip.Addr](limit.SignInAddress, l.Address, now),
	}
}

// admit takes one attempt out of both buckets. Errors: [ThrottledError].
func (t *throttle) admit(email, ip string) error {
	if err := t.admitAddress(ip); err != nil {
		return err
	}
	_, err := t.accounts.Take(account{limit.Address(ip), email})
	return throttled(err)
}

// admitAddress takes one attempt out of the address's bucket. Errors: [ThrottledError].
func (t *throttle) admitAddress(ip string) error {
	_, err := t.addresses.Take(limit.Address(ip))
	return throttled(err)
}

// throttled makes a [ThrottledError] of a limit that is exceeded.
func throttled(err error) error {
	if exceeded := (*limit.ExceededError)(nil); errors.As(err, &exceeded) {
		return &ThrottledError{RetryAfter: exceeded.RetryAfter, Standing: exceeded.Standing}
	}
	return err
}
