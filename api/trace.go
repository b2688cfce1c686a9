package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Tracer traces requests through the service. It must be quick and safe for concurrent use.
type Tracer interface {
	// Request begins the trace of a request. Everything that is done for the request gets ctx. route is the pattern, or "none" for a
	// request without a route. end is called once, with the status of the answer.
	Request(r *http.Request, method, route string) (ctx context.Context, end func(status int))
}

// traced traces every request except probes, which are many and all the same, and streams, which don't end.
func traced(t Tracer) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			route := routeOf(c)
			if isProbe(route) || route == revocationsPath && wantsStream(c) {
				return next(c)
			}
			ctx, end := t.Request(c.Request(), methodName(c.Request().Method), route)
			defer func() { end(c.Response().Status) }()
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		}
	}
}
