package api

import (
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
)

// series is what requests that are logged and counted together have in common. None of it is text that the caller chose.
type series struct {
	method, route string
	status        int
}

// account logs and counts the requests of one series.
type account struct {
	level slog.Level
	log   slog.Handler             // adds the attributes of the series
	count func(took time.Duration) // nil without an observer
}

// accounts holds an account for every series that has occurred. Their number is bounded by the methods, routes and statuses that
// exist. Every request looks its account up, so finding one takes no lock.
type accounts struct {
	known  atomic.Pointer[map[series]*account] // nil while there are none; a map is never changed, only replaced
	adding sync.Mutex
}

// of returns the account of a series. If there is none yet, it calls open to make it.
func (a *accounts) of(s series, open func(series) *account) *account {
	if known := a.known.Load(); known != nil {
		if one, ok := (*known)[s]; ok {
			return one
		}
	}
	a.adding.Lock()
	defer a.adding.Unlock()
	known := map[series]*account{}
	if before := a.known.Load(); before != nil {
		known = maps.Clone(*before)
	}
	if known[s] == nil {
		known[s] = open(s)
		a.known.Store(&known)
	}
	return known[s]
}

// openAccount makes the account of a series. Probes are logged at debug level, since only somebody who debugs them wants to see
// them.
func (s *server) openAccount(of series) *account {
	opened := &account{level: slog.LevelInfo, log: s.log.Handler().WithAttrs([]slog.Attr{
		slog.String("method", of.method), slog.String("route", of.route), slog.Int("status", of.status),
	})}
	if isProbe(of.route) {
		opened.level = slog.LevelDebug
	}
	if s.observer != nil {
		opened.count = s.observer.Requests(of.method, of.route, of.status)
	}
	return opened
}

// note logs and counts a request that has been answered.
func (s *server) note(c echo.Context, at time.Time, took time.Duration) {
	r, res := c.Request(), c.Response()
	of := s.accounts.of(series{methodName(r.Method), routeOf(c), res.Status}, s.openAccount)
	if of.log.Enabled(r.Context(), of.level) {
		// Not through a slog.Logger: it would look up the source position of every line, which the log does not show.
		line := slog.NewRecord(at, of.level, "request", 0)
		line.AddAttrs(
			slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.String("ip", c.RealIP()), slog.String("request_id", requestID(c)))
		_ = of.log.Handle(r.Context(), line) // slog.Logger ignores this error, too
	}
	if of.count != nil && !isStream(res.Header()) {
		of.count(took)
	}
}

// isProbe reports whether a route is one that machines poll.
func isProbe(route string) bool {
	return route == "/healthz" || route == "/readyz" || route == metricsPath
}

// routeOf returns the pattern of the request's route, or "none" if it has none.
func routeOf(c echo.Context) string {
	if c.Path() == "" {
		return "none"
	}
	return c.Path()
}

// methodName returns OTHER for anything but the usual methods: any other text is the caller's own, and belongs neither in the log
// nor in the labels of metrics.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "OTHER"
	}
}
