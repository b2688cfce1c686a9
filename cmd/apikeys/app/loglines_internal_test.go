package app

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
)

// TestTheEndKnowsWhatGathersTheLog: when the service ends it must write the gathered lines, even if lines pass through the handler
// for traces first.
func TestTheEndKnowsWhatGathersTheLog(t *testing.T) {
	for name, collector := range map[string]string{"without traces": "", "with traces": "http://127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
			config, err := LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": "sqlite://" + filepath.Join(t.TempDir(), "apikeys.db"), "APIKEYS_LOG_FORMAT": "json"})
			if err != nil {
				t.Fatal(err)
			}
			a, err := New(config, Options{Output: io.Discard, Logger: NewLogger(config, NewLines(&bytes.Buffer{}))})
			if err != nil {
				t.Fatal(err)
			}
			if a.lines == nil {
				t.Error("lines that were gathered are not written at the end")
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
