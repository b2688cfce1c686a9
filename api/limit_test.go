package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// standsAt fails the test unless the answer's headers state this limit and what remains of it. retry is whether Retry-After must be
// set.
func (a answer) standsAt(limit, remaining string, retry bool) answer {
	a.t.Helper()
	if a.Header.Get("RateLimit-Limit") != limit || a.Header.Get("RateLimit-Remaining") != remaining || a.Header.Get("RateLimit-Reset") == "" {
		a.t.Errorf("%s %s: the headers are %v", a.Request.Method, a.Request.URL, a.Header)
	}
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); retry != (err == nil && seconds >= 1) {
		a.t.Errorf("%s %s: Retry-After is %q", a.Request.Method, a.Request.URL, a.Header.Get("Retry-After"))
	}
	return a
}

// exchange requests a token at /oauth2/token.
func (c *caller) exchange(k createdKey, secret string) answer {
	c.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ClientID}, "client_secret": {secret}}
	return c.do("POST", "/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

func TestTooManyTokenRequestsOfAClientAreRefusedInTheRoutesOwnForm(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "token-client=2/1m"})
	admin, c := s.admin(t), s.stranger(t)
	k, other := admin.create("flooding"), admin.create("other")
	c.exchange(k, k.ClientSecret).wants(http.StatusOK).standsAt("2", "1", false)
	vendors := map[string]string{"client_id": k.ClientID, "client_secret": k.ClientSecret}
	c.post("/auth", vendors).wants(http.StatusCreated).standsAt("2", "0", false)

	a := c.post("/auth", vendors).wants(http.StatusTooManyRequests).standsAt("2", "0", true)
	var envelope map[string]string
	if a.decode(&envelope); envelope["code"] != "rate-limit/exceeded" || envelope["message"] == "" || len(envelope) != 2 {
		t.Errorf("got %s", a.body)
	}
	a = c.exchange(k, k.ClientSecret).wants(http.StatusTooManyRequests).standsAt("2", "0", true)
	if a.decode(&envelope); envelope["error"] != "temporarily_unavailable" {
		t.Errorf("got %s", a.body)
	}
	c.exchange(other, other.ClientSecret).wants(http.StatusOK)
	c.exchange(k, "aks_guess").wants(http.StatusUnauthorized) // a wrong secret learns nothing of the limit

	if err := s.Uses.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := admin.get(k.path() + "/denials").wants(http.StatusOK); strings.Count(string(a.body), `"reason":"rate-limited"`) != 2 {
		t.Errorf("got %s", a.body)
	}
	s.pass(30 * time.Second)
	c.exchange(k, k.ClientSecret).wants(http.StatusOK)
}

func TestATokenRequestThatCountsSaysWhereItsClientStandsAlsoWhenItIsRefused(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "token-client=2/1m"})
	k, c := s.admin(t).create("key"), s.stranger(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}, "scope": {"settings.tokens:admin"}}
	a := c.do("POST", "/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	a.wants(http.StatusBadRequest).standsAt("2", "1", false)
	if a = c.exchange(k, "aks_guess").wants(http.StatusUnauthorized); a.Header.Get("RateLimit-Limit") != "" {
		t.Errorf("a wrong secret is told where the client stands: %v", a.Header)
	}
}

func TestTooManyWrongSecretsFromAnAddressAreRefused(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "token-address=3/1m"})
	k, c := s.admin(t).create("key"), s.stranger(t)
	for range 3 {
		c.exchange(k, "aks_guess").wants(http.StatusUnauthorized)
	}
	c.exchange(k, "aks_guess").wants(http.StatusTooManyRequests).standsAt("3", "0", true)
	c.do("POST", "/oauth2/introspect", "application/x-www-form-urlencoded",
		strings.NewReader("token=x&client_id="+k.ClientID+"&client_secret="+k.ClientSecret)).wants(http.StatusTooManyRequests)
}

func TestTooManyTokensTakenBackOneByOneAreRefused(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "token-revocation=1/1h"})
	k, c := s.admin(t).create("key"), s.stranger(t)
	revoke := func() answer {
		form := url.Values{"token": {c.token(k.ClientID, k.ClientSecret)}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}}
		return c.do("POST", "/oauth2/revoke", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	}
	revoke().wants(http.StatusOK)
	a := revoke().wants(http.StatusTooManyRequests).standsAt("1", "0", true)
	if !strings.Contains(string(a.body), `"error":"temporarily_unavailable"`) {
		t.Errorf("got %s", a.body)
	}
}

