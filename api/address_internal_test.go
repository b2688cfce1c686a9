package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestForwardedAddressesAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		trusted         []netip.Prefix
		peer, forwarded string
		want            string
	}{
		{nil, "203.0.113.9:1", "", "203.0.113.9"},
		{nil, "203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		{nil, "127.0.0.1:1", "198.51.100.1", "127.0.0.1"},
		{trusted, "203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		{trusted, "127.0.0.1:1", "198.51.100.1", "127.0.0.1"},
		{trusted, "10.2.0.1:1", "198.51.100.1", "10.2.0.1"},
		{trusted, "10.1.0.1:1", "198.51.100.1", "198.51.100.1"},
		{trusted, "[fd00::1]:1", "2001:db8::1", "2001:db8::1"},
		{trusted, "10.1.0.1:1", "192.0.2.66, 198.51.100.1, 10.1.0.2", "198.51.100.1"},
		{trusted, "10.1.0.1:1", "192.0.2.66, 198.51.100.1:4711,10.1.0.2:80", "198.51.100.1"},
		{trusted, "10.1.0.1:1", "[2001:db8::1]:4711, fd00::2", "2001:db8::1"},
		{trusted, "10.1.0.1:1", "198.51.100.1, x:1", "10.1.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := ipExtractor(c.trusted)(r); got != c.want {
			t.Errorf("peer %s, forwarded for %s: got %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
