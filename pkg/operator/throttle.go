package operator

import (
	"net/netip"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
)

// throttle counts the attempts to sign in. Attempts on an account are counted separately for each address, so that nobody can
// lock somebody else out. It is safe for concurrent use.
type throttle struct {
	accounts  *limit.Buckets[account]
	addresses *limit.Buckets[netip.Addr]
}

// account is an account that is tried from an address.
type account struct {
	address netip.Addr
	email   string
}

func newThrottle(l limit.Config, now func() time.Time) *throttle {
	return &throttle{
		accounts:  limit.New[account](limit.SignInAccount, l.SignInAccount, now),
		addresses: limit.New[netip.Addr](limit.SignInAddress, l.SignInAddress, now),
	}
}

// admit takes one attempt out of both buckets. Errors: limit.ExceededError.
func (t *throttle) admit(email, ip string) error {
	if err := t.admitAddress(ip); err != nil {
		return err
	}
	_, err := t.accounts.Take(account{limit.Address(ip), email})
	return err
}

// admitAddress takes one attempt out of the address's bucket. Errors: limit.ExceededError.
func (t *throttle) admitAddress(ip string) error {
	_, err := t.addresses.Take(limit.Address(ip))
	return err
}
