package api

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/labstack/echo/v4"
)

// consoleRoutes serves a build of the console as the service does.
func consoleRoutes(build fs.FS) http.Handler {
	s := &server{prepared: always, console: newConsole(build)}
	e := echo.New()
	e.HTTPErrorHandler = s.handleError
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := s.run(next, c); err != nil {
				s.handleError(err, c)
			}
			return nil
		}
	})
	e.POST("/v1/only-post", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	return e
}

var builtConsole = fstest.MapFS{
	"index.html":          {Data: []byte(`<html data-signed-in="__SIGNED_IN__"><meta name="csp-nonce" content="__CSP_NONCE__">`)},
	"favicon.svg":         {Data: []byte(`<svg/>`)},
	"assets/main-x.js":    {Data: []byte(`plain`)},
	"assets/main-x.js.br": {Data: []byte(`brotli`)},
	"assets/main-x.js.gz": {Data: []byte(`gzip`)},
	"assets/font-x.woff2": {Data: []byte(`font`)},
}

func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPagesOfTheConsoleGetANonceOfTheirOwn(t *testing.T) {
	h := consoleRoutes(builtConsole)
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/index.html", "/api-keys", "/api-keys/ak_x", "/sign-in"} {
		w := ask(h, "GET", path)
		policy := w.Header().Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`script-src 'self' 'nonce-([A-Z2-7]{26})'; style-src 'self' 'nonce-([A-Z2-7]{26})';`).FindStringSubmatch(policy)
		if w.Code != http.StatusOK || nonce == nil || nonce[1] != nonce[2] || !strings.Contains(w.Body.String(), `content="`+nonce[1]+`"`) {
			t.Fatalf("%s: got %d %s %s", path, w.Code, policy, w.Body)
		}
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: got %v", path, w.Header())
		}
		nonces[nonce[1]] = true
	}
	if len(nonces) != 5 {
		t.Errorf("a nonce was used again")
	}
}

func TestPagesOfTheConsoleKnowWhetherTheCallerHasASession(t *testing.T) {
	h := consoleRoutes(builtConsole)
	for cookie, want := range map[string]string{"": "false", "other=x": "false", "apikeys_session=": "false", "apikeys_session=x": "true"} {
		if w := ask(h, "GET", "/api-keys", "Cookie", cookie); !strings.Contains(w.Body.String(), `data-signed-in="`+want+`"`) {
			t.Errorf("%q: got %s", cookie, w.Body)
		}
	}
}

func TestPagesOfTheConsoleAreCompressedForWhoAcceptsThat(t *testing.T) {
	page := strings.Repeat("<p>a part of the frame</p>", 200)
	h := consoleRoutes(fstest.MapFS{"index.html": {Data: []byte(page)}})
	plain, short := ask(h, "GET", "/", "Accept-Encoding", "gzip;q=0"), ask(h, "GET", "/", "Accept-Encoding", "br, gzip")
	if plain.Body.String() != page || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("got %v %s", plain.Header(), plain.Body)
	}
	unpacked, err := gzip.NewReader(short.Body)
	if err != nil {
		t.Fatal(err, short.Header())
	}
	if content, err := io.ReadAll(unpacked); err != nil || string(content) != page || short.Header().Get("Content-Encoding") != "gzip" ||
		!slices.Equal(short.Header()["Vary"], []string{"Accept-Encoding"}) {
		t.Errorf("%v: got %v %s", err, short.Header(), content)
	}
}

func TestAssetsAreServedCompressedAndKeptForever(t *testing.T) {
	h := consoleRoutes(builtConsole)
	for accepted, want := range map[string][2]string{
		"":                    {"", "plain"},
		"gzip, deflate, br":   {"br", "brotli"},
		"gzip":                {"gzip", "gzip"},
		"br;q=0, gzip;q=0.5":  {"gzip", "gzip"},
		"br;q=0.0, gzip; q=0": {"", "plain"},
		"identity":            {"", "plain"},
	} {
		w := ask(h, "GET", "/assets/main-x.js", "Accept-Encoding", accepted)
		if w.Header().Get("Content-Encoding") != want[0] || w.Body.String() != want[1] {
			t.Errorf("%s: got %s %s", accepted, w.Header().Get("Content-Encoding"), w.Body)
		}
		if w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("got %v", w.Header())
		}
	}
	if w := ask(h, "GET", "/favicon.svg"); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-cache" || w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("got %d %v", w.Code, w.Header())
	} else if again := ask(h, "GET", "/favicon.svg", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("got %d", again.Code)
	}
	if w := ask(h, "HEAD", "/assets/font-x.woff2"); w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "4" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
}

func TestWhatIsNotThereIsNotTheConsole(t *testing.T) {
	h := consoleRoutes(builtConsole)
	for _, path := range []string{
		"/assets/gone.js", "/assets/", "/assets/none", "/robots.txt", "/v1", "/v1/nothing", "/oauth2/nothing", "/auth", "/.well-known/nothing",
		"/docs/nothing.js", "/metrics", "/a/../index.css", "/..%2f..%2fetc/passwd.txt", "/index.html.br",
	} {
		if w := ask(h, "GET", path); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "csp-nonce") {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(h, "POST", "/api-keys"); w.Code != http.StatusNotFound {
		t.Errorf("got %d", w.Code)
	}
	if w := ask(h, "GET", "/v1/only-post"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("got %d", w.Code)
	}
}

func TestAFolderOfTheBuildIsNotThere(t *testing.T) {
	// Reading a folder fails here as in an embedded build, unlike in fstest.MapFS: the error is not fs.ErrInvalid.
	build := t.TempDir()
	if err := os.Mkdir(filepath.Join(build, "assets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/assets", "/assets/"} {
		if w := ask(consoleRoutes(os.DirFS(build)), "GET", path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAConsoleThatIsNotBuiltSaysHowToBuildIt(t *testing.T) {
	w := ask(consoleRoutes(fstest.MapFS{".gitkeep": {}}), "GET", "/")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
