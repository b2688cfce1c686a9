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
	eventsOnExitMax = 2 * time.Second // of that
)

// drain lets the service go on for the configured time while this replica says that it is not ready. A proxy that was about to
// send a request still finds the listener open. A proxy that keeps connections is told with each answer to give up that
// connection, so that nobody is about to use one when they are closed at last. drain returns early if ctx ends.
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

// closeWhileDraining makes each answer during the drain the last one of its connection: HTTP/1.1 closes it, and HTTP/2 accepts no
// new requests on it.
func (a *App) closeWhileDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// shutDown finishes the running requests, and then writes the failed sign-ins and uses that they left in memory. Failed sign-ins
// are evidence, and few, so they come first; neither can use up all the time of the other.
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
	events, cancelEvents := context.WithTimeout(flush, eventsOnExitMax)
	defer cancelEvents()
	if err := a.Operators.Flush(events); err != nil {
		a.options.Logger.WarnContext(ctx, "failed sign-ins could not be written to the log", "error", err)
	}
	if err := a.Uses.Flush(flush); err != nil {
		a.options.Logger.WarnContext(ctx, "last uses could not be written", "error", err)
	}
	return nil
}
