package app

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Bounds limit what one connection may take of the service, so that nobody can hold it up or exhaust its memory. Package api
// limits the bodies of requests, to 1 MiB.
type Bounds struct {
	ReadHeader  time.Duration // for all headers of a request to arrive
	Read        time.Duration // for the whole request
	Write       time.Duration // from the end of the headers to the end of the answer; streams set their own limit for each event
	Idle        time.Duration // between two requests
	HeaderBytes int           // all headers together; net/http allows 4 KiB more
}

// DefaultBounds are generous for people and programs on slow lines.
var DefaultBounds = Bounds{ReadHeader: 10 * time.Second, Read: 30 * time.Second, Write: time.Minute, Idle: 2 * time.Minute, HeaderBytes: 64 << 10}

// newServer returns a server with these bounds.
func (a *App) newServer(handler http.Handler) *http.Server {
	b := a.options.Bounds
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: b.ReadHeader, ReadTimeout: b.Read, WriteTimeout: b.Write, IdleTimeout: b.Idle, MaxHeaderBytes: b.HeaderBytes,
		ErrorLog: log.New(serverLog{a.options.Logger.Handler()}, "", 0),
	}
}

// serverLog receives the messages of net/http itself. Most are about what strangers do wrong, and are logged at debug level only.
// Panics are errors of the service.
type serverLog struct{ to slog.Handler }

// Write implements io.Writer. net/http calls it once for each message.
func (l serverLog) Write(p []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(p, []byte("http: panic serving ")) || bytes.HasPrefix(p, []byte("http2: panic serving ")) {
		level = slog.LevelError
	}
	if ctx := context.Background(); l.to.Enabled(ctx, level) {
		_ = l.to.Handle(ctx, slog.NewRecord(time.Now(), level, strings.TrimSuffix(string(p), "\n"), 0)) // there is nobody to report an error to
	}
	return len(p), nil
}

// refusalInterval is the shortest time between two log lines about connections that can't be accepted.
const refusalInterval = time.Minute

// tellingListener logs that connections can't be accepted, for example for lack of file descriptors. net/http tries again, and
// reports it only among what strangers do wrong, which serverLog hides. Only one goroutine at a time may call Accept.
type tellingListener struct {
	net.Listener
	log  *slog.Logger
	now  func() time.Time
	told time.Time
}

// Accept implements net.Listener.
func (l *tellingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) && l.now().Sub(l.told) >= refusalInterval {
		l.told = l.now()
		l.log.Warn("connections can't be accepted", "error", err)
	}
	return conn, err
}
