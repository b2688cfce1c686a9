package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// health is the body of both probes.
type health struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// registerHealth adds the probes for orchestrators.
func (s *server) registerHealth(e *echo.Echo) {
	e.Match(reads, "/healthz", s.alive)
	e.Match(reads, "/readyz", s.readiness)
}

// alive says that the process runs. It checks nothing else, so that an orchestrator does not restart the service because its
// database is down.
func (s *server) alive(c echo.Context) error {
	return answerProbe(c, http.StatusOK, health{Status: "ok"})
}

// readiness says whether requests can be served.
func (s *server) readiness(c echo.Context) error {
	if err := s.ready(c.Request().Context()); err != nil {
		return answerProbe(c, http.StatusServiceUnavailable, health{Status: "unavailable", Reason: err.Error()})
	}
	return answerProbe(c, http.StatusOK, health{Status: "ok"})
}

func answerProbe(c echo.Context, status int, body health) error {
	c.Response().Header().Set(echo.HeaderCacheControl, noStoreValue)
	return writeBody(c, status, echo.MIMEApplicationJSON, body)
}
