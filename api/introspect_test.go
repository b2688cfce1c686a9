package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/operator"
)

// form sends a form; pairs alternates names and values.
func (c *caller) form(path string, pairs ...string) answer {
	c.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return c.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
}

// basic returns a caller that authenticates as a client in the header (RFC 6749 §2.3.1).
func (c *caller) basic(id, secret string) *caller {
	return c.with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret))))
}

// oauthError fails the test unless the answer is an error of RFC 6749 §5.2 that may not be stored.
func (a answer) oauthError(status int, code string) {
	a.t.Helper()
	a.wants(status)
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	a.decode(&body)
	if body.Error != code || body.Description == "" || a.Header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s: want %s: %s", a.Request.URL.Path, code, a.body)
	}
	if challenge := a.Header.Get("WWW-Authenticate"); status == http.StatusUnauthorized && !strings.HasPrefix(challenge, "Basic ") {
		a.t.Errorf("%s: a 401 with the challenge %q", a.Request.URL.Path, challenge)
	}
}

// inactive fails the test unless the answer says that the token is inactive, and nothing else.
func (a answer) inactive() {
	a.t.Helper()
	if a.wants(http.StatusOK); string(a.body) != `{"active":false}`+"\n" {
		a.t.Errorf("got %s, want that it is inactive and nothing else", a.body)
	}
}

// active fails the test unless the answer describes a token of the client.
func (a answer) active(clientID string) map[string]any {
	a.t.Helper()
	var says map[string]any
	a.wants(http.StatusOK).decode(&says)
	if says["active"] != true || says["client_id"] != clientID {
		a.t.Errorf("got %s, want an active token of %s", a.body, clientID)
	}
	return says
}

// claims returns the claims of a token.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var says map[string]any
	if err := json.Unmarshal(text, &says); err != nil {
		t.Fatal(err)
	}
	return says
}

// broken returns texts that are not valid tokens, by what is wrong with them.
func broken(token string) map[string]string {
	head, rest, _ := strings.Cut(token, ".")
	body, signature, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	return map[string]string{
		"no token":              "x",
		"dots":                  "..",
		"many dots":             strings.Repeat(".", 1000),
		"without a signature":   head + "." + body + ".",
		"two parts":             head + "." + body,
		"four parts":            token + ".x",
		"truncated":             token[:len(token)-10],
		"changed body":          head + "." + strings.Replace(body, body[10:12], "AA", 1) + "." + signature,
		"alg none":              none + "." + body + ".",
		"alg none, signed":      none + "." + body + "." + signature,
		"another's signature":   head + "." + body + "." + strings.Repeat("A", 86),
		"not base64":            head + ".!!!." + signature,
		"padding":               token + "==",
		"a line break":          token + "\n",
		"a null byte":           token + "\x00",
		"not UTF-8":             "\xff\xfe",
		"64 KB":                 strings.Repeat("a", 64<<10),
		"64 KB in three parts":  strings.Repeat("a", 30<<10) + "." + strings.Repeat("b", 30<<10) + "." + strings.Repeat("c", 4<<10),
		"a token and much more": token + strings.Repeat("A", 60<<10),
	}
}

// TestIntrospectionTellsWhoMaySee: only callers who may see a token are told about it.
func TestIntrospectionTellsWhoMaySee(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		tenancy, _ := s.otherTenancy(t)
		s.operator(t, tenancy, "reader@example.com", operator.Readonly)
		platform, other := s.admin(t), s.as(t, "another@example.com")
		const sees = "settings.tokens:readonly"
		platformKey, platformReader := platform.create("key"), platform.create("reader", sees)
		ownKey, ownReader, ownAdmin := other.create("key"), other.create("reader", sees), other.create("admin", "settings:admin")
		stranger := s.stranger(t)
		platformToken, ownToken := stranger.token(platformKey.ClientID, platformKey.ClientSecret), stranger.token(ownKey.ClientID, ownKey.ClientSecret)

		client := func(k createdKey) *caller { return s.stranger(t).basic(k.ClientID, k.ClientSecret) }
		for name, test := range map[string]struct {
			caller        *caller
			platform, own bool // sees the token of the platform's key, of the other tenancy's key
		}{
			"the key itself":                               {client(ownKey), false, true},
			"another key without the scope":                {client(platformKey), true, false},
			"a key with the scope":                         {client(ownReader), false, true},
			"a key with a scope that covers it":            {client(ownAdmin), false, true},
			"a key with the scope in the platform tenancy": {client(platformReader), true, true},
			"an operator":                                  {other, false, true},
			"an operator who only reads":                   {s.as(t, "reader@example.com"), false, true},
			"an operator of the platform tenancy":          {platform, true, false},
		} {
			t.Run(name, func(t *testing.T) {
				for _, query := range []struct {
					token, clientID string
					sees            bool
				}{{platformToken, platformKey.ClientID, test.platform}, {ownToken, ownKey.ClientID, test.own}} {
					if a := test.caller.form("/oauth2/introspect", "token", query.token); query.sees {
						a.active(query.clientID)
					} else {
						a.inactive()
					}
				}
			})
		}
	})
}

