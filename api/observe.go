package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// requestIDHeader is on every response. The id is always made here: one that a caller chose could be forged to hide in the
// log behind another request's.
const requestIDHeader = "X-Request-Id"

// bodyMax bounds the body of every request, in bytes.
const bodyMax = 1 << 20

// userAgentMax bounds what is kept of a User-Agent, in bytes.
const userAgentMax = 256

// Headers of every response. They are shared slices, put into the header map as they are, because Header.Set would allocate
// a new one for each on the way of every token.
var (
	headerNosniff    = []string{"nosniff"}
	headerNoReferrer = []string{"no-referrer"}
	headerNoFrames   = []string{"default-src 'none'; frame-ancestors 'none'"}
	headerNoStore    = []string{"no-store"}
	headerSameOrigin = []string{"same-origin"}
	headerNoDevices  = []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
	// A year, for this host alone: what else there is below its name is not ours to decide about (RFC 6797 §6.1).
	headerTransport = []string{"max-age=31536000"}
)

// uncachedPaths are those below which no answer may be stored: secrets, tokens, and what belongs to one caller.
var uncachedPaths = []string{"/v1", "/oauth2", "/auth"}

// observe is around everything: it names the request, sets the headers of every response, turns panics and errors into
// responses, and writes the access log. The log holds no header, body or query string, as they may hold
// credentials, and names the route's pattern rather than the path.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		started := s.now()
		r, h := c.Request(), c.Response().Header()
		h[requestIDHeader] = []string{rand.Text()}
		h["X-Content-Type-Options"] = headerNosniff
		h["Cross-Origin-Resource-Policy"] = headerSameOrigin
		if !below(r.URL.Path, verifyPath) { // where an answer may do without
			confineDocument(h)
		}
		if s.https {
			h["Strict-Transport-Security"] = headerTransport
		}
		if slices.ContainsFunc(uncachedPaths, func(prefix string) bool { return below(r.URL.Path, prefix) }) {
			h["Cache-Control"] = headerNoStore
		}
		defer func() { // also of an answer that is cut off, which is a panic that goes on
			ended := s.now()
			s.note(c, ended, ended.Sub(started))
		}()
		if err := s.run(next, c); err != nil {
			s.handleError(err, c)
		}
		return nil
	}
}

// confineDocument tells browsers how to treat an answer that they might take for a document.
func confineDocument(h http.Header) {
	h["Referrer-Policy"] = headerNoReferrer
	h["Content-Security-Policy"] = headerNoFrames
	h["Cross-Origin-Opener-Policy"] = headerSameOrigin
	h["Permissions-Policy"] = headerNoDevices
}

// run calls the rest of the chain, and the console for what has no route. A panic becomes an error, or in the middle of an answer
// the connection's end: nobody is to take a part for the whole.
func (s *server) run(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
			s.log.LogAttrs(c.Request().Context(), slog.LevelError, "handler panicked",
				slog.String("request_id", requestID(c)), slog.String("panic", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
			if !c.Response().Committed {
				err = errors.New("the handler panicked")
				return
			}
		}
		c.Response().Status = http.StatusInternalServerError // for the log, as what was sent came to nothing
		if c.Request().Context().Err() != nil {
			c.Response().Status = statusClientGone
		}
		panic(http.ErrAbortHandler)
	}()
	err = next(c)
	if errors.Is(err, echo.ErrNotFound) && s.console.has(c.Request()) {
		return s.console.serve(c)
	}
	return err
}

// admit refuses what is for no route: bodies that are too large, credentials in the query string, and everything but probes while
// the service is not prepared.
func (s *server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		switch {
		case r.ContentLength > bodyMax:
			return tooLargeFault()
		case r.ContentLength < 0:
			// Otherwise net/http reads no more than the length that was announced.
			r.Body = http.MaxBytesReader(c.Response(), r.Body, bodyMax)
		}
		if r.URL.RawQuery != "" && !below(r.URL.Path, verifyPath) { // there it may be that of the request in question
			if name := credentialIn(r.URL.RawQuery); name != "" {
				return invalidFault(apikey.InvalidError{{Field: name, Message: "must not be sent in the query string"}})
			}
		}
		if !s.prepared() && !isProbe(routeOf(c)) {
			return apikey.ErrUnavailable
		}
		return next(c)
	}
}

// credentialIn returns the name of a credential that a query string carries. Query strings end up in the logs of proxies
// and in histories (RFC 6749 §2.3.1 and RFC 6750 §2.3 say the same).
func credentialIn(rawQuery string) string {
	query, _ := url.ParseQuery(rawQuery) // returns what it could read
	for name := range query {
		switch strings.ToLower(name) {
		case "client_secret", "access_token", "password":
			return strings.ToLower(name)
		}
	}
	return ""
}

// requestID returns the request's id, which observe has put into the response's header.
func requestID(c echo.Context) string {
	if set := c.Response().Header()[requestIDHeader]; len(set) > 0 { // spelt as Header.Get would spell it, which takes time
		return set[0]
	}
	return ""
}

// origin returns where the request came from, as the ordered log keeps it.
func origin(c echo.Context) eventlog.Origin {
	return eventlog.Origin{IP: c.RealIP(), UserAgent: boundedText(c.Request().UserAgent()), RequestID: requestID(c)}
}

// boundedText returns at most [userAgentMax] bytes of text, and no part of a character.
func boundedText(text string) string {
	if len(text) > userAgentMax {
		text = text[:userAgentMax]
	}
	if utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text, "")
}
