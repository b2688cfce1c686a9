package limit_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is set by the test's own goroutine.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestABucketHoldsItsRequestsAndFillsSteadily(t *testing.T) {
	c := &clock{start}
	b := limit.New[string]("p", limit.Rate{Requests: 3, Window: time.Minute}, c.now)
	for i := range 3 {
		if s, err := b.Take("ana"); err != nil || s.Limit != 3 || s.Remaining != 2-i || s.Reset != time.Duration(i+1)*20*time.Second {
			t.Fatalf("request %d: got %+v, %v", i, s, err)
		}
	}
	_, err := b.Take("ana")
	var exceeded *limit.ExceededError
	if !errors.As(err, &exceeded) || exceeded.Policy != "p" || exceeded.RetryAfter != 20*time.Second ||
		exceeded.Standing != (limit.Standing{Limit: 3, Reset: time.Minute}) {
		t.Fatalf("got %#v", err)
	}
	if _, err := b.Take("bruno"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	c.at = c.at.Add(20*time.Second - time.Millisecond)
	if b.Check("ana") == nil {
		t.Error("too early, and let through")
	}
	c.at = c.at.Add(time.Millisecond)
	if err := b.Check("ana"); err != nil {
		t.Errorf("in time, and refused: %v", err)
	}
	if _, err := b.Take("ana"); err != nil {
		t.Errorf("a check has counted: %v", err)
	}
	if _, err := b.Take("ana"); err == nil {
		t.Error("two are let through for one interval")
	}
	c.at = c.at.Add(time.Hour)
	if s, err := b.Take("ana"); err != nil || s.Remaining != 2 {
		t.Errorf("after a pause: %+v, %v", s, err)
	}
}

func TestARateOfOnesOwnHoldsFromNowOn(t *testing.T) {
	c := &clock{start}
	b := limit.New[string]("p", limit.Rate{Requests: 2, Window: time.Minute}, c.now)
	taken := func(r limit.Rate) int {
		for n := range 1000 {
			if _, err := b.TakeAt("ana", r); err != nil {
				return n
			}
		}
		return 1000
	}
	if n := taken(limit.Rate{Requests: 5, Window: time.Minute}); n != 5 {
		t.Errorf("%d requests at a rate of 5", n)
	}
	c.at = c.at.Add(time.Minute)
	if n := taken(limit.Rate{Requests: 1, Window: time.Minute}); n != 1 {
		t.Errorf("%d requests at a rate of 1", n)
	}
	c.at = c.at.Add(time.Minute)
	if n := taken(limit.Rate{Requests: 60, Window: time.Minute}); n == 0 || n > 60 {
		t.Errorf("%d requests at a rate of 60", n)
	}
	c.at = c.at.Add(time.Second)
	if n := taken(limit.Rate{Requests: 60, Window: time.Minute}); n != 1 {
		t.Errorf("%d requests a second at a rate of 60 a minute", n)
	}
	c.at = c.at.Add(time.Hour)
	if n := taken(limit.Rate{Requests: 60, Window: time.Hour}); n != 60 {
		t.Errorf("%d requests at a rate of 60 an hour", n)
	}
	c.at = c.at.Add(time.Minute)
	if n := taken(limit.Rate{Requests: 60, Window: time.Hour}); n != 1 {
		t.Errorf("%d requests a minute at a rate of 60 an hour", n)
	}
	c.at = c.at.Add(time.Hour)
	if n := taken(limit.Rate{Requests: 1, Window: time.Minute}); n != 1 {
		t.Errorf("%d requests at once at a rate of 1 a minute, which is 60 an hour", n)
	}
}

func TestNoRateIsNoLimit(t *testing.T) {
	b := limit.New[string]("p", limit.Rate{}, time.Now)
	for range 10_000 {
		if s, err := b.Take("ana"); err != nil || s != (limit.Standing{}) {
			t.Fatal(s, err)
		}
	}
	if err := b.Check("ana"); err != nil {
		t.Error(err)
	}
	if _, err := b.TakeAt("ana", limit.Rate{Requests: 1, Window: time.Minute}); err != nil {
		t.Errorf("somebody with a rate of his own: %v", err)
	}
}

