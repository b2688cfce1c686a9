package operator

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
)

// The limits in these tests: a number of attempts at once, then one per interval.
const (
	accountBurst = 10
	accountEvery = 30 * time.Second
	addressBurst = 50
	addressEvery = 6 * time.Second
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// limits is a throttle with a clock that the test sets.
type limits struct {
	*throttle
	now time.Time
}

func newLimits() *limits {
	l := &limits{now: start}
	l.throttle = newThrottle(limit.Config{SignInAccount: limit.Rate{Requests: accountBurst, Window: accountBurst * accountEvery}, SignInAddress: limit.Rate{Requests: addressBurst, Window: addressBurst * addressEvery}}, func() time.Time { return l.now })
	return l
}

// admitted returns how many attempts are admitted in a row.
func (l *limits) admitted(email func(i int) string, ip string) int {
	for i := range 1000 {
		if l.admit(email(i), ip) != nil {
			return i
		}
	}
	return 1000
}

func always(email string) func(int) string { return func(int) string { return email } }

func anybody(i int) string { return fmt.Sprintf("%d@example.com", i) }

func TestAnAccountMayBeTriedSomeTimesFromOneAddress(t *testing.T) {
	l := newLimits()
	if n := l.admitted(always("ana@example.com"), "192.0.2.1"); n != accountBurst {
		t.Fatalf("%d attempts are admitted, want %d", n, accountBurst)
	}
	err := l.admit("ana@example.com", "192.0.2.1")
	var throttled *limit.ExceededError
	if !errors.As(err, &throttled) || throttled.RetryAfter != accountEvery {
		t.Fatalf("the error is %#v, want to try again after %v", err, accountEvery)
	}
	l.now = l.now.Add(throttled.RetryAfter - time.Millisecond)
	if l.admit("ana@example.com", "192.0.2.1") == nil {
		t.Error("admitted before its time")
	}
	l.now = l.now.Add(time.Millisecond)
	if err := l.admit("ana@example.com", "192.0.2.1"); err != nil {
		t.Errorf("not admitted at its time: %v", err)
	}
	if l.admit("ana@example.com", "192.0.2.1") == nil {
		t.Error("two are admitted at once")
	}
	l.now = l.now.Add(accountBurst * accountEvery)
	if n := l.admitted(always("ana@example.com"), "192.0.2.1"); n != accountBurst {
		t.Errorf("after a pause %d attempts are admitted", n)
	}
}

func TestNobodyCanLockSomebodyElseOut(t *testing.T) {
	l := newLimits()
	l.admitted(always("ana@example.com"), "192.0.2.1")
	if err := l.admit("ana@example.com", "192.0.2.2"); err != nil {
		t.Errorf("from another address: %v", err)
	}
	if err := l.admit("bruno@example.com", "192.0.2.1"); err != nil {
		t.Errorf("to another account: %v", err)
	}
}

func TestAnAddressMayTrySomeTimesWhateverTheAccount(t *testing.T) {
	l := newLimits()
	if n := l.admitted(anybody, "192.0.2.1"); n != addressBurst {
		t.Fatalf("%d attempts are admitted, want %d", n, addressBurst)
	}
	err := l.admit("new@example.com", "192.0.2.1")
	var throttled *limit.ExceededError
	if !errors.As(err, &throttled) || throttled.RetryAfter != addressEvery {
		t.Fatalf("the error is %#v", err)
	}
	if err := l.admit("new@example.com", "192.0.2.2"); err != nil {
		t.Errorf("from another address: %v", err)
	}
	l.now = l.now.Add(addressEvery)
	if n := l.admitted(anybody, "192.0.2.1"); n != 1 {
		t.Errorf("after one interval %d attempts are admitted", n)
	}
}

func TestAnIPv6NetworkCountsAsOneAddress(t *testing.T) {
	l := newLimits()
	for i := range addressBurst {
		if err := l.admit(anybody(i), fmt.Sprintf("2001:db8:1:2:%x::1", i)); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	if l.admit("new@example.com", "2001:db8:1:2:ffff::1") == nil {
		t.Error("another address of the network is admitted")
	}
	if err := l.admit("new@example.com", "2001:db8:1:3::1"); err != nil {
		t.Errorf("another network: %v", err)
	}
}

func TestAttemptsAtOnceAreCountedOnceEach(t *testing.T) {
	l := newLimits()
	var group sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 8 {
		group.Go(func() {
			for range accountBurst {
				if l.admit("ana@example.com", "192.0.2.1") == nil {
					mu.Lock()
					admitted++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if admitted != accountBurst {
		t.Errorf("%d attempts are admitted, want %d", admitted, accountBurst)
	}
}
