package app

import (
	"log"
	"log/slog"
	"strings"
	"testing"
)

// TestWhatPanickedIsAnErrorInTheLog: errors of strangers, such as a failed TLS handshake, are debug lines only.
func TestWhatPanickedIsAnErrorInTheLog(t *testing.T) {
	var written strings.Builder
	told := log.New(serverLog{slog.NewTextHandler(&written, nil)}, "", 0)
	told.Printf("http: TLS handshake error from %s: EOF", "192.0.2.1:1")
	told.Printf("http: TLS handshake error from %s: no protocol of %q", "192.0.2.1:1", ": panic serving ")
	told.Printf("http: panic serving %s: %v\n%s", "192.0.2.1:1", "oh", "goroutine 1")
	if text := written.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "panic serving 192.0.2.1:1: oh") {
		t.Errorf("the log is %q", text)
	}
}
