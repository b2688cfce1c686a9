package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"
)

// Observer is told what happens, for metrics. It must be quick and safe for concurrent use.
type Observer interface {
	// Requests returns a function to call with the duration of each request that had this method and route and was answered with
	// this status. It is not called for streams. route is the pattern, "none" for what has no route.
	Requests(method, route string, status int) func(took time.Duration)
	// Listening says that so many more follow the revocation stream, or fewer.
	Listening(delta int)
}

// metricsPath is where the metrics are.
const metricsPath = "/metrics"

// registerMetrics adds the metrics, for programs on this machine alone. Where there are none the route is as any other that
// does not exist.
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

// forwardingHeaders are what proxies add to what they forward.
var forwardingHeaders = []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"}

// isLocal reports whether a program on this machine asks, and not a proxy on this machine on behalf of somebody else.
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
