package e2e

import (
	"bytes"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

func TestRefusalsOfClientsAreByteIdentical(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		operator := signIn(s)
		active, inactive, deleted := operator.create("active"), operator.create("inactive"), operator.create("deleted")
		operator.accessToken(inactive)
		operator.want(http.StatusOK, operator.post("/v1/api-keys/"+inactive.ClientID+"/deactivate", nil))
		operator.want(http.StatusNoContent, operator.do(http.MethodDelete, "/v1/api-keys/"+deleted.ClientID, nil))
		rotated := operator.create("rotated")
		operator.want(http.StatusOK, operator.post("/v1/api-keys/"+rotated.ClientID+"/rotate-secret", map[string]int{"grace_period_seconds": 0}))
		refused := map[string]clientPair{
			"unknown client":              {someone.ClientID, active.ClientSecret},
			"client id of another form":   {"me", active.ClientSecret},
			"inactive client":             {inactive.ClientID, inactive.ClientSecret},
			"inactive and a wrong secret": {inactive.ClientID, active.ClientSecret},
			"deleted client":              {deleted.ClientID, deleted.ClientSecret},
			"wrong secret":                {active.ClientID, inactive.ClientSecret},
			"secret of another form":      {active.ClientID, "secret"},
			"replaced secret":             {rotated.ClientID, rotated.ClientSecret},
		}

		for way, ask := range map[string]func(clientPair) *http.Request{
			"POST /auth": func(p clientPair) *http.Request {
				r := newRequest(t, s.url("/auth"), `{"client_id":"`+p.ClientID+`","client_secret":"`+p.ClientSecret+`"}`)
				r.Header.Set("Content-Type", "application/json")
				return r
			},
			"form": func(p clientPair) *http.Request {
				form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.ClientID}, "client_secret": {p.ClientSecret}}
				r := newRequest(t, s.url("/oauth2/token"), form.Encode())
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				return r
			},
			"Basic": func(p clientPair) *http.Request {
				r := newRequest(t, s.url("/oauth2/token"), "grant_type=client_credentials")
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth(p.ClientID, p.ClientSecret)
				return r
			},
		} {
			t.Run(way, func(t *testing.T) {
				first, of := []byte(nil), ""
				for name, pair := range refused {
					answer := exchange(t, ask(pair))
					if !bytes.HasPrefix(answer, []byte("HTTP/1.1 401 ")) {
						t.Errorf("%s:\n%s", name, answer)
					}
					if first == nil {
						first, of = answer, name
					}
					if !bytes.Equal(answer, first) {
						t.Errorf("%s:\n%s\nbut %s:\n%s", name, answer, of, first)
					}
				}
				if way != "POST /auth" && !bytes.Contains(first, []byte("\r\nWww-Authenticate: Basic ")) || !bytes.Contains(first, []byte("\r\nCache-Control: no-store\r\n")) {
					t.Errorf("a header is missing:\n%s", first)
				}
			})
		}
	})
}

func newRequest(t *testing.T, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exchange returns the whole response without the two headers that differ every time.
func exchange(t *testing.T, r *http.Request) []byte {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, name := range []string{"X-Request-Id", "Date"} {
		if response.Header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
		response.Header.Del(name)
	}
	whole, err := httputil.DumpResponse(response, true)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