func TestManagementRequestsAreCountedByOperatorAndByKey(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "management=4/1m"})
	s.operator(t, s.tenancy(t), "other@example.com", "readonly")
	admin, other := s.admin(t), s.as(t, "other@example.com")
	k := admin.post("/v1/api-keys", map[string]any{"name": "key", "scopes": []string{"settings.api-keys:readonly"}}).wants(http.StatusCreated).standsAt("4", "3", false).key()
	program := s.program(t, k)
	for range 3 {
		admin.get("/v1/scopes").wants(http.StatusOK)
	}
	p := admin.get("/v1/api-keys").standsAt("4", "0", true).refused(http.StatusTooManyRequests, "rate-limit/exceeded")
	if !strings.Contains(p.Detail, "seconds") {
		t.Errorf("got %q", p.Detail)
	}
	other.get("/v1/api-keys").wants(http.StatusOK)
	for range 4 {
		program.get("/v1/api-keys").wants(http.StatusOK)
	}
	program.get("/v1/api-keys").refused(http.StatusTooManyRequests, "rate-limit/exceeded")
	s.stranger(t).get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
}

// TestGuessedSessionsAndLinksAreCountedByAddress: anybody can invent them, and each costs a look into the database. Real sessions
// are not counted. An address that has guessed too much is refused without a look, as the database's end shows.
func TestGuessedSessionsAndLinksAreCountedByAddress(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_LIMITS": "guess-address=3/1m", "APIKEYS_TRUSTED_PROXIES": "127.0.0.0/8"})
	const here, elsewhere = "198.51.100.1", "198.51.100.2"
	admin, stranger := s.admin(t).with("X-Forwarded-For", here), s.stranger(t).with("X-Forwarded-For", here)
	guess := stranger.with("Cookie", "apikeys_session=invented")
	invented := map[string]string{"token": "invented", "password": newPassword}
	for range 4 {
		admin.get("/v1/scopes").wants(http.StatusOK)
		stranger.get("/v1/scopes").refused(http.StatusUnauthorized, "failed")
	}
	guess.get("/v1/scopes").refused(http.StatusUnauthorized, "failed")
	guess.get("/v1/session/methods").wants(http.StatusOK)
	stranger.post("/v1/invitation", invented).refused(http.StatusNotFound, "invitation/not-found")
	refused := func() {
		t.Helper()
		guess.get("/v1/scopes").standsAt("3", "0", true).refused(http.StatusTooManyRequests, "rate-limit/exceeded")
		stranger.post("/v1/invitation", invented).refused(http.StatusTooManyRequests, "rate-limit/exceeded")
		guess.do("POST", "/oauth2/introspect", "application/x-www-form-urlencoded", strings.NewReader("token=x")).wants(http.StatusTooManyRequests)
	}
	refused()
	stranger.get("/v1/scopes").refused(http.StatusUnauthorized, "failed")
	admin.with("X-Forwarded-For", elsewhere).get("/v1/scopes").wants(http.StatusOK)
	s.pass(time.Minute)
	guess.get("/v1/scopes").refused(http.StatusUnauthorized, "failed")
	guess.get("/v1/scopes").refused(http.StatusUnauthorized, "failed")
	guess.get("/v1/scopes").refused(http.StatusUnauthorized, "failed")
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	refused()
}

func TestAKeysRateLimitIsKeptToldAndRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		limitOf := func(a answer) string {
			t.Helper()
			var k struct {
				RateLimit json.RawMessage `json:"rate_limit"`
			}
			a.decode(&k)
			return string(k.RateLimit)
		}
		a := admin.post("/v1/api-keys", map[string]any{"name": "key", "scopes": []string{"cca:readonly"}, "rate_limit": 120}).wants(http.StatusCreated)
		if got := limitOf(a); got != "120" {
			t.Errorf("a new key has %s", got)
		}
		k := a.key()
		for _, step := range []struct {
			patch any
			want  string
		}{
			{map[string]any{"rate_limit": 100000}, "100000"},
			{map[string]any{"name": "renamed"}, "100000"},
			{map[string]any{"rate_limit": nil}, "null"},
			{map[string]any{"rate_limit": 1}, "1"},
		} {
			admin.patch(k.path(), step.patch).wants(http.StatusOK)
			if got := limitOf(admin.get(k.path())); got != step.want {
				t.Errorf("after %v it has %s", step.patch, got)
			}
		}
		for _, wrong := range []any{0, -1, 100001, 1.5, json.Number("60.0"), "60"} {
			p := admin.patch(k.path(), map[string]any{"rate_limit": wrong}).refused(http.StatusBadRequest, "bad-request/invalid-parameters")
			if !strings.HasPrefix(p.fields(), "rate_limit ") {
				t.Errorf("%v: %s", wrong, p.fields())
			}
		}
		events := string(admin.get("/v1/events?client_id=" + k.ClientID).wants(http.StatusOK).body)
		for _, want := range []string{`"before":{"rate_limit":null},`, `"after":{"rate_limit":null}`, `"rate_limit":100000`} {
			if !strings.Contains(events, want) && !strings.Contains(events, strings.TrimSuffix(want, ",")) {
				t.Errorf("the log lacks %s: %s", want, events)
			}
		}
	})
}
