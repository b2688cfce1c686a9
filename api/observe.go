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

// requestIDHeader is on every response. The id is always made here: a caller who could choose it could hide in the log behind
// another request's id.
const requestIDHeader = "X-Request-Id"

// bodyMax bounds the body of every request, in bytes.
const bodyMax = 1 << 20

// userAgentMax bounds how much of a User-Agent is kept, in bytes.
const userAgentMax = 256

// Values of response headers. They are shared slices that go into the header map directly, because Header.Set would allocate a
// new slice for each of them with every token.
var (
	headerNosniff    = []string{"nosniff"}
	headerNoReferrer = []string{"no-referrer"}
	headerNoFrames   = []string{"default-src 'none'; frame-ancestors 'none'"}
	headerNoStore    = []string{"no-store"}
	headerSameOrigin = []string{"same-origin"}
	headerNoDevices  = []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
	// A year, for this host alone: we can't decide for its subdomains (RFC 6797 §6.1).
	headerTransport = []string{"max-age=31536000"}
)

// uncachedPaths are the paths below which no answer may be stored: secrets, tokens, and what belongs to one caller.
var uncachedPaths = []string{"/v1", "/oauth2", "/auth"}

// observe wraps everything: it names the request, sets the headers of every response, turns panics and errors into responses, and
// writes the access log. The log holds no headers, bodies or query strings, since they may hold credentials, and names the
// route's pattern rather than the path.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		started := s.now()
		r, h := c.Request(), c.Response().Header()
		h[requestIDHeader] = []string{rand.Text()}
		h["X-Content-Type-Options"] = headerNosniff
		h["Cross-Origin-Resource-Policy"] = headerSameOrigin
		if !below(r.URL.Path, verifyPath) { // whose answers set them only on a refusal; see verify
			confineDocument(h)
		}
		if s.https {
			h["Strict-Transport-Security"] = headerTransport
		}
		if slices.ContainsFunc(uncachedPaths, func(prefix string) bool { return below(r.URL.Path, prefix) }) {
			h["Cache-Control"] = headerNoStore
		}
		defer func() { // deferred, because a panic passes through here when an answer is cut off
			ended := s.now()
			s.note(c, ended, ended.Sub(started))
		}()
		if err := s.run(next, c); err != nil {
			s.handleError(err, c)
		}
		return nil
	}
}

// confineDocument tells browsers how to treat an answer if they take it for a document.
func confineDocument(h http.Header) {
	h["Referrer-Policy"] = headerNoReferrer
	h["Content-Security-Policy"] = headerNoFrames
	h["Cross-Origin-Opener-Policy"] = headerSameOrigin
	h["Permissions-Policy"] = headerNoDevices
}

// run calls the rest of the chain, and the console if there is no route. It turns a panic into an error or, in the middle of an
// answer, ends the connection: nobody is to take a part for the whole.
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
		c.Response().Status = http.StatusInternalServerError // for the log, since the answer was not completed
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

// admit refuses what no route takes: bodies that are too large, credentials in the query string, and, while the service is not
// prepared, everything except probes.
func (s *server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		switch {
		case r.ContentLength > bodyMax:
			return tooLargeFault()
		case r.ContentLength < 0:
			// If a length is announced, net/http itself reads no more than that.
			r.Body = http.MaxBytesReader(c.Response(), r.Body, bodyMax)
		}
		if r.URL.RawQuery != "" && !below(r.URL.Path, verifyPath) { // whose query may be that of the request that the gateway asks about
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

// credentialIn returns the name of a credential in a query string, or "" if there is none. Query strings end up in the logs of
// proxies and in browser histories; RFC 6749 §2.3.1 and RFC 6750 §2.3 say the same.
func credentialIn(rawQuery string) string {
	query, _ := url.ParseQuery(rawQuery) // also returns what it could parse before an error
	for name := range query {
		switch strings.ToLower(name) {
		case "client_secret", "access_token", "password":
			return strings.ToLower(name)
		}
	}
	return ""
}

// requestID returns the request's id, which observe has put into the response's headers.
func requestID(c echo.Context) string {
	if set := c.Response().Header()[requestIDHeader]; len(set) > 0 { // the key is canonical; Header.Get would check that each time
		return set[0]
	}
	return ""
}

// origin returns where the request came from, in the form that the event log keeps.
func origin(c echo.Context) eventlog.Origin {
	return eventlog.Origin{IP: c.RealIP(), UserAgent: boundedText(c.Request().UserAgent()), RequestID: requestID(c)}
}

// boundedText returns at most [userAgentMax] bytes of text, without invalid UTF-8 and without cutting a character in two.
func boundedText(text string) string {
	if len(text) > userAgentMax {
		text = text[:userAgentMax]
	}
	if utf8.ValidString(text) {
		return text
	}
	return strings.ToValidUTF8(text, "")
}
