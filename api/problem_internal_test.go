package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
)

// failing serves a handler at every path, as the service does. It also returns what the service logs.
func failing(handler echo.HandlerFunc) (http.Handler, *bytes.Buffer) {
	logs := &bytes.Buffer{}
	s := &server{console: newConsole(nil), now: time.Now, prepared: always, log: slog.New(slog.NewJSONHandler(logs, nil))}
	e := echo.New()
	e.HTTPErrorHandler = s.handleError
	e.Use(s.observe, s.admit)
	e.Any("/*", handler)
	return e, logs
}

func TestErrorsBecomeResponsesInTheFormOfTheirPath(t *testing.T) {
	for _, known := range []struct {
		err    error
		status int
		code   string
		oauth  string
	}{
		{apikey.ErrUnavailable, 503, "service/unavailable", "temporarily_unavailable"},
		{fmt.Errorf("read key: %w", apikey.ErrUnavailable), 503, "service/unavailable", "temporarily_unavailable"},
		{context.DeadlineExceeded, 503, "service/unavailable", "temporarily_unavailable"},
		{errors.New("column secret_digest does not exist"), 500, "internal/error", "server_error"},
		{tooLargeFault(), 413, "request/too-large", "invalid_request"},
		{apikey.InvalidError{{Field: "name", Message: "is required"}}, 400, "bad-request/invalid-parameters", "invalid_request"},
		{&operator.InvalidError{Field: "email", Message: "must be an e-mail address"}, 400, "bad-request/invalid-parameters", "invalid_request"},
		{&limit.ExceededError{RetryAfter: 1500 * time.Millisecond}, 429, "rate-limit/exceeded", "temporarily_unavailable"},
	} {
		h, logs := failing(func(echo.Context) error { return known.err })
		for path, want := range map[string]string{
			"/v1/api-keys":  `"code":"` + known.code + `"`,
			"/healthz":      `"code":"` + known.code + `"`,
			"/auth":         `{"code":"` + known.code + `","message":"`,
			"/oauth2/token": `{"error":"` + known.oauth + `","error_description":"`,
		} {
			w := ask(h, "POST", path)
			if w.Code != known.status || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%v at %s: got %d %s", known.err, path, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "secret_digest") {
				t.Errorf("the cause is told to the caller: %s", w.Body)
			}
			if retry := w.Header().Get("Retry-After"); (retry == "2") != (known.status == 503 || known.status == 429) {
				t.Errorf("%v: Retry-After: %q", known.err, retry)
			}
		}
		if logged := strings.Contains(logs.String(), `"level":"ERROR"`); logged != (known.status >= 500) {
			t.Errorf("%v: logged %s", known.err, logs)
		}
	}
}

func TestAPanicIsA500WithItsRequestIDInTheLog(t *testing.T) {
	h, logs := failing(func(echo.Context) error { panic("it broke") })
	w := ask(h, "GET", "/v1/api-keys")
	id := w.Header().Get(requestIDHeader)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "broke") || id == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(logs.String(), "it broke") || strings.Count(logs.String(), id) != 3 {
		t.Errorf("logged %s", logs)
	}
}

func TestARefusalTellsNothingOfALimitThatLetTheCallerPass(t *testing.T) {
	passed, reached := limit.Standing{Limit: 600, Remaining: 599}, limit.Standing{Limit: 10}
	for want, err := range map[string]error{
		"":   throttledFault("Too many exports are running", exportRetry),
		"10": &limit.ExceededError{RetryAfter: time.Second, Standing: reached},
	} {
		h, _ := failing(func(c echo.Context) error {
			setStanding(c.Response().Header(), passed)
			return err
		})
		w := ask(h, "GET", "/v1/events/export")
		if got := w.Header().Get("RateLimit-Limit"); w.Code != http.StatusTooManyRequests || got != want || (w.Header().Get("RateLimit-Remaining") == "") != (want == "") ||
			(w.Header().Get("RateLimit-Reset") == "") != (want == "") {
			t.Errorf("%v: got %d %v", err, w.Code, w.Header())
		}
	}
}

func TestACallerThatLeftIsNoError(t *testing.T) {
	h, logs := failing(func(c echo.Context) error { return c.Request().Context().Err() })
	ctx, leave := context.WithCancel(t.Context())
	leave()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/v1/api-keys", http.NoBody))
	var line struct {
		Level  string
		Status int
	}
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil || line.Level != "INFO" || line.Status != statusClientGone {
		t.Errorf("logged %s", logs)
	}
}

// TestAnAnswerThatIsCutOffIsSeenToBe checks that both the client and the access log can tell that an answer was cut off, whatever
// the reason.
func TestAnAnswerThatIsCutOffIsSeenToBe(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	tests := map[string]struct {
		ctx    context.Context
		cause  any
		status int
	}{
		"by the handler":          {t.Context(), http.ErrAbortHandler, http.StatusInternalServerError},
		"for a client that left":  {gone, http.ErrAbortHandler, statusClientGone},
		"by a fault of its maker": {t.Context(), "oh", http.StatusInternalServerError},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, logs := failing(func(c echo.Context) error {
				c.Response().WriteHeader(http.StatusOK)
				panic(test.cause)
			})
			func() {
				defer func() {
					if cause := recover(); cause != http.ErrAbortHandler { //nolint:errorlint // as net/http does
						t.Errorf("the connection is not cut: %v", cause)
					}
				}()
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(test.ctx, "GET", "/v1/events/export", http.NoBody))
			}()
			lines := strings.Split(strings.TrimSpace(logs.String()), "\n")
			var line struct {
				Msg, Route string
				Status     int
			}
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil || line.Msg != "request" || line.Route != "/*" || line.Status != test.status {
				t.Errorf("logged %s", logs)
			}
		})
	}
}

func TestTheAccessLogNamesTheRouteAndNothingOfTheRequest(t *testing.T) {
	h, logs := failing(func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	ask(h, "DELETE", "/some/path?q=query-text", "Authorization", "Bearer header-text", "Cookie", "a=cookie-text", "User-Agent", "agent-text", requestIDHeader, "forged")
	var line map[string]any
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["method"] != "DELETE" || line["route"] != "/*" || line["status"] != 204.0 || line["ip"] != "192.0.2.1" || line["request_id"] == "" || line["duration_ms"] == nil {
		t.Errorf("logged %s", logs)
	}
	for _, text := range []string{"query-text", "header-text", "cookie-text", "agent-text", "some/path", "forged"} {
		if strings.Contains(logs.String(), text) {
			t.Errorf("%q is in the log: %s", text, logs)
		}
	}
}

func TestEveryResponseHasTheSecurityHeaders(t *testing.T) {
	h, _ := failing(func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	for path, cache := range map[string]string{"/v1/x": "no-store", "/oauth2/x": "no-store", "/auth": "no-store", "/healthz": "", "/v10": "", "/authors": ""} {
		header := ask(h, "GET", path).Header()
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != cache ||
			header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'" {
			t.Errorf("%s: got %v", path, header)
		}
	}
}

func TestAnOriginKeepsABoundedUserAgent(t *testing.T) {
	for given, kept := range map[string]string{
		"curl/8":                       "curl/8",
		strings.Repeat("a", 300):       strings.Repeat("a", 256),
		strings.Repeat("a", 255) + "é": strings.Repeat("a", 255),
		"a\xffb":                       "ab",
	} {
		if got := boundedText(given); got != kept {
			t.Errorf("got %q", got)
		}
	}
}