func TestIntrospectionRepeatsTheClaims(t *testing.T) {
	s := onOne(t)
	k := s.admin(t).create("key", "cca:editor", "lighthouse.workspaces:readonly")
	c := s.stranger(t).basic(k.ClientID, k.ClientSecret)
	token := s.stranger(t).token(k.ClientID, k.ClientSecret)
	a := c.form("/oauth2/introspect", "token", token, "token_type_hint", "refresh_token") // a wrong hint is ignored (RFC 7662 §2.1)
	says, want := a.active(k.ClientID), claims(t, token)
	want["active"], want["token_type"] = true, "Bearer"
	for name, value := range want {
		if says[name] != value {
			t.Errorf("%s is %v, not %v", name, says[name], value)
		}
	}
	if len(says) != len(want) || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s with %v", a.body, a.Header)
	}
}

func TestIntrospectionOfWhatDoesNotCountSaysNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("key")
		c := s.stranger(t).basic(k.ClientID, k.ClientSecret)
		token := s.stranger(t).token(k.ClientID, k.ClientSecret)
		for name, text := range broken(token) {
			t.Run(name, func(t *testing.T) {
				c.form("/oauth2/introspect", "token", text).inactive()
				admin.form("/oauth2/introspect", "token", text).inactive()
			})
		}
		for name, end := range map[string]func(k createdKey, token string){
			"expired":        func(createdKey, string) { s.pass(61 * time.Minute) },
			"deactivated":    func(k createdKey, _ string) { admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK) },
			"deleted":        func(k createdKey, _ string) { admin.delete(k.path()).wants(http.StatusNoContent) },
			"tokens revoked": func(k createdKey, _ string) { admin.post(k.path()+"/revoke-tokens", nil).wants(http.StatusOK) },
			"secret rotated": func(k createdKey, _ string) {
				admin.post(k.path()+"/rotate-secret", map[string]int{"grace_period_seconds": 0}).wants(http.StatusOK)
			},
			"revoked": func(_ createdKey, token string) { admin.form("/oauth2/revoke", "token", token).wants(http.StatusOK) },
			"active once more": func(k createdKey, _ string) {
				admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK)
				admin.post(k.path()+"/activate", nil).wants(http.StatusOK)
			},
		} {
			t.Run(name, func(t *testing.T) {
				admin := s.admin(t) // a new session: a case may advance the clock beyond its end
				k := admin.create(name)
				token := s.stranger(t).token(k.ClientID, k.ClientSecret)
				admin.form("/oauth2/introspect", "token", token).active(k.ClientID)
				end(k, token)
				admin.form("/oauth2/introspect", "token", token).inactive()
			})
		}
	})
}

