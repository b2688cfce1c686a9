package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestMetricsAreForThisMachineAlone(t *testing.T) {
	for _, test := range []struct {
		peer, header string
		want         bool
	}{
		{"127.0.0.1:5000", "", true},
		{"127.8.9.10:5000", "", true},
		{"[::1]:5000", "", true},
		{"[::ffff:127.0.0.1]:5000", "", true},
		{"192.0.2.1:5000", "", false},
		{"10.0.0.1:5000", "", false},
		{"[2001:db8::1]:5000", "", false},
		{"", "", false},
		{"127.0.0.1:5000", "X-Forwarded-For", false},
		{"127.0.0.1:5000", "X-Forwarded-Host", false},
		{"127.0.0.1:5000", "X-Forwarded-Proto", false},
		{"127.0.0.1:5000", "X-Real-IP", false},
		{"127.0.0.1:5000", "Forwarded", false},
		{"127.0.0.1:5000", "Via", false},
	} {
		r := httptest.NewRequest(http.MethodGet, metricsPath, nil)
		r.RemoteAddr = test.peer
		if test.header != "" {
			r.Header.Set(test.header, "127.0.0.1")
		}
		if got := isLocal(r); got != test.want {
			t.Errorf("%+v: got %t", test, got)
		}
	}
}
