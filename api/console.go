package api

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// console serves the console's build. Assets carry a hash in their names and may be cached forever. index.html gets a new nonce
// in each response, with which the page's own style and script elements, and no others, pass its content security policy.
type console struct {
	build fs.FS
}

// Placeholders in index.html that each response fills in: the nonce, and "true" or "false" for whether the request comes with a
// session cookie. By the latter the page decides what to show and fetch first. It is only a guess, since nobody has checked the
// session, and it tells the page nothing else.
const (
	noncePlaceholder    = "__CSP_NONCE__"
	signedInPlaceholder = "__SIGNED_IN__"
)

// consolePolicy is the content security policy of the console.
const consolePolicy = "default-src 'self'; script-src 'self' 'nonce-" + noncePlaceholder + "'; style-src 'self' 'nonce-" + noncePlaceholder +
	"'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// reservedPaths are the API's own. The console has no pages below them.
var reservedPaths = []string{"/v1", "/oauth2", "/auth", "/.well-known", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.yaml"}

// notBuiltPage is shown when the binary was built without the console.
const notBuiltPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>API Keys</title>
<h1>The console is not built</h1>
<p>This binary was built without it. Run <code>make build</code> and start <code>bin/apikeys serve</code>, or use the API: it is described at <a href="/docs/">/docs/</a>.</p>
</html>
`

func newConsole(build fs.FS) *console { return &console{build: build} }

// has reports whether a request that matches no route may be for the console.
func (f *console) has(r *http.Request) bool {
	if f.build == nil || !slices.Contains(reads, r.Method) {
		return false
	}
	return !slices.ContainsFunc(reservedPaths, func(prefix string) bool { return below(r.URL.Path, prefix) })
}

// serve answers with a file of the build, or with index.html if the path is one of the console's pages. Errors: echo.ErrNotFound
// for a file that does not exist.
func (f *console) serve(c echo.Context) error {
	name := strings.TrimPrefix(path.Clean(c.Request().URL.Path), "/")
	isFile := path.Ext(name) != "" || below(name, "assets")
	if name == "index.html" || !isFile {
		return compressing(f.servePage)(c) // safe to compress: no caller influences its content, and the nonce is good for this response only
	}
	err := f.serveFile(c, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return echo.ErrNotFound
	}
	return err
}

// servePage answers with index.html.
func (f *console) servePage(c echo.Context) error {
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "no-cache")
	h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
	page, err := fs.ReadFile(f.build, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return c.HTML(http.StatusServiceUnavailable, notBuiltPage)
	}
	if err != nil {
		return err
	}
	nonce := rand.Text()
	session, err := c.Request().Cookie(sessionCookie)
	signedIn := err == nil && session.Value != "" // the only possible error is that there is no cookie
	fill := strings.NewReplacer(noncePlaceholder, nonce, signedInPlaceholder, strconv.FormatBool(signedIn))
	h.Set(echo.HeaderContentSecurityPolicy, fill.Replace(consolePolicy))
	return c.HTML(http.StatusOK, fill.Replace(string(page)))
}

// encodings are the precompressed forms of a file, best first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// serveFile answers with a file of the build, in the best encoding that the caller accepts. Errors: fs.ErrNotExist.
func (f *console) serveFile(c echo.Context, name string) error {
	info, err := fs.Stat(f.build, name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fs.ErrNotExist
	}
	content, err := fs.ReadFile(f.build, name)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, mediaTypeOf(name))
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	for _, e := range encodings {
		if weight(c.Request(), echo.HeaderAcceptEncoding, e.name) == 0 {
			continue
		}
		if compressed, err := fs.ReadFile(f.build, name+e.suffix); err == nil {
			content = compressed
			h.Set(echo.HeaderContentEncoding, e.name)
			break
		}
	}
	if strings.HasPrefix(name, "assets/") {
		h.Set(echo.HeaderCacheControl, "public, max-age=31536000, immutable")
	} else {
		h.Set(echo.HeaderCacheControl, "no-cache")
	}
	digest := sha256.Sum256(content)
	h.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(digest[:16])+`"`)
	// Embedded files have no modification time; the ETag alone tells whether the caller's copy is current.
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(content))
	return nil
}

// mediaTypeOf returns the media type that belongs to a file's extension. Those that occur in a build are listed here, because the
// table of package mime depends on the machine.
func mediaTypeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json", ".map":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if known := mime.TypeByExtension(ext); known != "" {
			return known
		}
		return "application/octet-stream"
	}
}
