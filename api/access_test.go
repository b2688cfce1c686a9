package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// rotatedKey returns a key with two secrets.
func rotatedKey(admin *caller, name string) createdKey {
	admin.t.Helper()
	k := admin.create(name, "settings.api-keys:readonly")
	return admin.post(k.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK).key()
}

func TestChallengesSayWhatIsWrongWithAToken(t *testing.T) {
	s := onOne(t)
	for want, c := range map[string]*caller{
		`Bearer realm="apikeys"`:                        s.stranger(t),
		`Bearer realm="apikeys", error="invalid_token"`: s.stranger(t).with("Authorization", "Bearer x.y.z"),
		`Bearer realm="apikeys", error="insufficient_scope", scope="settings.api-keys:readonly"`: s.bearer(t, "cca:admin"),
	} {
		if got := c.get("/v1/api-keys").Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestATokenCanNotHandOutScopesThatItLacks(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		own := admin.create("own", "settings.api-keys:editor", "cca:editor")
		program := s.program(t, own)
		wide := admin.create("wide", "cca:admin")
		const code = "authorization/forbidden"
		for _, scopes := range [][]string{{"cca:admin"}, {"lighthouse.workspaces:readonly"}, {"cca:readonly", "settings:admin"}} {
			program.post("/v1/api-keys", map[string]any{"name": "wider", "scopes": scopes}).refused(http.StatusForbidden, code)
		}
		program.patch(own.path(), map[string]any{"scopes": []string{"settings.api-keys:editor", "cca:admin"}}).refused(http.StatusForbidden, code)
		program.post(wide.path()+"/rotate-secret", rotation(0)).refused(http.StatusForbidden, code)
		program.post(wide.path()+"/rotate-secret", rotation(60)).refused(http.StatusForbidden, code)
		if !admin.exchanges(wide.ClientID, wide.ClientSecret) {
			t.Error("the refused rotation ended the secret")
		}
		k := program.post("/v1/api-keys", map[string]any{"name": "narrower", "scopes": []string{"cca:readonly"}}).wants(http.StatusCreated).key()
		program.patch(k.path(), map[string]any{"scopes": []string{"cca:editor"}}).wants(http.StatusOK)
		program.post(k.path()+"/rotate-secret", rotation(0)).wants(http.StatusOK)
		program.patch(wide.path(), map[string]any{"description": "scopes stay"}).wants(http.StatusOK)
	})
}

func TestAChangeWithACookieFromAnotherOriginIsRefused(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_CORS_ORIGINS": "https://console.example.com"})
	admin := s.admin(t)
	body := map[string]any{"name": "forged", "scopes": []string{"cca:admin"}}
	for _, from := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"},
		{"Sec-Fetch-Site": "same-site"},
		{"Origin": "https://evil.example.com"},
		{"Origin": "null"},
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"},
	} {
		c := *admin
		c.headers = from
		c.post("/v1/api-keys", body).refused(http.StatusForbidden, "authorization/forbidden")
		c.delete("/v1/session").refused(http.StatusForbidden, "authorization/forbidden")
		c.post("/v1/session", credentials("admin@example.com", password)).refused(http.StatusForbidden, "authorization/forbidden")
		c.get("/v1/api-keys").wants(http.StatusOK)
	}
	for i, from := range []map[string]string{
		{"Sec-Fetch-Site": "same-origin"},
		{"Origin": s.url},
		{"Sec-Fetch-Site": "same-site", "Origin": "https://console.example.com"},
		{},
		{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}, // as the console fetches
	} {
		c := *admin
		c.headers = from
		c.post("/v1/api-keys", map[string]any{"name": strings.Repeat("x", i+1), "scopes": []string{"cca:admin"}}).wants(http.StatusCreated)
	}
	s.bearer(t, "settings:admin", "cca:admin").with("Sec-Fetch-Site", "cross-site").post("/v1/api-keys", body).wants(http.StatusCreated)
}

