package tracing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// VariableError says what is wrong with an environment variable.
type VariableError struct {
	Variable string
	Problem  string // a predicate, without the variable's value, which may be a secret
}

func (e *VariableError) Error() string { return e.Variable + " " + e.Problem }

const (
	// timeoutDefault bounds an export.
	timeoutDefault = 10 * time.Second
	// answerMax bounds, in bytes, how much of a collector's response is read so that its connection can be reused.
	answerMax = 64 << 10
)

// collector sends spans with OTLP over HTTP, in protobuf. It is the client for the SDK's exporter, because the SDK's own client
// depends on gRPC. It is safe for concurrent use.
type collector struct {
	url     string
	headers map[string]string
	http    *http.Client
}

// readCollector returns the collector that the environment names, nil if it names none. Variables for traces take precedence over
// those for all signals. Errors: a [VariableError].
func readCollector(lookup func(name string) string) (*collector, error) {
	if strings.EqualFold(lookup("OTEL_SDK_DISABLED"), "true") || lookup("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	name, address := variable(lookup, "ENDPOINT")
	if address == "" {
		return nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &VariableError{name, "must be a URL, such as http://localhost:4318"}
	}
	if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		u = u.JoinPath("v1", "traces")
	}
	if name, protocol := variable(lookup, "PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, &VariableError{name, "must be http/protobuf"}
	}
	transport := http.DefaultTransport
	if shared, ok := transport.(*http.Transport); ok {
		transport = shared.Clone() // so that Stop closes only the collector's connections
	}
	c := &collector{url: u.String(), headers: map[string]string{}, http: &http.Client{
		Transport:     transport,
		Timeout:       timeoutDefault,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the headers are meant for this host
	}}
	if name, text := variable(lookup, "TIMEOUT"); text != "" {
		milliseconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil || milliseconds == 0 {
			return nil, &VariableError{name, "must be a number of milliseconds"}
		}
		c.http.Timeout = time.Duration(milliseconds) * time.Millisecond
	}
	if name, text := variable(lookup, "HEADERS"); text != "" {
		for pair := range strings.SplitSeq(text, ",") {
			header, value, ok := strings.Cut(pair, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if header = strings.TrimSpace(header); !ok || header == "" || err != nil {
				return nil, &VariableError{name, "must be name=value pairs, separated by commas"}
			}
			c.headers[header] = value
		}
	}
	return c, nil
}

// variable returns the name and the value of the variable for traces or, if that is not set, of the one for all signals.
func variable(lookup func(string) string, what string) (name, value string) {
	name = "OTEL_EXPORTER_OTLP_TRACES_" + what
	if value = lookup(name); value == "" {
		name = "OTEL_EXPORTER_OTLP_" + what
		value = lookup(name)
	}
	return name, value
}

// Start implements otlptrace.Client. There is nothing to start: the collector may become available later.
func (*collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It tries only once: the next batch comes soon, and nothing piles up meanwhile.
func (c *collector) UploadTraces(ctx context.Context, spans []*v1.ResourceSpans) error {
	// This encodes to the same bytes as an ExportTraceServiceRequest, whose package depends on gRPC.
	body, err := proto.Marshal(&v1.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("build the request to the collector: %w", err)
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	response, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("reach the collector: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, answerMax)) // the content is meant for people
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %d", response.StatusCode)
	}
	return nil
}
