package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

// benchService returns the handler and the key of benchApp.
func benchService(b *testing.B) (http.Handler, apikey.Created) {
	b.Helper()
	a, created := benchApp(b)
	return a.Handler(), created
}

// benchApp returns the service on a SQLite database with one key. It discards its log.
func benchApp(b *testing.B) (*app.App, apikey.Created) {
	b.Helper()
	config, err := app.LoadConfig(map[string]string{
		"APIKEYS_DATABASE_URL":      "sqlite://" + filepath.Join(b.TempDir(), "apikeys.db"),
		"APIKEYS_OPERATOR_PASSWORD": "correct horse battery staple",
		"APIKEYS_LIMITS":            "off",
	})
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.New(config, app.Options{Logger: app.NewLogger(config, app.NewLines(io.Discard))})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	if err := a.Prepare(ctx); err != nil {
		b.Fatal(err)
	}
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		_ = a.Tailer.Run(ctx)
	}()
	b.Cleanup(func() {
		cancel()
		<-followed
		if err := a.Close(); err != nil {
			b.Error(err)
		}
	})
	created, err := a.Keys.Create(ctx, apikey.Caller{
		TenancyID: operator.PlatformTenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorSystem, ID: "bench", Name: "bench"},
	}, apikey.Draft{Name: "bench", Scopes: []string{"lighthouse.workspaces:readonly", "cca:editor"}, Lifespan: apikey.DefaultLifespan}, "")
	if err != nil {
		b.Fatal(err)
	}
	return a, created
}

// bareHandler does the least that issuing a token can cost: Echo, a request that is read but not examined, one ES256 signature by
// jwx over as many bytes as a token's header and claims, and a prepared answer of a token's size.
func bareHandler(b *testing.B) http.Handler {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		b.Fatal(err)
	}
	signed, answer := []byte(strings.Repeat("a", 600)), []byte(strings.Repeat("a", 800))
	e := echo.New()
	e.POST("/oauth2/token", func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		if _, err := signer.Sign(signed, key); err != nil {
			return err
		}
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, answer)
	})
	e.GET("/oauth2/verify", func(c echo.Context) error {
		if !strings.HasPrefix(c.Request().Header.Get("Authorization"), "Bearer ") {
			return c.NoContent(http.StatusUnauthorized)
		}
		return c.NoContent(http.StatusOK)
	})
	return e
}

// discard is a response writer that discards the body.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// spend is one request for a token, or about one.
type spend struct {
	method string
	path   string
	header http.Header
	body   string
	status int
}

func spends(k apikey.Created) map[string]spend {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	basic := form.Clone()
	credentials := http.Request{Header: basic}
	credentials.SetBasicAuth(k.Key.ClientID, k.Secret)
	both, _ := json.Marshal(map[string]string{"client_id": k.Key.ClientID, "client_secret": k.Secret})
	return map[string]spend{
		"basic": {http.MethodPost, "/oauth2/token", basic, "grant_type=client_credentials", http.StatusOK},
		"form": {http.MethodPost, "/oauth2/token", form, url.Values{
			"grant_type": {"client_credentials"}, "client_id": {k.Key.ClientID}, "client_secret": {k.Secret},
		}.Encode(), http.StatusOK},
		"auth": {http.MethodPost, "/auth", http.Header{"Content-Type": {"application/json"}}, string(both), http.StatusCreated},
	}
}

// inProcess calls a handler as net/http does, without a connection.
func inProcess(b *testing.B, h http.Handler, s spend) func() {
	body := strings.NewReader("")
	request := http.Request{
		Method: s.method, URL: &url.URL{Path: s.path}, RequestURI: s.path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.header, Host: "localhost:8080", RemoteAddr: "127.0.0.1:50000", ContentLength: int64(len(s.body)),
	}
	w := &discard{header: make(http.Header, 8)}
	return func() {
		body.Reset(s.body)
		r := request
		r.Body = io.NopCloser(body)
		clear(w.header)
		h.ServeHTTP(w, &r)
		if w.status != s.status {
			b.Fatalf("status %d, not %d", w.status, s.status)
		}
	}
}