func TestOnlyConfiguredOriginsMayReadAnswers(t *testing.T) {
	const console = "https://console.example.com"
	s := onOne(t, map[string]string{"APIKEYS_CORS_ORIGINS": console})
	admin := s.admin(t)
	h := admin.with("Origin", console).get("/v1/api-keys").wants(http.StatusOK).Header
	if h.Get("Access-Control-Allow-Origin") != console || h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "ETag") {
		t.Errorf("got %v", h)
	}
	h = admin.with("Origin", console).get("/v1/api-keys/ak_nothing").wants(http.StatusNotFound).Header
	if h.Get("Access-Control-Allow-Origin") != console {
		t.Errorf("errors can't be read: %v", h)
	}
	for path, body := range map[string]string{"/v1/api-keys?access_token=x": "{}", "/v1/api-keys": strings.Repeat(" ", 1<<20+1)} {
		a := admin.with("Origin", console).post(path, body)
		if h := a.Header; a.StatusCode < 400 || h.Get("Access-Control-Allow-Origin") != console || !slices.Contains(h.Values("Vary"), "Origin") {
			t.Errorf("%s: what is refused before the route can't be read: %d %v", path, a.StatusCode, h)
		}
	}
	for _, accept := range []string{"application/jose+json", "text/event-stream"} {
		h := s.listen(t, accept, console)
		if !slices.Contains(h.Values("Vary"), "Origin") || !slices.Contains(h.Values("Vary"), "Accept") {
			t.Errorf("the feed as %s differs by %v", accept, h.Values("Vary"))
		}
	}
	preflight := s.stranger(t).with("Origin", console).with("Access-Control-Request-Method", "PATCH").with("Access-Control-Request-Headers", "if-match,content-type")
	h = preflight.send("OPTIONS", "/v1/api-keys/ak_x", nil).wants(http.StatusNoContent).Header
	if h.Get("Access-Control-Allow-Origin") != console || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "If-Match") {
		t.Errorf("got %v", h)
	}
	starting := unprepared(t, sqlstoretest.SQLite(t), map[string]string{"APIKEYS_CORS_ORIGINS": console}).stranger(t).with("Origin", console)
	if h := starting.get("/v1/api-keys").wants(http.StatusServiceUnavailable).Header; h.Get("Access-Control-Allow-Origin") != console {
		t.Errorf("that the service starts can't be read: %v", h)
	}
	starting.with("Access-Control-Request-Method", "GET").send("OPTIONS", "/v1/api-keys", nil).wants(http.StatusNoContent)
	none := onOne(t)
	for _, c := range []*caller{admin.with("Origin", "https://evil.example.com"), admin.with("Origin", console+".evil.example.com"), none.admin(t).with("Origin", console)} {
		if h := c.get("/v1/api-keys").wants(http.StatusOK).Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("got %v", h)
		}
		if h := c.with("Access-Control-Request-Method", "GET").send("OPTIONS", "/v1/api-keys", nil).Header; h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("got %v", h)
		}
	}
}

// listen requests the feed from a page of the given origin and returns the response header.
func (s *service) listen(t *testing.T, accept, origin string) http.Header {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v1/revocations", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	r.Header.Set("Origin", origin)
	for {
		s.follow(t) // the log counts as read only for a moment
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close() // a stream has no end
		if response.StatusCode != http.StatusServiceUnavailable {
			return response.Header
		}
	}
}

// TestManagementTakesOneBearerTokenAlone: a request with two credentials, or with another scheme, is refused.
func TestManagementTakesOneBearerTokenAlone(t *testing.T) {
	s := onOne(t)
	good := s.bearer(t, "settings.api-keys:readonly").headers["Authorization"]
	for name, headers := range map[string][]string{
		"a token twice":        {good, good},
		"a token and another":  {good, "Bearer x"},
		"under another scheme": {strings.Replace(good, "Bearer", "Basic", 1)},
		"without a scheme":     {strings.TrimPrefix(good, "Bearer ")},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/api-keys", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = headers
		response, err := s.stranger(t).http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %s", name, response.Status)
		}
	}
}