// TestInquiriesNeedAClientOrAnOperator tries introspection and revocation with all kinds of callers, and with malformed requests.
func TestInquiriesNeedAClientOrAnOperator(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		s.operator(t, s.tenancy(t), "reader@example.com", operator.Readonly)
		s.operator(t, s.tenancy(t), "editor@example.com", operator.Editor)
		reader, editor, stranger := s.as(t, "reader@example.com"), s.as(t, "editor@example.com"), s.stranger(t)
		k, inactive := admin.create("key"), admin.create("inactive")
		admin.post(inactive.path()+"/deactivate", nil).wants(http.StatusOK)
		basic := stranger.basic(k.ClientID, k.ClientSecret)
		token := stranger.token(k.ClientID, k.ClientSecret)
		expired := s.stranger(t).with("Cookie", "apikeys_session=expired")
		evil := func(c *caller) *caller {
			return c.with("Origin", "https://evil.example").with("Sec-Fetch-Site", "cross-site")
		}

		id, secret := []string{"client_id", k.ClientID}, []string{"client_secret", k.ClientSecret}
		post := append(append([]string{}, id...), secret...)
		tests := map[string]struct {
			caller     *caller
			form       []string
			introspect int // status
			revoke     int
			code       string
		}{
			"basic":                                  {basic, nil, 200, 200, ""},
			"basic, the id again in the form":        {basic, id, 200, 200, ""},
			"basic beside a session":                 {reader.basic(k.ClientID, k.ClientSecret), nil, 200, 200, ""},
			"form":                                   {stranger, post, 200, 200, ""},
			"form beside a session":                  {reader, post, 200, 200, ""},
			"both":                                   {basic, post, 400, 400, "invalid_request"},
			"basic and another id in the form":       {basic, []string{"client_id", inactive.ClientID}, 400, 400, "invalid_request"},
			"nobody":                                 {stranger, nil, 401, 401, "invalid_client"},
			"an id alone":                            {stranger, id, 401, 401, "invalid_client"},
			"a secret alone":                         {stranger, secret, 401, 401, "invalid_client"},
			"a wrong secret":                         {stranger.basic(k.ClientID, k.ClientSecret+"x"), nil, 401, 401, "invalid_client"},
			"a wrong secret beside a session":        {admin.basic(k.ClientID, "x"), nil, 401, 401, "invalid_client"},
			"a wrong secret in the form and session": {admin, append(append([]string{}, id...), "client_secret", "x"), 401, 401, "invalid_client"},
			"an inactive key":                        {stranger.basic(inactive.ClientID, inactive.ClientSecret), nil, 401, 401, "invalid_client"},
			"an unknown key":                         {stranger.basic("ak_unknown", "x"), nil, 401, 401, "invalid_client"},
			"an access token":                        {stranger.with("Authorization", "Bearer "+token), nil, 401, 401, "invalid_client"},
			"an access token beside a session":       {admin.with("Authorization", "Bearer "+token), nil, 401, 401, "invalid_client"},
			"a broken header":                        {stranger.with("Authorization", "Basic ,"), nil, 401, 401, "invalid_client"},
			"a header of 64 KB":                      {stranger.with("Authorization", "Basic "+strings.Repeat("QUFB", 16<<10)), nil, 401, 401, "invalid_client"},
			"a session that has ended":               {expired, nil, 401, 401, "invalid_client"},
			"a client beside an ended session":       {expired, post, 200, 200, ""},
			"an admin":                               {admin, nil, 200, 200, ""},
			"an editor":                              {editor, nil, 200, 200, ""},
			"an operator who only reads":             {reader, nil, 200, 403, "access_denied"},
			"an admin on another's page":             {evil(admin), nil, 403, 403, "access_denied"},
			"a client on another's page":             {evil(basic), nil, 200, 200, ""},
			"a token twice":                          {basic, []string{"token", "y"}, 400, 400, "invalid_request"},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				for path, status := range map[string]int{"/oauth2/introspect": test.introspect, "/oauth2/revoke": test.revoke} {
					a := test.caller.form(path, append([]string{"token", "x"}, test.form...)...)
					if status == http.StatusOK {
						a.wants(status)
					} else {
						a.oauthError(status, test.code)
					}
				}
			})
		}
		for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
			basic.form(path).oauthError(http.StatusBadRequest, "invalid_request")
			basic.form(path, "token", "").oauthError(http.StatusBadRequest, "invalid_request")
			basic.form(path+"?token="+token).oauthError(http.StatusBadRequest, "invalid_request")
			basic.send("POST", path, map[string]string{"token": token}).oauthError(http.StatusBadRequest, "invalid_request")
			basic.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader("token=%zz")).oauthError(http.StatusBadRequest, "invalid_request")
			basic.form(path, "token", strings.Repeat("a", 1<<20)).oauthError(http.StatusRequestEntityTooLarge, "invalid_request")
			basic.send("GET", path, nil).oauthError(http.StatusMethodNotAllowed, "invalid_request")
		}
		basic.form("/oauth2/introspect", "token", token).active(k.ClientID) // none of these requests has revoked it
	})
}

