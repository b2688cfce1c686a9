package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// allows fails the test unless a gateway would let the request through and is told about this key.
func (a answer) allows(k createdKey) answer {
	a.t.Helper()
	a.wants(http.StatusOK)
	if a.Header.Get("X-Client-Id") != k.ClientID || a.Header.Get("X-Tenancy-Id") == "" || a.Header.Get("X-Scope") != strings.Join(k.Scopes, " ") {
		a.t.Errorf("got %v", a.Header)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		a.t.Error("the answer may be stored")
	}
	if h := a.Header; len(a.body) > 0 || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		a.t.Errorf("an answer without the headers for documents has a body, or lacks the others: %v %s", h, a.body)
	}
	return a
}

// denies fails the test unless the request is refused with this challenge (RFC 6750 §3) and names no client.
func (a answer) denies(status int, challenge string) {
	a.t.Helper()
	a.wants(status)
	if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="apikeys"`+challenge {
		a.t.Errorf("%s: got the challenge %s", a.Request.URL, got)
	}
	for _, name := range []string{"X-Client-Id", "X-Tenancy-Id", "X-Scope"} {
		if a.Header.Get(name) != "" {
			a.t.Errorf("%s: a refusal with %s", a.Request.URL, name)
		}
	}
}

const invalidToken = `, error="invalid_token"`

func TestGatewayIsToldWhoCalls(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		k := s.admin(t).create("key", "cca:editor", "lighthouse.workspaces:readonly")
		c := s.program(t, k)
		for _, method := range []string{
			"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "REPORT", "MKCOL", "QUERY", "x",
		} {
			for _, path := range []string{
				"/oauth2/verify", "/oauth2/verify/", "/oauth2/verify/some/path", "/oauth2/verify/oauth2/verify", "/oauth2/verify/%2e%2e/x",
				"/oauth2/verify//x", "/oauth2/verify/a?b=c&password=d", "/oauth2/verify?uri=/a?b=c&scope=%zz;&password=d",
			} {
				c.send(method, path, nil).allows(k)
				s.stranger(t).send(method, path, nil).denies(http.StatusUnauthorized, "")
			}
		}
		c.with("Authorization", strings.Replace(c.headers["Authorization"], "Bearer", "bEARER ", 1)).get("/oauth2/verify").allows(k)
	})
}

// TestGatewayMayAskForScopes tries what a gateway may ask for with one token.
func TestGatewayMayAskForScopes(t *testing.T) {
	s := onOne(t)
	k := s.admin(t).create("key", "cca:editor", "lighthouse.workspaces:readonly", "spot:admin")
	c := s.program(t, k)
	const insufficient, malformed = http.StatusForbidden, http.StatusBadRequest
	for query, want := range map[string]int{
		"":                                   http.StatusOK,
		"scope=cca:editor":                   http.StatusOK,
		"scope=cca%3Aeditor":                 http.StatusOK,
		"scope=cca:readonly":                 http.StatusOK, // covered
		"scope=cca.anything:readonly":        http.StatusOK, // a product covers its features
		"scope=spot.any:editor":              http.StatusOK,
		"scope=cca:admin":                    insufficient,
		"scope=lighthouse.workspaces:editor": insufficient,
		"scope=lighthouse:readonly":          insufficient, // a feature does not cover its product
		"scope=lighthouse.drafts:readonly":   insufficient,
		"scope=cca:editor+spot:admin":        http.StatusOK,
		"scope=cca:editor%20spot:admin":      http.StatusOK,
		"scope=cca:editor&scope=spot:admin":  http.StatusOK,
		"scope=cca:editor+autofix:readonly":  insufficient,
		"scope=cca:editor&scope=lia:admin":   insufficient,
		"scope=lia:admin&scope=cca:editor":   insufficient,

		"any_scope=cca:editor":                                http.StatusOK,
		"any_scope=lia:admin+cca:readonly":                    http.StatusOK,
		"any_scope=lia:admin+autofix:admin":                   insufficient,
		"any_scope=lia:admin&any_scope=cca:editor":            insufficient, // each any_scope must be met
		"any_scope=cca:editor&any_scope=spot:editor":          http.StatusOK,
		"scope=cca:editor&any_scope=lia:admin+spot:admin":     http.StatusOK,
		"scope=lia:admin&any_scope=cca:editor":                insufficient,
		"scope=cca:editor&any_scope=lia:admin":                insufficient,
		"scope=lia:admin&uri=/reports?scope=cca:editor":       insufficient,
		"scope=cca:editor&uri=/reports?a=b&scope=lia:admin":   http.StatusOK, // what follows uri belongs to the request
		"uri=/reports?a=b&scope=everything&any_scope=nothing": http.StatusOK,

		"scope":                                malformed,
		"scope=":                               malformed,
		"any_scope=":                           malformed,
		"scope=cca:editor&scope=":              malformed,
		"scope=cca":                            malformed,
		"scope=cca:owner":                      malformed,
		"scope=CCA:editor":                     malformed,
		"scope=cca:editor++spot:admin":         malformed,
		"scope=cca:editor,spot:admin":          malformed,
		"any_scope=x":                          malformed,
		"scope=cca:editor;any_scope=lia:x":     malformed, // net/url drops it, which would let everybody in
		"scope=%zz":                            malformed,
		"scopes=lia:admin":                     malformed, // misspelt
		"Scope=lia:admin":                      malformed,
		"password=x":                           malformed,
		"scope=" + strings.Repeat("a", 20_000): malformed,
	} {
		for _, path := range []string{"/oauth2/verify?", "/oauth2/verify/?"} {
			a := c.get(path + query)
			switch want {
			case http.StatusOK:
				a.allows(k)
			case insufficient:
				asked := a.wants(insufficient).Header.Get("WWW-Authenticate")
				if !strings.HasPrefix(asked, `Bearer realm="apikeys", error="insufficient_scope", scope="`) || strings.Contains(asked, "uri") {
					t.Errorf("%s: got the challenge %s", query, asked)
				}
			default:
				a.oauthError(malformed, "invalid_request")
			}
		}
	}
	c.get("/oauth2/verify?scope=lia:admin+cca:editor&any_scope=autofix:admin+lia:admin").denies(insufficient,
		`, error="insufficient_scope", scope="autofix:admin cca:editor lia:admin"`)

	// Below the path, the request's own parameters are accepted, and can't make it ask for less.
	c.get("/oauth2/verify/reports?a=b&scope=cca:editor").allows(k)
	c.get("/oauth2/verify/reports?a=b&scope=lia:admin").wants(insufficient)
	c.get("/oauth2/verify/reports?a=b&scope=everything").wants(malformed)
	c.get("/oauth2/verify/reports?a=b;c").wants(malformed)
}

