package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/scope"
)

// FuzzParseBasic: an Authorization header is refused, or read as credentials that stay the same when encoded and read again (RFC
// 6749 §2.3.1).
func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{
		"", "Basic", "Basic ", "basic YTpi", "Basic  YTpi", "Basic YTpi=", "Basic YSUzQTpiJTI1", "Basic YTolenp6", "Bearer YTpi", "Basic \x00",
		"Basic " + strings.Repeat("QUFB", 16<<10),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok := parseBasic(header)
		if !ok {
			return
		}
		again := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
		if gotID, gotSecret, ok := parseBasic(again); !ok || gotID != id || gotSecret != secret {
			t.Errorf("%q is read as %q and %q, which written again are %q and %q", header, id, secret, gotID, gotSecret)
		}
	})
}

// FuzzReadForm: a form is read or refused with an error of RFC 6749 §5.2. A form that is read repeats no parameter that the OAuth
// routes read.
func FuzzReadForm(f *testing.F) {
	for _, seed := range []string{"", "grant_type=client_credentials&scope=a:b", "token=x&token=y", "a=%zz", "a;b=c", "&&==", "%00=%ff", "token=" + strings.Repeat("a", 64<<10)} {
		f.Add(seed, "application/x-www-form-urlencoded")
	}
	f.Add("token=x", "application/x-www-form-urlencoded; charset=UTF-8")
	f.Add("{}", "application/json")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		read, err := readForm(echo.New().NewContext(r, httptest.NewRecorder()))
		if refused := (*oauth.Error)(nil); err != nil && !errors.As(err, &refused) {
			t.Fatalf("refused with %v", err)
		}
		seen := map[string]bool{}
		for _, p := range read {
			if seen[p.name] && isTokenParameter(p.name) {
				t.Errorf("%s stands there twice", p.name)
			}
			seen[p.name] = true
		}
		if _, _, err := clientCredentials(r, read); err != nil {
			if refused := (*oauth.Error)(nil); !errors.As(err, &refused) {
				t.Errorf("refused with %v", err)
			}
		}
	})
}

// FuzzReadAuthRequest: a body of POST /auth is read as a whole or refused as the caller's error.
func FuzzReadAuthRequest(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"client_id":"a","client_secret":"b"}`, `{"client_id":1}`, `{"client_id":"a","client_secret":"b"} x`, `{"CLIENT_ID":"a"}`,
		`[]`, `null`, `{"client_id":"a","client_secret":"b","c":1}`, "{\"client_id\":\"\xff\"}", strings.Repeat("[", 10_000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		read, err := readAuthRequest(r)
		if err != nil {
			if refused := faultOf(err); refused.status != http.StatusBadRequest && refused.status != http.StatusRequestEntityTooLarge {
				t.Errorf("refused with %d: %v", refused.status, err)
			}
			return
		}
		if read.ClientID == "" || read.ClientSecret == "" {
			t.Errorf("%q is read as %q", body, read)
		}
	})
}

// FuzzWantedScopes: a gateway's query is read or refused, and appending to it never makes it ask for less.
func FuzzWantedScopes(f *testing.F) {
	for _, seed := range [][2]string{
		{"scope=cca:editor", "any_scope=lia:admin"},
		{"any_scope=cca:editor+lia:admin", "any_scope=spot:admin"},
		{"uri=", "scope=cca:editor"},
		{"scope=cca:editor", ";"},
		{"scope=cca:editor", "%zz"},
		{"scope=cca:editor", "uri=&scope="},
		{"", "scope"},
		{"scope=cca:editor", "&&uri=x"},
	} {
		f.Add(seed[0], seed[1], "/oauth2/verify/x")
		f.Add(seed[0], seed[1], "/oauth2/verify")
	}
	granted := scope.NewSet("cca:editor", "lighthouse.workspaces:readonly")
	f.Fuzz(func(t *testing.T, own, appended, path string) {
		before, err := wantedScopes(&url.URL{Path: path, RawQuery: own})
		if err != nil {
			if refused := (*oauth.Error)(nil); !errors.As(err, &refused) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if after, err := wantedScopes(&url.URL{Path: path, RawQuery: own + "&" + appended}); err == nil && after.coveredBy(granted) && !before.coveredBy(granted) {
			t.Errorf("%q asks for more than %q with %q behind it", own, own, appended)
		}
	})
}

// FuzzLastEventID: whatever position a follower sends, it gets a stream and never a fault of the service.
func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "1", "2", "3", "-1", "+1", "9223372036854775807", "9223372036854775808", "x", "1 ", "\x00", "١", strings.Repeat("1", 64<<10)} {
		f.Add(seed)
	}
	feed := newFeed()
	feed.revoke("ak_one", 2)
	feed.revoke("ak_one", 3)
	handler := feed.handler()
	f.Fuzz(func(t *testing.T, position string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the follower leaves at once
		w := &deadlineRecorder{httptest.NewRecorder()}
		handler.ServeHTTP(w, streamRequest(ctx, position))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" {
			t.Errorf("got %d with %v", w.Code, w.Header())
		}
	})
}
