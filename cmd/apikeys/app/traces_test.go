package app_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

// collector receives spans by OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*v1.Span
	service string // of the resource
	raw     bytes.Buffer
	headers http.Header // of the last export
	arrived chan struct{}
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{arrived: make(chan struct{}, 1000)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var export v1.TracesData
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &export) != nil {
			t.Errorf("an export to %s is malformed: %v", r.URL, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw.Write(body)
		c.headers = r.Header
		for _, resource := range export.ResourceSpans {
			for _, a := range resource.Resource.Attributes {
				if a.Key == "service.name" {
					c.service = a.Value.GetStringValue()
				}
			}
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
		c.arrived <- struct{}{}
	}))
	t.Cleanup(c.Close)
	return c
}

// find waits for a span with this name, in the trace and below the parent unless they are nil.
func (c *collector) find(t *testing.T, name string, trace, parent []byte) *v1.Span {
	t.Helper()
	for {
		c.mu.Lock()
		for _, s := range c.spans {
			if s.Name == name && (trace == nil || bytes.Equal(s.TraceId, trace)) && (parent == nil || bytes.Equal(s.ParentSpanId, parent)) {
				c.mu.Unlock()
				return s
			}
		}
		c.mu.Unlock()
		select {
		case <-c.arrived:
		case <-time.After(20 * time.Second):
			t.Fatalf("there is no span %s", name)
		}
	}
}

// askedFor makes a request of the service and returns the answer's body.
func askedFor(t *testing.T, method, url, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(read)
}

