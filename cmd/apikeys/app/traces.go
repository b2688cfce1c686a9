package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/piercloud/apikeys/api"
	"github.com/piercloud/apikeys/pkg/tracing"
)

// tracesOnExitMax bounds how long the end of the process waits for the collector.
const tracesOnExitMax = 5 * time.Second

// newTracing returns what the environment asks for, nil for no traces. Errors: a [ConfigError].
func newTracing(log *slog.Logger) (*tracing.Tracing, error) {
	traces, err := tracing.FromEnvironment(context.Background(), os.Getenv, log)
	if wrong, ok := errors.AsType[*tracing.VariableError](err); ok {
		return nil, &ConfigError{wrong.Variable, wrong.Problem}
	}
	return traces, err
}

// tracer returns what follows requests: nothing when traces go nowhere, so that they cost nothing.
func (a *App) tracer() api.Tracer {
	if a.traces == nil {
		return nil
	}
	return a.traces
}

// observeStore returns what is told of each call of the database.
func (a *App) observeStore() func(context.Context, string, time.Duration, bool) {
	if a.traces == nil {
		return func(_ context.Context, operation string, took time.Duration, unavailable bool) {
			a.metrics.Store(operation, took, unavailable)
		}
	}
	return func(ctx context.Context, operation string, took time.Duration, unavailable bool) {
		a.metrics.Store(operation, took, unavailable)
		a.traces.Step(ctx, "store "+operation, took, unavailable)
	}
}

// observeSigning returns what is told of each signature of a token, nil for nothing.
func (a *App) observeSigning() func(context.Context, time.Duration) {
	if a.traces == nil {
		return nil
	}
	return func(ctx context.Context, took time.Duration) { a.traces.Step(ctx, "sign token", took, false) }
}

// closeTraces sends the spans that are left.
func (a *App) closeTraces() {
	if a.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracesOnExitMax)
	defer cancel()
	if err := a.traces.Shutdown(ctx); err != nil {
		a.options.Logger.WarnContext(ctx, "the last traces could not be sent", "error", err)
	}
}