// overLoopback sends requests to a handler over one connection, with a client that costs little itself.
func overLoopback(b *testing.B, h http.Handler, s spend) func() {
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close() // the server ends in either case
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			b.Error(err)
		}
	})
	request, err := http.NewRequestWithContext(b.Context(), s.method, "http://localhost"+s.path, strings.NewReader(s.body))
	if err != nil {
		b.Fatal(err)
	}
	request.Header = s.header.Clone()
	var encoded bytes.Buffer
	if err := request.Write(&encoded); err != nil {
		b.Fatal(err)
	}
	answer := make([]byte, 16<<10)
	return func() {
		if _, err := conn.Write(encoded.Bytes()); err != nil {
			b.Fatal(err)
		}
		if n, err := conn.Read(answer); err != nil || n < len("HTTP/1.1 200") || answer[9] != '2' {
			b.Fatalf("%d bytes, %v: %s", n, err, answer[:n])
		}
	}
}

// cost is what one request takes. The time is processor time, including garbage collection: other programs on the machine hardly
// change it, whereas they would determine the wall-clock time.
type cost struct{ nanoseconds, allocations, bytes float64 }

// processorTime returns how long this process has run on any processor.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // only for a wrong argument
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// measure runs a request n times.
func measure(n int, request func()) cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	started := processorTime()
	for range n {
		request()
	}
	took := processorTime() - started
	runtime.ReadMemStats(&after)
	each := func(total uint64) float64 { return float64(total) / float64(n) }
	return cost{float64(took.Nanoseconds()) / float64(n), each(after.Mallocs - before.Mallocs), each(after.TotalAlloc - before.TotalAlloc)}
}

// BenchmarkIssueToken measures a token over HTTP from a warm cache, with everything that the service does, and relates it to the
// bare handler: x-cpu, x-allocs and x-bytes are the ratios. The two take turns in small portions, so that whatever else the
// machine does affects both.
func BenchmarkIssueToken(b *testing.B) {
	for _, way := range []struct {
		name    string
		connect func(*testing.B, http.Handler, spend) func()
	}{{"handler", inProcess}, {"loopback", overLoopback}} {
		for _, style := range []string{"basic", "form", "auth"} {
			b.Run(way.name+"/"+style, func(b *testing.B) {
				handler, key := benchService(b)
				s := spends(key)[style]
				bareSpend := s
				bareSpend.path, bareSpend.status = "/oauth2/token", http.StatusOK
				service, bare := way.connect(b, handler, s), way.connect(b, bareHandler(b), bareSpend)
				service()
				bare()
				b.ResetTimer()
				compare(b, service, bare)
			})
		}
	}
}

// BenchmarkVerifyToken does the same for a gateway that asks about a token that the service has seen before.
func BenchmarkVerifyToken(b *testing.B) {
	for _, way := range []struct {
		name    string
		connect func(*testing.B, http.Handler, spend) func()
	}{{"handler", inProcess}, {"loopback", overLoopback}} {
		b.Run(way.name, func(b *testing.B) {
			handler, key := benchService(b)
			asked := spend{http.MethodGet, "/oauth2/verify", http.Header{"Authorization": {"Bearer " + obtains(b, handler, key)}}, "", http.StatusOK}
			service, bare := way.connect(b, handler, asked), way.connect(b, bareHandler(b), asked)
			service()
			bare()
			b.ResetTimer()
			compare(b, service, bare)
		})
	}
}

// compare runs the benchmark's rounds of both requests and reports the ratios.
func compare(b *testing.B, service, bare func()) {
	const portion = 500
	var ours, theirs cost
	for left := b.N; left > 0; left -= portion {
		n := min(portion, left)
		share := float64(n) / float64(b.N)
		ours = ours.plus(measure(n, service), share)
		b.StopTimer()
		theirs = theirs.plus(measure(n, bare), share)
		b.StartTimer()
	}
	b.ReportMetric(ours.allocations, "allocs/op")
	b.ReportMetric(ours.bytes, "B/op")
	b.ReportMetric(ours.nanoseconds, "cpu-ns/op")
	b.ReportMetric(theirs.nanoseconds, "bare-cpu-ns/op")
	b.ReportMetric(theirs.allocations, "bare-allocs/op")
	b.ReportMetric(ours.nanoseconds/theirs.nanoseconds, "x-cpu")
	b.ReportMetric(ours.allocations/theirs.allocations, "x-allocs")
	b.ReportMetric(ours.bytes/theirs.bytes, "x-bytes")
}

// plus adds a share of another cost.
func (c cost) plus(other cost, share float64) cost {
	return cost{c.nanoseconds + share*other.nanoseconds, c.allocations + share*other.allocations, c.bytes + share*other.bytes}
}