func TestTracesTellWhatWasDoneAndNothingThatARequestHeld(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20YTpi,x-team=keys")
	t.Setenv("OTEL_SERVICE_NAME", "keys-of-the-test")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	log := newOutput()
	address, _ := serveWith(t, map[string]string{}, log, app.Bounds{})
	base := "http://" + address

	const email = "admin@localhost"
	signedIn, _ := askedFor(t, "POST", base+"/v1/session", `{"email":"`+email+`","password":"`+adminPassword+`"}`, nil)
	session := signedIn.Cookies()[0].Value
	cookie := map[string]string{"Cookie": "apikeys_session=" + session}
	var key struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	_, made := askedFor(t, "POST", base+"/v1/api-keys", `{"name":"name-of-the-key","scopes":["cca:readonly"]}`, cookie)
	if err := json.Unmarshal([]byte(made), &key); err != nil || key.ClientID == "" {
		t.Fatal(err)
	}
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	_, issued := askedFor(t, "POST", base+"/auth", `{"client_id":"`+key.ClientID+`","client_secret":"`+key.ClientSecret+`"}`, map[string]string{
		"traceparent": "00-" + trace + "-" + parent + "-01", "tracestate": "vendor=state-of-the-caller", "baggage": "a=baggage-of-the-caller", "User-Agent": "agent-of-the-caller",
	})
	var token struct {
		Data struct {
			AccessToken string `json:"access_token"`
		}
	}
	if err := json.Unmarshal([]byte(issued), &token); err != nil || token.Data.AccessToken == "" {
		t.Fatal(err, issued)
	}
	askedFor(t, "GET", base+"/v1/api-keys/"+key.ClientID+"/usage?time_zone=zone-of-the-caller", "", map[string]string{"Authorization": "Bearer " + token.Data.AccessToken})
	askedFor(t, "GET", base+"/v1/api-keys?search=text-of-the-search", "", cookie)
	askedFor(t, "GET", base+"/pages/path-of-the-page", "", nil)
	askedFor(t, "METHOD-OF-THE-CALLER", base+"/v1/path-of-the-caller", "", nil)
	askedFor(t, "GET", base+"/healthz", "", nil)

	traceID, err := hex.DecodeString(trace)
	if err != nil {
		t.Fatal(err)
	}
	exchange := c.find(t, "POST /auth", traceID, nil)
	if hex.EncodeToString(exchange.ParentSpanId) != parent || exchange.Kind != v1.Span_SPAN_KIND_SERVER || exchange.TraceState != "" {
		t.Errorf("the exchange is not the caller's child: %v", exchange)
	}
	if attributes := fmt.Sprint(exchange.Attributes); !strings.Contains(attributes, "201") || len(exchange.Attributes) != 3 {
		t.Errorf("the exchange has the attributes %s", attributes)
	}
	signature := c.find(t, "sign token", traceID, exchange.SpanId)
	if signature.StartTimeUnixNano < exchange.StartTimeUnixNano || signature.EndTimeUnixNano > exchange.EndTimeUnixNano || signature.StartTimeUnixNano >= signature.EndTimeUnixNano {
		t.Errorf("the signature is not within the exchange: %v, %v", signature, exchange)
	}
	creation := c.find(t, "POST /v1/api-keys", nil, nil)
	c.find(t, "store change", creation.TraceId, creation.SpanId)
	c.find(t, "GET /v1/api-keys/:client_id/usage", nil, nil)
	c.find(t, "OTHER none", nil, nil)

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.service != "keys-of-the-test" || c.headers.Get("Authorization") != "Basic YTpi" || c.headers.Get("X-Team") != "keys" {
		t.Errorf("sent in the name of %s with %v", c.service, c.headers)
	}
	for _, private := range []string{
		key.ClientID, key.ClientSecret, token.Data.AccessToken, session, adminPassword, email, "of-the-caller", "OF-THE-CALLER",
		"name-of-the-key", "text-of-the-search", "path-of-the-page", "127.0.0.1", "healthz",
	} {
		if bytes.Contains(c.raw.Bytes(), []byte(private)) {
			t.Errorf("the traces hold %q", private)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"route":"/auth"`) != strings.Contains(line, `"trace_id":"`+trace+`"`) {
			t.Errorf("the trace of the line is wrong: %s", line)
		}
	}
}

func TestACollectorThatHangsOrIsAwayHoldsUpNothing(t *testing.T) {
	hanging, asked := make(chan struct{}), make(chan struct{}, 1000)
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hanging
	}))
	t.Cleanup(stuck.Close)
	t.Cleanup(func() { close(hanging) }) // after the service has ended
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for name, url := range map[string]string{"hanging": stuck.URL, "away": away.URL} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url+"/traces")
			t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
			t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
			t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
			t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
			address, _ := serve(t, map[string]string{})
			for i := range 200 {
				if status, _ := fetch(t, "http://"+address+"/.well-known/jwks.json"); status != http.StatusOK {
					t.Fatalf("request %d: got %d", i, status)
				}
				if i == 0 && name == "hanging" {
					<-asked // from here on it hangs
				}
			}
		})
	}
}

func TestTracesAreOffUnlessTheEnvironmentNamesACollector(t *testing.T) {
	c := newCollector(t)
	for name, value := range map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": ""} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
			t.Setenv(name, value)
			address, _ := serve(t, map[string]string{})
			fetch(t, "http://"+address+"/.well-known/jwks.json")
		}) // the service has ended, and would have sent its spans
	}
	if c.mu.Lock(); len(c.spans) > 0 {
		t.Errorf("got %v", c.spans)
	}
	c.mu.Unlock()
}

func TestAWrongVariableOfTracesIsNamedWithoutItsValue(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_TRACES_SAMPLER":         "private",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "ftp://private", "OTEL_EXPORTER_OTLP_HEADERS": "private",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=%zz-private", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TIMEOUT": "0s-private",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
			t.Setenv(name, value)
			config, err := app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": "sqlite://" + t.TempDir() + "/apikeys.db"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = app.New(config, app.Options{Logger: app.NewLogger(config, io.Discard)})
			if err == nil || !strings.HasPrefix(err.Error(), name+" must be ") || strings.Contains(err.Error(), "private") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestOnlyASamplerThatIsUnderstoodIsTaken: for any other, the SDK would log an error and trace every request.
func TestOnlyASamplerThatIsUnderstoodIsTaken(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
	for _, test := range []struct{ sampler, argument, wrong string }{
		{"", "", ""},
		{"", "half", ""},
		{"always_off", "half", ""},
		{"traceidratio", "", ""},
		{" ParentBased_TraceIDRatio ", " 0.25 ", ""},
		{"traceidratio", "0", ""},
		{"parentbased_traceidratio", "1", ""},
		{"sometimes", "", "OTEL_TRACES_SAMPLER"},
		{"jaeger_remote", "", "OTEL_TRACES_SAMPLER"},
		{"traceidratio", "half", "OTEL_TRACES_SAMPLER_ARG"},
		{"traceidratio", "-0.1", "OTEL_TRACES_SAMPLER_ARG"},
		{"parentbased_traceidratio", "25", "OTEL_TRACES_SAMPLER_ARG"},
		{"parentbased_traceidratio", "NaN", "OTEL_TRACES_SAMPLER_ARG"},
	} {
		t.Setenv("OTEL_TRACES_SAMPLER", test.sampler)
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", test.argument)
		err := open(t, filepath.Join(t.TempDir(), "apikeys.db"))
		if names := strings.Join(wrong(err), " "); names != test.wrong || err != nil && !strings.HasPrefix(err.Error(), test.wrong+" must be ") {
			t.Errorf("%q with %q: %v", test.sampler, test.argument, err)
		}
	}
}
