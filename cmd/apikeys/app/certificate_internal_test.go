package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/certtest"
)

// TestACertificateThatCantBeReadIsTriedAgain, even if its files look unchanged, since a change of their owner or mode may have made
// them readable. Only one line is logged.
func TestACertificateThatCantBeReadIsTriedAgain(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string, content []byte, modified time.Time){
		"unreadable": func(t *testing.T, path string, content []byte, modified time.Time) {
			overwrite(t, path, bytes.Repeat([]byte("x"), len(content)), modified)
		},
		"gone": func(t *testing.T, path string, _ []byte, _ time.Time) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
			at := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
			first, second := at.AddDate(0, 1, 0), at.AddDate(0, 2, 0)
			certtest.Certificate{Address: "127.0.0.1", Serial: 1, Ends: first}.Write(t, certFile, keyFile)
			var log bytes.Buffer
			c, err := newCertificate(certFile, keyFile, NewLogger(Config{LogFormat: "json"}, &log), func() time.Time { return at })
			if err != nil {
				t.Fatal(err)
			}
			serves := func(want time.Time) {
				t.Helper()
				if end := c.end(); !end.Equal(want) {
					t.Errorf("the certificate that is served ends at %v, not %v", end, want)
				}
			}
			serves(first)

			certtest.Certificate{Address: "127.0.0.1", Serial: 2, Ends: second}.Write(t, certFile, keyFile)
			key, err := os.ReadFile(keyFile)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(keyFile)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, keyFile, key, info.ModTime())
			serves(first)
			at = at.Add(certificateRetry)
			serves(first)
			overwrite(t, keyFile, key, info.ModTime())
			at = at.Add(certificateRetry)
			serves(second)
			if lines := strings.Count(log.String(), `"level":"WARN"`); lines != 1 {
				t.Errorf("%d lines tell that it can't be read:\n%s", lines, log.String())
			}
		})
	}
}

// overwrite sets the content and the modification time of a file.
func overwrite(t *testing.T, path string, content []byte, modified time.Time) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}