// TestRevocationEndsATokenOnceAndForAll, and only if the caller may revoke it.
func TestRevocationEndsATokenOnceAndForAll(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		s.otherTenancy(t)
		admin, other := s.admin(t), s.as(t, "another@example.com")
		k := admin.create("key")
		neighbour := admin.create("neighbour", "settings:admin")
		for name, test := range map[string]struct {
			caller *caller
			ends   bool
		}{
			"the client itself":              {s.stranger(t).basic(k.ClientID, k.ClientSecret), true},
			"an operator of the tenancy":     {admin, true},
			"another client of the tenancy":  {s.stranger(t).basic(neighbour.ClientID, neighbour.ClientSecret), false},
			"an operator of another tenancy": {other, false},
		} {
			t.Run(name, func(t *testing.T) {
				token, second := admin.token(k.ClientID, k.ClientSecret), admin.token(k.ClientID, k.ClientSecret)
				a := test.caller.form("/oauth2/revoke", "token", token, "token_type_hint", "access_token")
				if !test.ends {
					a.oauthError(http.StatusBadRequest, "unauthorized_client")
					admin.form("/oauth2/introspect", "token", token).active(k.ClientID)
					return
				}
				if a.wants(http.StatusOK); len(a.body) > 0 {
					t.Errorf("the answer says %s", a.body)
				}
				head, err := s.Store.Head(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				test.caller.form("/oauth2/revoke", "token", token).wants(http.StatusOK) // again, which changes nothing
				if again, err := s.Store.Head(t.Context()); err != nil || again.Seq != head.Seq {
					t.Errorf("the log went from %d to %d, %v", head.Seq, again.Seq, err)
				}
				admin.form("/oauth2/introspect", "token", token).inactive()
				s.stranger(t).with("Authorization", "Bearer "+token).get("/oauth2/verify").wants(http.StatusUnauthorized)
				admin.form("/oauth2/introspect", "token", second).active(k.ClientID)
			})
		}
		token := admin.token(k.ClientID, k.ClientSecret)
		for name, text := range broken(token) {
			t.Run(name, func(t *testing.T) {
				admin.form("/oauth2/revoke", "token", text).wants(http.StatusOK)
			})
		}
		admin.form("/oauth2/introspect", "token", token).active(k.ClientID)
	})
}

func TestRevocationIsInTheAuditLogWithItsActor(t *testing.T) {
	s := onOne(t)
	k := s.admin(t).create("key")
	c := s.stranger(t).basic(k.ClientID, k.ClientSecret)
	token := s.stranger(t).token(k.ClientID, k.ClientSecret)
	c.form("/oauth2/revoke", "token", token).wants(http.StatusOK)
	head, err := s.Store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Store.After(t.Context(), head.Seq-1, 1)
	if err != nil {
		t.Fatal(err)
	}
	e, says := events[0], claims(t, token)
	if e.Action != "token.revoked" || e.Actor.ID != k.ClientID || e.Subject.ID != k.ClientID || e.Revokes == nil ||
		e.Revokes.TokenID != says["jti"] || float64(e.Revokes.ExpiresAt.Unix()) != says["exp"] || e.Origin.IP == "" || e.Origin.RequestID == "" {
		t.Errorf("the log says %+v, revoking %+v", e, e.Revokes)
	}
	if strings.Contains(string(e.After)+s.logs.text(), token) {
		t.Error("the token is in the log")
	}
}

func TestMetadataListsTheRoutesForTokens(t *testing.T) {
	s := onOne(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		var says map[string]any
		s.stranger(t).get(path).wants(http.StatusOK).decode(&says)
		for name, want := range map[string]string{
			"introspection_endpoint": "/oauth2/introspect", "revocation_endpoint": "/oauth2/revoke", "revocations_endpoint": "/v1/revocations",
		} {
			if says[name] != s.Config.Issuer+want {
				t.Errorf("%s: %s is %v", path, name, says[name])
			}
		}
	}
}
