package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"
	echoswagger "github.com/swaggo/echo-swagger"

	"github.com/piercloud/apikeys/api/internal/oas"
)

// docsFiles are the files of Swagger UI that its page requests. The handler would serve others too, such as documents of its own,
// which do not exist here.
var docsFiles = []string{
	"swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-16x16.png", "favicon-32x32.png",
}

// registerDocs adds the contract and, at /docs/, Swagger UI for reading and trying it.
func registerDocs(e *echo.Echo) error {
	e.Match(reads, "/openapi.yaml", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderCacheControl, "no-cache")
		return c.Blob(http.StatusOK, "application/yaml", oas.Contract)
	})

	swagger := echoswagger.EchoWrapHandler(func(c *echoswagger.Config) {
		c.URLs = []string{"/openapi.yaml"} // assigned, because the package's own option appends to a list of documents that do not exist
		c.DeepLinking, c.PersistAuthorization = true, false
	})
	page, err := renderDocs(e, swagger)
	if err != nil {
		return err
	}
	policy := docsPolicy(page)
	e.Match(reads, "/docs", func(c echo.Context) error { return c.Redirect(http.StatusMovedPermanently, "/docs/") })
	e.Match(reads, "/docs/", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderContentSecurityPolicy, policy)
		c.Response().Header().Set(echo.HeaderCacheControl, "no-cache")
		return c.HTML(http.StatusOK, page)
	})
	for _, file := range docsFiles {
		e.GET("/docs/"+file, swagger)
	}
	return nil
}

// renderDocs returns Swagger UI's page. It is the same for every request, so its policy can list what is inline in it.
func renderDocs(e *echo.Echo, swagger echo.HandlerFunc) (string, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/docs/index.html", http.NoBody)
	if err != nil {
		return "", err
	}
	r.RequestURI = r.URL.Path // the handler reads the path from here
	rendered := renderedPage{header: http.Header{}}
	if err := swagger(e.NewContext(r, &rendered)); err != nil {
		return "", fmt.Errorf("render Swagger UI: %w", err)
	}
	page := rendered.String()
	if !strings.Contains(page, "/openapi.yaml") {
		return "", errors.New("render Swagger UI: the page does not name the contract")
	}
	return page, nil
}

// renderedPage collects what a handler writes.
type renderedPage struct {
	strings.Builder
	header http.Header
}

// Header returns the response's headers, which nobody reads.
func (p *renderedPage) Header() http.Header { return p.header }

// WriteHeader discards the status, which is 200.
func (p *renderedPage) WriteHeader(int) {}

var (
	inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	inlineStyle  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	styleMember  = regexp.MustCompile(`(?s) style="(.*?)"`)
)

// logoStyle is the hash of the style element in the logo that the bundle of swaggo/files v2.0.2 draws. Without it the logo
// is black on black.
const logoStyle = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

// docsPolicy allows, by hash, what is inline in Swagger UI's page, and otherwise only this service's own files.
func docsPolicy(page string) string {
	styles := append(sourceHashes(inlineStyle, page), sourceHashes(styleMember, page)...)
	styles = append(styles, logoStyle)
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' " + strings.Join(sourceHashes(inlineScript, page), " "),
		// unsafe-hashes makes the hashes apply to style attributes too, and allows nothing else.
		"style-src 'self' 'unsafe-hashes' " + strings.Join(styles, " "),
		"img-src 'self' data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
}

// sourceHashes returns the hash sources (CSP3 §2.3.1) of what the pattern captures.
func sourceHashes(pattern *regexp.Regexp, page string) []string {
	var sources []string
	for _, found := range pattern.FindAllStringSubmatch(page, -1) {
		digest := sha256.Sum256([]byte(found[1]))
		sources = append(sources, "'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'")
	}
	return sources
}