// TestGatewayIsToldWhatIsWrongWithAToken: whatever is sent as a token, the answer is 401 and the service does not panic.
func TestGatewayIsToldWhatIsWrongWithAToken(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("key")
		c := s.program(t, k)
		token := strings.TrimPrefix(c.headers["Authorization"], "Bearer ")
		for name, text := range broken(token) {
			if !strings.ContainsAny(text, "\n\x00") && utf8.ValidString(text) { // a header can't have these
				t.Run(name, func(t *testing.T) {
					s.stranger(t).with("Authorization", "Bearer "+text).get("/oauth2/verify").denies(http.StatusUnauthorized, invalidToken)
				})
			}
		}
		for _, header := range []string{
			"Bearer", "Bearer ", "Basic " + token, token, "Bearer" + token, "Token " + token, "Bearer " + token + " " + token, "Bearer " + token + ",", ",",
			strings.Repeat("Bearer ", 9<<10), strings.Repeat("x", 64<<10),
		} {
			s.stranger(t).with("Authorization", header).get("/oauth2/verify").denies(http.StatusUnauthorized, invalidToken)
		}
		s.stranger(t).with("Authorization", "").get("/oauth2/verify").wants(http.StatusUnauthorized)
		admin.get("/oauth2/verify").denies(http.StatusUnauthorized, "") // a session is no token
		if text := s.logs.text(); strings.Contains(text, "panic") || strings.Contains(text, token) {
			t.Error("the log tells of a panic, or holds the token")
		}

		c.get("/oauth2/verify").allows(k)
		for _, action := range []string{"/deactivate", "/activate"} {
			admin.post(k.path()+action, nil).wants(http.StatusOK)
			c.get("/oauth2/verify").denies(http.StatusUnauthorized, invalidToken)
		}
		c = s.program(t, k)
		c.get("/oauth2/verify").allows(k)
		s.pass(time.Hour - time.Second)
		c.get("/oauth2/verify").allows(k)
		s.pass(2 * time.Second)
		c.get("/oauth2/verify").denies(http.StatusUnauthorized, invalidToken)
	})
}

