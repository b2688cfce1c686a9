// Command sample-api is a resource server: an API that accepts the access tokens of an API Keys server. It is runnable
// documentation, and has nothing to offer but two made-up contexts.
//
//	go run ./cmd/sample-api -issuer http://localhost:8080
//	curl -H "Authorization: Bearer $TOKEN" http://localhost:8090/lighthouse/tenancies/$TENANCY_ID/contexts
//
// Everything that protects it is in newHandler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sample-api:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	listen := flag.String("listen", setting("SAMPLE_API_LISTEN", "127.0.0.1:8090"), "address to listen on (SAMPLE_API_LISTEN)")
	issuer := flag.String("issuer", setting("SAMPLE_API_ISSUER", "http://localhost:8080"), "issuer of the tokens (SAMPLE_API_ISSUER)")
	issuerAt := flag.String("issuer-at", setting("SAMPLE_API_ISSUER_AT", ""),
		"where the issuer is reached from here, if not at its own URL (SAMPLE_API_ISSUER_AT)")
	audience := flag.String("audience", setting("SAMPLE_API_AUDIENCE", ""), "audience of the tokens, by default the issuer (SAMPLE_API_AUDIENCE)")
	flag.Parse()

	verifier, err := resourceserver.New(ctx, *issuer, resourceserver.Options{
		Audience:   *audience,
		BaseURL:    *issuerAt,
		ErrorStyle: resourceserver.EnvelopeErrors,
	})
	if err != nil {
		return err
	}
	defer verifier.Close()

	server := &http.Server{Addr: *listen, Handler: newHandler(verifier), ReadHeaderTimeout: 10 * time.Second}
	answered := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		answered <- server.Shutdown(ctx)
	})
	slog.Info("listening", "address", *listen, "issuer", *issuer)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listen on %s: %w", *listen, err)
	}
	return <-answered // the requests in progress still need the verifier
}

// newHandler returns the API. A token needs the scope, and must belong to the tenancy in the path.
func newHandler(verifier *resourceserver.Verifier) http.Handler {
	protect := verifier.Middleware(func(r *http.Request) []resourceserver.Requirement {
		return []resourceserver.Requirement{
			resourceserver.AllScopes("lighthouse.workspaces:readonly"),
			resourceserver.Tenancy(r.PathValue("tenancy_id")),
		}
	})
	mux := http.NewServeMux()
	mux.Handle("GET /lighthouse/tenancies/{tenancy_id}/contexts", protect(http.HandlerFunc(listContexts)))
	return mux
}

func setting(variable, otherwise string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}
