package app

import (
	"log/slog"
	"net/http"
	"time"
)

// Bounds are what one connection may take of the service, so that nobody can hold it up or blow it up. The bound of bodies, 1 MiB,
// is package api's.
type Bounds struct {
	ReadHeader  time.Duration // for all headers of a request to arrive
	Read        time.Duration // for the whole request
	Write       time.Duration // from the end of the headers to the end of the answer; streams set their own for each event
	Idle        time.Duration // between two requests
	HeaderBytes int           // of all headers together; net/http allows 4 KiB more
}

// DefaultBounds are generous for people and programs on slow lines.
var DefaultBounds = Bounds{ReadHeader: 10 * time.Second, Read: 30 * time.Second, Write: time.Minute, Idle: 2 * time.Minute, HeaderBytes: 64 << 10}

// newServer returns a server within the bounds.
func (a *App) newServer(handler http.Handler) *http.Server {
	b := a.options.Bounds
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: b.ReadHeader, ReadTimeout: b.Read, WriteTimeout: b.Write, IdleTimeout: b.Idle, MaxHeaderBytes: b.HeaderBytes,
		ErrorLog: slog.NewLogLogger(a.options.Logger.Handler(), slog.LevelDebug),
	}
}
