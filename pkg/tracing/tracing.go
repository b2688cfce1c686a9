// Package tracing owns traces: spans of requests, of database calls and of signatures, which are sent to an OpenTelemetry
// collector if the environment names one. The parts of the service don't depend on it: they are given functions to call, or none
// if no collector is named.
//
// A span says what kind of request it was, how it ended and how long everything took. It contains no text from a caller: no path,
// query, header, address or identifier, since more people read traces than the audit log.
package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scopeName is the instrumentation scope of the spans.
const scopeName = "github.com/piercloud/apikeys"

// Tracing makes spans and sends them in batches, in the background. What can't be sent in time is dropped, so that a collector
// that is down or slow holds nothing up. It is safe for concurrent use.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// FromEnvironment returns what the standard variables OTEL_* ask for; nil if they name no collector. The SDK reads the sampler
// (OTEL_TRACES_SAMPLER), the batches (OTEL_BSP_*) and the resource (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES). Later failures
// are logged. Errors: a [VariableError].
func FromEnvironment(ctx context.Context, lookup func(name string) string, log *slog.Logger) (*Tracing, error) {
	to, err := readCollector(lookup)
	if err != nil || to == nil {
		return nil, err
	}
	if err := checkSampler(lookup); err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces can't be sent", "error", err) }))
	exporter, err := otlptrace.New(ctx, to)
	if err != nil {
		return nil, err
	}
	described, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "apikeys")), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, &VariableError{"OTEL_RESOURCE_ATTRIBUTES", "must be name=value pairs, separated by commas"}
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))
	return &Tracing{provider: provider, tracer: provider.Tracer(scopeName)}, nil
}

// checkSampler rejects values that the SDK would only warn about, after which it would trace every request.
func checkSampler(lookup func(name string) string) error {
	const sampler, argument = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	switch strings.ToLower(strings.TrimSpace(lookup(sampler))) {
	case "", "always_on", "always_off", "parentbased_always_on", "parentbased_always_off":
		return nil // they don't use the argument
	case "traceidratio", "parentbased_traceidratio":
	default:
		return &VariableError{sampler, "must be one of: always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio"}
	}
	text := strings.TrimSpace(lookup(argument))
	if ratio, err := strconv.ParseFloat(text, 64); text != "" && (err != nil || !(ratio >= 0 && ratio <= 1)) {
		return &VariableError{argument, "must be a number from 0 to 1, the part of the requests that are traced"}
	}
	return nil
}

// Request begins the span of a request. The span is a child of the caller's if the request names one (W3C Trace Context). method
// and route must not be text from the caller. end must be called once, with the status of the response.
func (t *Tracing) Request(r *http.Request, method, route string) (ctx context.Context, end func(status int)) {
	ctx, span := t.tracer.Start(callerContext(r), method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// callerContext returns the request's context with the caller's span, but without its trace state, which could be any text.
func callerContext(r *http.Request) context.Context {
	of := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	parent := trace.SpanContextFromContext(of)
	if !parent.IsValid() {
		return r.Context()
	}
	return trace.ContextWithRemoteSpanContext(r.Context(), parent.WithTraceState(trace.TraceState{}))
}

// Step adds a span for a step that has just ended, took this long, and was done for the request of ctx. Steps that belong to no
// request, such as the regular reading of the log, get no span.
func (t *Tracing) Step(ctx context.Context, name string, took time.Duration, failed bool) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	ended := time.Now()
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(ended.Add(-took)))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(ended))
}

// Shutdown sends the remaining spans, as far as ctx allows.
func (t *Tracing) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Handler returns a log handler that adds the trace ID to what is logged for a request.
func Handler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }
