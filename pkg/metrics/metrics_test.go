package metrics_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/metrics"
)

func TestWhatHappensIsCounted(t *testing.T) {
	m := metrics.New([]string{"issued", "failed"}, []string{"read", "write"})
	m.Token("failed")
	m.Token("invented")
	m.Store("read", time.Millisecond, true)
	m.Store("read", time.Millisecond, false)
	m.Listening(3)
	m.Listening(-1)
	m.Requests(http.MethodGet, "/v1/session", http.StatusOK)(3 * time.Millisecond)

	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`apikeys_token_requests_total{outcome="failed"} 1`,
		`apikeys_token_requests_total{outcome="issued"} 0`,
		`apikeys_store_duration_seconds_count{operation="read"} 2`,
		`apikeys_store_unavailable_total{operation="read"} 1`,
		`apikeys_store_unavailable_total{operation="write"} 0`,
		`apikeys_feed_listeners 2`,
		`apikeys_http_request_duration_seconds_bucket{method="GET",route="/v1/session",status="200",le="0.0025"} 0`,
		`apikeys_http_request_duration_seconds_bucket{method="GET",route="/v1/session",status="200",le="0.005"} 1`,
		`apikeys_http_request_duration_seconds_sum{method="GET",route="/v1/session",status="200"} 0.003`,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
	if strings.Contains(string(text), "invented") {
		t.Error("an outcome is counted that there is not")
	}
}
