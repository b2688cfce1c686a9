package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"
)

// Observer is told what happens, for metrics. It must be quick and safe for concurrent use.
type Observer interface {
	// Requests returns a function to be called with the duration of each request that had this method and route and was answered
	// with this status. It is not called for streams. route is the pattern, or "none" for a request without a route.
	Requests(method, route string, status int) func(took time.Duration)
	// Listening says by how much the number of followers of the revocation stream has changed.
	Listening(delta int)
}

// metricsPath is where the metrics are.
const metricsPath = "/metrics"

// registerMetrics adds the metrics, for programs on this machine only. For anybody else, and without metrics, the route answers
// like one that does not exist.
func (s *server) registerMetrics(e *echo.Echo, metrics http.Handler) {
	e.GET(metricsPath, func(c echo.Context) error {
		if metrics == nil || !isLocal(c.Request()) {
			return echo.ErrNotFound
		}
		c.Response().Header().Set(echo.HeaderCacheControl, noStoreValue)
		metrics.ServeHTTP(c.Response(), c.Request())
		return nil
	})
}

// forwardingHeaders are the headers that proxies add to what they forward.
var forwardingHeaders = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"}

// isLocal reports whether the request comes from a program on this machine, and not from a proxy on this machine that forwards
// somebody else's.
func isLocal(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, name := range forwardingHeaders {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	return true
}
