package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestLongListsAreCompressedForWhoAcceptsThat(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	keys := url.Values{}
	for i := range 20 {
		keys.Add("client_id", admin.create(fmt.Sprintf("Program %d", i)).ClientID)
	}
	admin.http.Transport = http.DefaultTransport // bodies as they are sent
	for _, path := range []string{"/v1/api-keys?page_size=100", "/v1/events", "/v1/usage?" + keys.Encode()} {
		plain := admin.with("Accept-Encoding", "gzip;q=0, br").get(path).wants(http.StatusOK)
		short := admin.with("Accept-Encoding", "br, gzip").get(path).wants(http.StatusOK)
		if plain.Header.Get("Content-Encoding") != "" || short.Header.Get("Content-Encoding") != "gzip" ||
			!strings.Contains(short.Header.Get("Vary"), "Accept-Encoding") || len(short.body)*3 > len(plain.body) {
			t.Errorf("%s: %d bytes %v, and %d bytes %v", path, len(plain.body), plain.Header, len(short.body), short.Header)
			continue
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(short.body))
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(unpacked); err != nil || !json.Valid(content) || short.Header.Get("Content-Type") != plain.Header.Get("Content-Type") {
			t.Errorf("%s: %v, %s", path, err, content)
		}
	}
}

// TestWhatHoldsASecretIsNotCompressed: the length of a compressed response reveals something about its content.
func TestWhatHoldsASecretIsNotCompressed(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	var scopes []string
	for _, found := range regexp.MustCompile(`"scope":"([^"]+)"`).FindAllSubmatch(admin.get("/v1/scopes").wants(http.StatusOK).body, -1) {
		scopes = append(scopes, string(found[1]))
	}
	admin.http.Transport = http.DefaultTransport
	eager := admin.with("Accept-Encoding", "gzip")
	draft := map[string]any{"name": "Program", "description": strings.Repeat("a description ", 35), "scopes": scopes}
	created := eager.post("/v1/api-keys", draft).wants(http.StatusCreated)
	key := created.key()
	rotated := eager.post("/v1/api-keys/"+key.ClientID+"/rotate-secret", map[string]any{"grace_period_seconds": 0}).wants(http.StatusOK)
	token := s.stranger(t).with("Accept-Encoding", "gzip").post("/auth", map[string]string{"client_id": key.ClientID, "client_secret": rotated.key().ClientSecret}).wants(http.StatusCreated)
	for what, a := range map[string]answer{"a new key": created, "a new secret": rotated, "a token": token} {
		if len(a.body) < 2048 || a.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s has %d bytes and the headers %v", what, len(a.body), a.Header)
		}
	}
}
