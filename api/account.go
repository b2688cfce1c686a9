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

// series is what requests that are counted together have in common. None of it is the caller's text.
type series struct {
	method, route string
	status        int
}

// account is where the requests of a series are logged and counted.
type account struct {
	level slog.Level
	log   slog.Handler             // knows the series
	count func(took time.Duration) // nil for nobody
}

// accounts are those of the series that there were: no more than methods, routes and statuses allow. Every request looks for
// its own, so finding one takes no lock.
type accounts struct {
	known  atomic.Pointer[map[series]*account] // nil for none; the map is never changed, only replaced
	adding sync.Mutex
}

// of returns the account of a series, which open makes if there is none.
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

// openAccount returns the account of a series. Probes of orchestrators are of interest only to those who debug them.
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

// note logs and counts a request that was answered.
func (s *server) note(c echo.Context, at time.Time, took time.Duration) {
	r, res := c.Request(), c.Response()
	of := s.accounts.of(series{methodName(r.Method), routeOf(c), res.Status}, s.openAccount)
	if of.log.Enabled(r.Context(), of.level) {
		// Not through a logger, which would find out for every line where in the code it comes from, and tell nobody.
		line := slog.NewRecord(at, of.level, "request", 0)
		line.AddAttrs(
			slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.String("ip", c.RealIP()), slog.String("request_id", requestID(c)))
		_ = of.log.Handle(r.Context(), line) // as the logger does
	}
	if of.count != nil && !isStream(res.Header()) {
		of.count(took)
	}
}

// isProbe reports whether a route is one that machines ask again and again.
func isProbe(route string) bool {
	return route == "/healthz" || route == "/readyz" || route == metricsPath
}

// routeOf returns the pattern of the request's route.
func routeOf(c echo.Context) string {
	if c.Path() == "" {
		return "none"
	}
	return c.Path()
}

// methodName keeps the log to the methods that exist; any other text is the caller's.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "OTHER"
	}
}
