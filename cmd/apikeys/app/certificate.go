package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateRetry is how long after a failure unchanged files are read again. What kept them from being read, such as their
// owner or a lack of file descriptors, may be resolved without a trace in their size and time.
const certificateRetry = 5 * time.Second

// certificate is a certificate and its key from two files, which are read again when one of them changes: certificates are
// renewed every few weeks, and that must not take a restart. It is safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]fileState // at the last attempt to load
	failed time.Time    // when the last attempt failed; zero if it succeeded
}

// fileState shows whether a file was replaced or written to.
type fileState struct {
	modified time.Time
	size     int64
}

// newCertificate loads the files. Errors: one can't be read, or they don't belong together.
func newCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, now: now}
	state, err := c.state()
	if err != nil {
		return nil, err
	}
	loaded, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c.loaded, c.seen = &loaded, state
	return c, nil
}

func (c *certificate) state() (state [2]fileState, err error) {
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return state, fmt.Errorf("check %s: %w", path, err)
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}

// current returns the certificate for a handshake. While the files are being replaced, they may not belong together, or one may
// be missing. Then the previous certificate stays in use, and the first such failure is logged.
func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, err := c.state()
	if err == nil && state == c.seen && (c.failed.IsZero() || c.now().Sub(c.failed) < certificateRetry) {
		return c.loaded, nil
	}
	var loaded tls.Certificate
	if err == nil {
		c.seen = state
		loaded, err = tls.LoadX509KeyPair(c.certFile, c.keyFile)
	}
	if err != nil {
		if c.failed.IsZero() {
			c.log.Warn("the TLS certificate can't be reloaded; the previous one stays in use", "error", err)
		}
		c.failed = c.now()
		return c.loaded, nil
	}
	c.log.Info("the TLS certificate was reloaded")
	c.loaded, c.failed = &loaded, time.Time{}
	return c.loaded, nil
}

// end returns when the certificate that is served expires.
func (c *certificate) end() time.Time {
	served, _ := c.current(nil) // never fails
	return served.Leaf.NotAfter
}

// config returns the TLS configuration of a server. It leaves NextProtos empty, so net/http offers HTTP/2.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.current}
}