func TestTwoTokensAreNone(t *testing.T) {
	s := onOne(t)
	k := s.admin(t).create("key")
	c := s.program(t, k)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/oauth2/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Authorization"] = []string{c.headers["Authorization"], c.headers["Authorization"]}
	response, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	answer{t, response, nil}.denies(http.StatusUnauthorized, invalidToken)
}

// TestAnotherServicesTokenIsRefused: one signed by a key that this service does not have, or for another audience or issuer.
func TestAnotherServicesTokenIsRefused(t *testing.T) {
	s, another := onOne(t), onOne(t)
	k := another.admin(t).create("key")
	foreign := another.program(t, k).headers["Authorization"]
	s.stranger(t).with("Authorization", foreign).get("/oauth2/verify").denies(http.StatusUnauthorized, invalidToken)

	// The same keys, for another audience or in another name.
	for _, setting := range []string{"APIKEYS_AUDIENCE", "APIKEYS_ISSUER"} {
		settings := map[string]string{setting: "https://other.example"}
		sibling := boot(t, another.Config.DatabaseURL, settings)
		sibling.stranger(t).with("Authorization", foreign).get("/oauth2/verify").denies(http.StatusUnauthorized, invalidToken)
	}
	another.stranger(t).with("Authorization", foreign).get("/oauth2/verify").allows(k)
}

// TestCrossOriginPreflightIsNoPermission: a gateway that asks with the method of the request must not mistake the answer to a
// preflight for a permission.
func TestCrossOriginPreflightIsNoPermission(t *testing.T) {
	s := onOne(t, map[string]string{"APIKEYS_CORS_ORIGINS": "https://console.example.com"})
	preflight := s.stranger(t).with("Origin", "https://console.example.com").with("Access-Control-Request-Method", "GET")
	preflight.send("OPTIONS", "/v1/api-keys", nil).wants(http.StatusNoContent)
	preflight.send("OPTIONS", "/oauth2/verify", nil).denies(http.StatusUnauthorized, "")
	s.stranger(t).send("OPTIONS", "/oauth2/verify/x", nil).denies(http.StatusUnauthorized, "")
}

// TestGatewayIsNotAnsweredWithoutADatabase: what can't be decided is refused.
func TestGatewayIsNotAnsweredWithoutADatabase(t *testing.T) {
	database := pgtest.NewServer(t)
	s := boot(t, database.URL())
	k := s.admin(t).create("key")
	c := s.program(t, k)
	c.get("/oauth2/verify").allows(k)
	database.Stop()
	s.pass(time.Minute) // the log has not been read for that long, so nothing in memory is trusted
	c.get("/oauth2/verify").oauthError(http.StatusServiceUnavailable, "temporarily_unavailable")
	c.get("/v1/revocations").refused(http.StatusServiceUnavailable, "service/unavailable")
}
