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

// tracesOnExitMax bounds how long the process waits for the collector when it ends.
const tracesOnExitMax = 5 * time.Second

// newTracing returns the tracing that the environment asks for, or nil if it asks for none. Errors: a [ConfigError].
func newTracing(log *slog.Logger) (*tracing.Tracing, error) {
	traces, err := tracing.FromEnvironment(context.Background(), os.Getenv, log)
	if wrong, ok := errors.AsType[*tracing.VariableError](err); ok {
		return nil, &ConfigError{wrong.Variable, wrong.Problem}
	}
	return traces, err
}

// tracer returns what traces requests. It is nil if traces are not exported, so that they cost nothing.
func (a *App) tracer() api.Tracer {
	if a.traces == nil {
		return nil
	}
	return a.traces
}

// observeStore returns the function that is told of each database call.
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

// observeSigning returns the function that is told of each signature of a token, or nil without traces.
func (a *App) observeSigning() func(context.Context, time.Duration) {
	if a.traces == nil {
		return nil
	}
	return func(ctx context.Context, took time.Duration) { a.traces.Step(ctx, "sign token", took, false) }
}

// closeTraces sends the remaining spans.
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