func TestRequestsAtOnceCountOnceEach(t *testing.T) {
	c := &clock{start}
	b := limit.New[string]("p", limit.Rate{Requests: 100, Window: time.Minute}, c.now)
	var group sync.WaitGroup
	var taken atomic.Int64
	for range 8 {
		group.Go(func() {
			for range 100 {
				if _, err := b.Take("ana"); err == nil {
					taken.Add(1)
				}
			}
		})
	}
	group.Wait()
	if taken.Load() != 100 {
		t.Errorf("%d were let through, not 100", taken.Load())
	}
}

func TestRequestsThatAreRefusedAtOnceDoNotCount(t *testing.T) {
	c := &clock{start}
	b := limit.New[string]("p", limit.Rate{Requests: 1, Window: time.Minute}, c.now)
	if _, err := b.Take("ana"); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20_000 {
				if _, err := b.Take("ana"); err == nil || b.Check("ana") == nil {
					t.Error("a request too many was let through")
				}
			}
		})
	}
	group.Wait()
	c.at = c.at.Add(time.Minute)
	if _, err := b.Take("ana"); err != nil {
		t.Errorf("after the whole window: %v", err)
	}
}

func TestAnAddressIsCountedAsWhoeverHasIt(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::", "2001:DB8:0:0:1::1": "2001:db8::",
		"fe80::1%eth0": "fe80::", "::1": "::", "2001:db8:0:1::1": "2001:db8:0:1::", "2001:db8:0:1:f:f::f": "2001:db8:0:1::",
	} {
		if got := limit.Address(ip); got != netip.MustParseAddr(want) {
			t.Errorf("%s is counted as %s, want %s", ip, got, want)
		}
	}
	for _, ip := range []string{"", "not an address", "192.0.2.1:1234"} {
		if got := limit.Address(ip); got.IsValid() {
			t.Errorf("%q is counted as %s", ip, got)
		}
	}
}

func TestLimitsAreConfiguredByName(t *testing.T) {
	differing := limit.Default
	differing.TokenClient = limit.Rate{Requests: 5, Window: 10 * time.Second}
	differing.Management = limit.Rate{}
	bounds := limit.Default
	bounds.TokenClient, bounds.TokenAddress = limit.Rate{Requests: 1, Window: time.Second}, limit.Rate{Requests: 10_000_000, Window: 24 * time.Hour}
	for text, want := range map[string]limit.Config{
		"on": limit.Default, "off": {}, "token-client=5/10s, management=off": differing,
		"token-client=1/1s,token-address=10000000/24h": bounds,
		"token-client=600/1m,token-address=6000/1m,token-revocation=600/1h,management=600/1m,sign-in-account=10/5m,sign-in-address=50/5m,guess-address=600/1m": limit.Default,
	} {
		if got, err := limit.Parse(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                            "must be on, off, or a list",
		"yes":                         "must be on, off, or a list",
		"tokens=5/1m":                 `no limit called "tokens"`,
		"management=5/1m,management=": "management more than once",
		"management=":                 "must be a number",
		"management=0/1m":             "must be a number",
		"management=-1/1m":            "must be a number",
		"management=10000001/1m":      "must be a number",
		"management=5":                "after the slash",
		"management=5/":               "after the slash",
		"management=5/999ms":          "after the slash",
		"management=5/24h1s":          "after the slash",
		"management=99999999999/1m":   "must be a number",
	} {
		if _, err := limit.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestARequestThatIsLetThroughAllocatesNothing(t *testing.T) {
	b := limit.New[string]("p", limit.Rate{Requests: 1 << 20, Window: time.Minute}, time.Now)
	a := limit.New[netip.Addr]("q", limit.Rate{Requests: 1 << 20, Window: time.Minute}, time.Now)
	if n := testing.AllocsPerRun(1000, func() {
		address := limit.Address("192.0.2.1")
		if err := a.Check(address); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Take("ana"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Take(address); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	buckets := limit.New[string]("p", limit.Rate{Requests: 1 << 30, Window: time.Minute}, time.Now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := buckets.Take("ana"); err != nil {
			b.Fatal(err)
		}
	}
}
