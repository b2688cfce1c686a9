package api_test

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/piercloud/apikeys/pkg/operator"
)

// route is one management route with a request that is valid for a key.
type route struct {
	method, path string
	body         any
	writes       bool
}

// routes are the management routes, {key} and {secret} to be filled in.
var routes = []route{
	{"GET", "/v1/scopes", nil, false},
	{"GET", "/v1/api-keys", nil, false},
	{"GET", "/v1/api-keys/{key}", nil, false},
	{"GET", "/v1/api-keys/{key}/usage", nil, false},
	{"GET", "/v1/api-keys/{key}/denials", nil, false},
	{"GET", "/v1/usage?client_id={key}&client_id=ak_x", nil, false},
	{"GET", "/v1/usage/overview", nil, false},
	{"GET", "/v1/events", nil, false},
	{"GET", "/v1/events/export?format=csv", nil, false},
	{"POST", "/v1/api-keys", map[string]any{"name": "made", "scopes": []string{"settings.api-keys:readonly"}}, true},
	{"PATCH", "/v1/api-keys/{key}", map[string]any{"description": "edited"}, true},
	{"POST", "/v1/api-keys/{key}/deactivate", nil, true},
	{"POST", "/v1/api-keys/{key}/activate", nil, true},
	{"POST", "/v1/api-keys/{key}/revoke-tokens", nil, true},
	{"PATCH", "/v1/api-keys/{key}/secrets/{secret}", map[string]any{"grace_period_seconds": 60}, true},
	{"DELETE", "/v1/api-keys/{key}/secrets/{secret}", nil, true},
	{"POST", "/v1/api-keys/{key}/rotate-secret", map[string]any{"grace_period_seconds": 60}, true},
	{"POST", "/v1/api-keys/{key}/cancel-rotation", nil, true},
	{"DELETE", "/v1/api-keys/{key}", nil, true},
}

// adminRoutes are the management routes for operators with the role admin, {operator} to be filled in.
var adminRoutes = []route{
	{"GET", "/v1/operators", nil, false},
	{"POST", "/v1/operators", map[string]any{"email": "guest@example.com", "role": "readonly"}, true},
	{"PATCH", "/v1/operators/{operator}", map[string]any{"role": "readonly"}, true},
	{"GET", "/v1/operators/{operator}/sessions", nil, false},
	{"DELETE", "/v1/operators/{operator}/sessions", nil, true},
	{"POST", "/v1/operators/{operator}/reset-password", nil, true},
	{"DELETE", "/v1/operators/{operator}", nil, true},
	{"GET", "/v1/events/verify", nil, false},
}

// try makes the route's request for a key with a secret in its grace period.
func (r route) try(c *caller, k createdKey) answer {
	c.t.Helper()
	path := strings.NewReplacer("{key}", k.ClientID, "{secret}", k.Secrets[1].ID).Replace(r.path)
	return c.send(r.method, path, r.body)
}

// rotatedKey returns a key with two secrets.
func rotatedKey(admin *caller, name string) createdKey {
	admin.t.Helper()
	k := admin.create(name, "settings.api-keys:readonly")
	return admin.post(k.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK).key()
}

func TestEveryRouteAsksForItsRoleOrScope(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		tenancy := s.tenancy(t)
		s.operator(t, tenancy, "editor@example.com", operator.Editor)
		s.operator(t, tenancy, "readonly@example.com", operator.Readonly)
		admin := s.admin(t)
		callers := map[string]struct {
			*caller
			reads, writes int // the refusal, 0 for none
		}{
			"a stranger":                   {s.stranger(t), 401, 401},
			"an unknown session":           {s.stranger(t).with("Cookie", "apikeys_session=unknown"), 401, 401},
			"an admin":                     {admin, 0, 0},
			"an editor":                    {s.as(t, "editor@example.com"), 0, 0},
			"a readonly operator":          {s.as(t, "readonly@example.com"), 0, 403},
			"settings:admin":               {s.bearer(t, "settings:admin"), 0, 0},
			"settings.api-keys:editor":     {s.bearer(t, "settings.api-keys:editor"), 0, 0},
			"settings.api-keys:readonly":   {s.bearer(t, "settings.api-keys:readonly"), 0, 403},
			"settings.tokens:readonly":     {s.bearer(t, "settings.tokens:readonly"), 403, 403},
			"lighthouse:admin":             {s.bearer(t, "lighthouse:admin"), 403, 403},
			"a broken token":               {s.stranger(t).with("Authorization", "Bearer broken"), 401, 401},
			"no token":                     {s.stranger(t).with("Authorization", "Bearer"), 401, 401},
			"another scheme":               {s.stranger(t).with("Authorization", "Basic YTpi"), 401, 401},
			"a session and a broken token": {admin.with("Authorization", "Bearer broken"), 401, 401},
		}
		for _, name := range slices.Sorted(maps.Keys(callers)) {
			who := callers[name]
			k := rotatedKey(admin, "for "+name)
			for _, r := range routes {
				a := r.try(who.caller, k)
				refusal := who.reads
				if r.writes {
					refusal = who.writes
				}
				switch {
				case refusal == 0 && a.StatusCode >= 300:
					t.Errorf("%s: %s %s: got %d %s", name, r.method, r.path, a.StatusCode, a.body)
				case refusal == 401:
					a.refused(http.StatusUnauthorized, "failed")
					if challenge := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer") {
						t.Errorf("%s: %s %s: WWW-Authenticate: %q", name, r.method, r.path, challenge)
					}
				case refusal == 403:
					a.refused(http.StatusForbidden, "authorization/forbidden")
				}
			}
			if made := admin.get("/v1/api-keys?search=made").names(); (made == "made") != (who.writes == 0) {
				t.Errorf("%s: made %q", name, made)
			} else if made != "" {
				var page struct{ Items []createdKey }
				admin.get("/v1/api-keys?search=made").decode(&page)
				admin.delete(page.Items[0].path()).wants(http.StatusNoContent)
			}
			if who.writes != 0 {
				if now := admin.get(k.path()).wants(http.StatusOK).key(); now.etag != k.etag {
					t.Errorf("%s changed the key", name)
				}
			}
		}
	})
}

func TestAdminRoutesAreForAdminsAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		s.operator(t, s.tenancy(t), "editor@example.com", operator.Editor)
		s.operator(t, s.tenancy(t), "readonly@example.com", operator.Readonly)
		admin := s.admin(t)
		target := admin.invite("ana@example.com", "editor").Operator
		refused := map[string]*caller{
			"a stranger": s.stranger(t), "an editor": s.as(t, "editor@example.com"),
			"a readonly operator": s.as(t, "readonly@example.com"), "settings:admin": s.bearer(t, "settings:admin"),
		}
		for _, r := range adminRoutes {
			path := strings.ReplaceAll(r.path, "{operator}", target.ID)
			for name, c := range refused {
				a := c.send(r.method, path, r.body)
				if name == "a stranger" {
					a.refused(http.StatusUnauthorized, "failed")
				} else {
					a.refused(http.StatusForbidden, "authorization/forbidden")
				}
			}
			if a := admin.send(r.method, path, r.body); a.StatusCode >= 300 {
				t.Errorf("an admin: %s %s: got %d %s", r.method, path, a.StatusCode, a.body)
			}
		}
	})
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

func TestATokenIsNoSession(t *testing.T) {
	s := onOne(t)
	s.bearer(t, "settings:admin").get("/v1/session").refused(http.StatusForbidden, "authorization/forbidden")
}

func TestAnotherTenancysKeyIsNotThere(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := rotatedKey(admin, "ours")
		_, email := s.otherTenancy(t)
		other := s.as(t, email)
		program := s.program(t, other.create("program", "settings:admin", "lighthouse:admin"))
		for _, c := range []*caller{other, program} {
			for _, r := range routes {
				if strings.HasPrefix(r.path, "/v1/api-keys/{key}") {
					r.try(c, k).refused(http.StatusNotFound, "api-key/not-found")
				}
			}
			if names := c.get("/v1/api-keys").names(); names != "program" {
				t.Errorf("listed %q", names)
			}
			if names := c.get("/v1/api-keys?search=" + k.ClientID).names(); names != "" {
				t.Errorf("found %q", names)
			}
		}
		if now := admin.get(k.path()).wants(http.StatusOK).key(); now.etag != k.etag {
			t.Error("the key was changed")
		}
	})
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
		{"Sec-Fetch-Site": "same-origin"}, {"Origin": s.url}, {"Sec-Fetch-Site": "same-site", "Origin": "https://console.example.com"}, {},
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
	preflight := s.stranger(t).with("Origin", console).with("Access-Control-Request-Method", "PATCH").with("Access-Control-Request-Headers", "if-match,content-type")
	h = preflight.send("OPTIONS", "/v1/api-keys/ak_x", nil).wants(http.StatusNoContent).Header
	if h.Get("Access-Control-Allow-Origin") != console || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "If-Match") {
		t.Errorf("got %v", h)
	}
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

func TestNoOperationThatIsNotPublicAnswersAStranger(t *testing.T) {
	s := onOne(t)
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	stranger := s.stranger(t)
	tried := map[string]bool{"GET /v1/session": true, "POST /v1/session/password": true} // for every role
	for _, r := range append(slices.Clone(routes), adminRoutes...) {
		names := strings.NewReplacer("{key}", "{client_id}", "{secret}", "{secret_id}", "{operator}", "{operator_id}")
		path, _, _ := strings.Cut(names.Replace(r.path), "?")
		tried[r.method+" "+path] = true
	}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			security := doc.Security
			if o.Security != nil {
				security = *o.Security
			}
			if len(security) == 0 || slices.ContainsFunc(o.Tags, func(tag string) bool { return tag == "oauth" || tag == "operations" }) {
				continue
			}
			if !tried[method+" "+path] {
				t.Errorf("no test tries %s %s with every role and scope", method, path)
			}
			stranger.do(method, regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x"), "", nil).refused(http.StatusUnauthorized, "failed")
		}
	}
}
