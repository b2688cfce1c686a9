package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/cmd/apikeys/certtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

const adminPassword = "correct horse battery staple"

// output collects what the service tells the person at the terminal.
type output struct {
	mu sync.Mutex
	bytes.Buffer
	written chan struct{}
}

func newOutput() *output { return &output{written: make(chan struct{}, 100)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written <- struct{}{}
	return o.Buffer.Write(p)
}

// waitFor waits for a line that begins with this text and returns the rest of the line.
func (o *output) waitFor(t *testing.T, prefix string) string {
	t.Helper()
	for {
		o.mu.Lock()
		_, rest, found := strings.Cut(o.String(), prefix)
		o.mu.Unlock()
		if found {
			line, _, _ := strings.Cut(rest, "\n")
			return line
		}
		select {
		case <-o.written:
		case <-time.After(20 * time.Second):
			t.Fatalf("it never said %q", prefix)
		}
	}
}

// serve runs the service on a free port and returns its address and its output.
func serve(t *testing.T, environment map[string]string) (address string, said *output) {
	t.Helper()
	return serveWith(t, environment, io.Discard, app.Bounds{})
}

// serveWith is [serve] with a log and with other bounds.
func serveWith(t *testing.T, environment map[string]string, log io.Writer, bounds app.Bounds) (address string, said *output) {
	t.Helper()
	environment["APIKEYS_DATABASE_URL"], environment["APIKEYS_MASTER_KEY"] = sqlstoretest.SQLite(t), masterKey()
	environment["APIKEYS_OPERATOR_PASSWORD"] = adminPassword
	config, err := app.LoadConfig(environment)
	if err != nil {
		t.Fatal(err)
	}
	said = newOutput()
	_, address, stop := launch(t, config, app.Options{Output: said, Logger: app.NewLogger(config, log), Bounds: bounds})
	t.Cleanup(stop)
	said.waitFor(t, "API Keys listens on ")
	return address, said
}

// launch starts a service on a free port and returns it, its address, and a function that stops it, once.
func launch(t *testing.T, config app.Config, options app.Options) (a *app.App, address string, stop func()) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return launchOn(t, listener, config, options)
}

// launchOn is [launch] on a listener.
func launchOn(t *testing.T, listener net.Listener, config app.Config, options app.Options) (a *app.App, address string, stop func()) {
	t.Helper()
	a, err := app.New(config, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, listener) }()
	return a, listener.Addr().String(), sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

// writeCertificate writes a certificate for this machine and its key, and returns a pool that trusts it.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) *x509.CertPool {
	t.Helper()
	return certtest.Certificate{Address: "127.0.0.1", Serial: serial, Ends: time.Now().Add(time.Hour)}.Write(t, certFile, keyFile)
}

func TestTLSByFilesSpeaksHTTP2AndFollowsARenewedCertificate(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	pool := writeCertificate(t, certFile, keyFile, 1)
	address, _ := serve(t, map[string]string{
		"APIKEYS_TLS_CERT_FILE": certFile, "APIKEYS_TLS_KEY_FILE": keyFile, "APIKEYS_ISSUER": "https://127.0.0.1",
	})
	get := func(pool *x509.CertPool, version uint16) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: version, MinVersion: tls.VersionTLS10}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: transport}).Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			err = response.Body.Close()
		}
		return response, err
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		response, err := get(pool, version)
		if err != nil {
			t.Fatal(err)
		}
		if response.ProtoMajor != 2 || response.TLS.Version != version || response.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
			t.Errorf("got %s, %s, %v", response.Proto, tls.VersionName(response.TLS.Version), response.Header)
		}
	}
	if _, err := get(pool, tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	renewed := writeCertificate(t, certFile, keyFile, 2)
	if response, err := get(renewed, 0); err != nil || response.TLS.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("the renewed certificate is not served: %v", err)
	}
	if err := os.WriteFile(keyFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := get(renewed, 0); err != nil {
		t.Errorf("with a broken key file: %v", err)
	}
	again := writeCertificate(t, certFile, keyFile, 3)
	if _, err := get(again, 0); err != nil {
		t.Errorf("after it was put right: %v", err)
	}
}

func TestTLSNeedsBothFilesAndThatTheyBelongTogether(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile, otherKey := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"), filepath.Join(folder, "other.key")
	writeCertificate(t, filepath.Join(folder, "other.crt"), otherKey, 1)
	writeCertificate(t, certFile, keyFile, 2)
	for _, test := range []struct {
		cert, key, want string
	}{
		{certFile, "", "APIKEYS_TLS_KEY_FILE must be set together with APIKEYS_TLS_CERT_FILE"},
		{"", keyFile, "APIKEYS_TLS_CERT_FILE must be set together with APIKEYS_TLS_KEY_FILE"},
		{certFile, filepath.Join(folder, "none"), "APIKEYS_TLS_KEY_FILE names a file that does not exist"},
		{certFile, otherKey, "APIKEYS_TLS_CERT_FILE can't be used: "},
	} {
		config, err := app.LoadConfig(map[string]string{
			"APIKEYS_DATABASE_URL": "sqlite://" + folder + "/apikeys.db", "APIKEYS_TLS_CERT_FILE": test.cert, "APIKEYS_TLS_KEY_FILE": test.key,
		})
		if err == nil {
			_, err = app.New(config, app.Options{Logger: app.NewLogger(config, io.Discard)})
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestMetricsHaveAnAddressOfTheirOwnWhenConfigured(t *testing.T) {
	address, said := serve(t, map[string]string{"APIKEYS_METRICS_LISTEN": "127.0.0.1:0"})
	own := strings.TrimSuffix(said.waitFor(t, "Metrics are at "), "/metrics")
	for url, want := range map[string]int{
		own + "/metrics": 200, own + "/v1/api-keys": 404, own + "/": 404, "http://" + address + "/metrics": 404,
	} {
		if status, _ := fetch(t, url); status != want {
			t.Errorf("%s: got %d, want %d", url, status, want)
		}
	}
}

// fetch returns the status and the body of an address.
func fetch(t *testing.T, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
