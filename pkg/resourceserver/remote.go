package resourceserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// requestTimeout is how long a response may take to begin, and then each further piece of it.
	requestTimeout = 10 * time.Second

	documentMax     = 1 << 20
	documentTimeout = requestTimeout
	// snapshotMax leaves room for a few million revocations. snapshotTimeout is enough for one million, 44 MB, at 1.2 Mbit/s.
	snapshotMax     = 256 << 20
	snapshotTimeout = 5 * time.Minute
)

// remote is the authorization server as this process reaches it.
type remote struct {
	client *http.Client
	issuer string
	base   string // where the issuer is reached; the issuer itself unless configured otherwise
}

// newHTTPClient returns a client that pings idle HTTP/2 connections. Without that, one new request after another would be sent on
// a connection that has died silently.
func newHTTPClient() *http.Client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: requestTimeout,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: silenceMax, PingTimeout: 5 * time.Second},
	}
	return &http.Client{Transport: transport}
}

// endpoints are the endpoints that the metadata names.
type endpoints struct {
	jwks        string
	revocations string
}

// statusError is a response with an unexpected status.
type statusError struct {
	url    string
	status int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("GET %s: unexpected status %d %s", e.url, e.status, http.StatusText(e.status))
}

// errTransport marks failures to reach the server or to receive its response.
var errTransport = errors.New("authorization server unreachable")

// errStalled: a response, or the next piece of it, did not come within requestTimeout.
var errStalled = fmt.Errorf("nothing received for %v", requestTimeout)

// isTransient reports whether the same request may succeed later without anybody changing the configuration. That includes a
// signature by a key that the key set lacks: the two may come from different replicas, one of which lags behind.
func isTransient(err error) bool {
	if status, ok := errors.AsType[*statusError](err); ok {
		return status.status >= 500 || status.status == http.StatusTooManyRequests
	}
	return errors.Is(err, errTransport) || errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrKeysUnread)
}

// locate returns the address at which a URL of the issuer is reached from here.
func (r *remote) locate(url string) string {
	if path, ok := strings.CutPrefix(url, r.issuer); ok {
		return r.base + path
	}
	return url
}

// endingBody is a response body that is closed when the context of the request ends. The transports of net/http do this
// themselves; with others a reader might wait forever, and Verifier.Close with it.
type endingBody struct {
	io.ReadCloser
	release func() bool // stops watching the context
}

// Close closes the body and stops watching the context.
func (b endingBody) Close() error {
	b.release()
	return b.ReadCloser.Close()
}

// open sends a GET request. The caller closes the body, and reading it fails once ctx has ended. Redirects are followed as the
// client is configured to.
func (r *remote) open(ctx context.Context, client *http.Client, url string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.locate(url), nil)
	if err != nil {
		return nil, fmt.Errorf("request for %q: %w", url, err)
	}
	if header != nil {
		request.Header = header
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	body := response.Body
	response.Body = endingBody{body, context.AfterFunc(ctx, func() { _ = body.Close() })}
	return response, nil
}

// document is the response returned by get.
type document struct {
	body   []byte
	header http.Header
	// unchanged: the status was 304, and the body is empty.
	unchanged bool
}

// movingBody is a response body that resets a watchdog with every piece read from it.
type movingBody struct {
	io.ReadCloser
	watchdog *time.Timer
}

func (b movingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watchdog.Reset(requestTimeout)
	}
	return n, err
}

// get reads a document of at most sizeMax bytes. It may take up to timeout as long as it doesn't stall.
func (r *remote) get(ctx context.Context, url string, header http.Header, sizeMax int64, timeout time.Duration) (*document, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, stall := context.WithCancelCause(ctx)
	defer stall(nil)
	watchdog := time.AfterFunc(requestTimeout, func() { stall(errStalled) })
	defer watchdog.Stop()
	response, err := r.open(ctx, r.client, url, header)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return &document{header: response.Header, unchanged: true}, nil
	default:
		return nil, &statusError{url: r.locate(url), status: response.StatusCode}
	}
	response.Body = movingBody{response.Body, watchdog}
	body, err := readAll(response, sizeMax)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", r.locate(url), err)
	}
	return &document{body: body, header: response.Header}, nil
}

// readAll reads a body into a single allocation when its length is known: otherwise several copies of a large snapshot would be
// in memory while the buffer grows.
func readAll(response *http.Response, sizeMax int64) ([]byte, error) {
	if response.ContentLength > sizeMax {
		return nil, fmt.Errorf("answer of %d bytes is too large", response.ContentLength)
	}
	if response.ContentLength > 0 {
		body := make([]byte, response.ContentLength)
		if _, err := io.ReadFull(response.Body, body); err != nil {
			return nil, fmt.Errorf("%w: %w", errTransport, err)
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, sizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTransport, err)
	}
	if int64(len(body)) > sizeMax {
		return nil, fmt.Errorf("answer of more than %d bytes is too large", sizeMax)
	}
	return body, nil
}

// discover reads the server's metadata (RFC 8414 §3). The issuer named in it must be the one configured here (§3.3).
func (r *remote) discover(ctx context.Context) (endpoints, error) {
	const path = "/.well-known/oauth-authorization-server"
	document, err := r.get(ctx, r.issuer+path, nil, documentMax, documentTimeout)
	if err != nil {
		return endpoints{}, err
	}
	var metadata struct {
		Issuer      string `json:"issuer"`
		JWKS        string `json:"jwks_uri"`
		Revocations string `json:"revocations_endpoint"`
	}
	if err := json.Unmarshal(document.body, &metadata); err != nil {
		return endpoints{}, fmt.Errorf("metadata at %s: %w", r.locate(r.issuer+path), err)
	}
	if metadata.Issuer != r.issuer {
		return endpoints{}, fmt.Errorf("metadata at %s names the issuer %q, not %q", r.locate(r.issuer+path), metadata.Issuer, r.issuer)
	}
	if metadata.JWKS == "" {
		return endpoints{}, fmt.Errorf("metadata at %s names no jwks_uri", r.locate(r.issuer+path))
	}
	if metadata.Revocations == "" {
		metadata.Revocations = r.issuer + "/v1/revocations"
	}
	return endpoints{jwks: metadata.JWKS, revocations: metadata.Revocations}, nil
}

// maxAge returns the max-age of a Cache-Control header (RFC 9111 §5.2.2.1), and whether there is one.
func maxAge(header http.Header) (time.Duration, bool) {
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(directive)), "max-age=")
		if !ok {
			continue
		}
		if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
			return time.Duration(seconds) * time.Second, true
		}
	}
	return 0, false
}

// answerAge returns the Age header (RFC 9111 §5.1); 0 if there is none.
func answerAge(header http.Header) time.Duration {
	seconds, _ := strconv.ParseUint(header.Get("Age"), 10, 31) // a number that is too large yields the largest
	return time.Duration(seconds) * time.Second
}

// isMediaType reports whether the response is of this type, whatever its parameters.
func isMediaType(header http.Header, want string) bool {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && mediaType == want
}
