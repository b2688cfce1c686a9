package app

import (
	"context"
	"net/http"
	"time"
)

// Bounds of stopping.
const (
	shutdownTimeout = 20 * time.Second
	flushOnExitMax  = 5 * time.Second
)

// drain goes on serving for the configured time while this replica says that it is not ready. A proxy that was about to send
// a request finds the listener open, and one that keeps connections is told with each answer to give that connection up: so
// that when they are closed at last, nobody is about to use one. ctx ends it early.
func (a *App) drain(ctx context.Context) {
	wait := a.Config.drain()
	if !a.prepared.Load() || wait == 0 {
		return
	}
	a.draining.Store(true)
	a.options.Logger.InfoContext(ctx, "about to stop; proxies are given time to notice", "drain", wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// closeWhileDraining makes an answer the last one of its connection: HTTP/1.1 closes it, HTTP/2 takes no new requests on it.
func (a *App) closeWhileDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// shutDown finishes the running requests, then writes the uses and the failed sign-ins that they left.
func (a *App) shutDown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	close(a.stopping)
	if err := server.Shutdown(ctx); err != nil {
		a.options.Logger.WarnContext(ctx, "some requests were cut off", "error", err)
		_ = server.Close() // what Shutdown could not end
	}
	flush, cancelFlush := context.WithTimeout(context.WithoutCancel(ctx), flushOnExitMax)
	defer cancelFlush()
	if err := a.Uses.Flush(flush); err != nil {
		a.options.Logger.WarnContext(ctx, "last uses could not be written", "error", err)
	}
	if err := a.Operators.Flush(flush); err != nil {
		a.options.Logger.WarnContext(ctx, "failed sign-ins could not be written to the log", "error", err)
	}
	return nil
}
