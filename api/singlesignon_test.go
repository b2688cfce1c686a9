package api_test

import (
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/oidc"
	"github.com/piercloud/apikeys/pkg/oidc/oidctest"
)

// publicURL is the service's URL for browsers. The tests reach it at another one, as behind a reverse proxy.
const publicURL = "https://keys.example.com"

var (
	relyingParty = oidctest.Client{ID: "apikeys", Secret: "only-for-these-tests", RedirectURL: publicURL + "/v1/session/oidc/callback"}
	ana          = oidctest.Person{Subject: "ana", Claims: map[string]any{
		"email": "ana@example.com", "email_verified": true, "groups": []string{"keys-editors"},
	}}
)

// withProvider returns a service's settings, and the provider that its operators may sign in with.
func withProvider(t *testing.T) (map[string]string, *oidctest.Provider) {
	t.Helper()
	p := oidctest.Start(t, relyingParty)
	p.SignIn(ana)
	return map[string]string{
		"APIKEYS_ISSUER": publicURL, "APIKEYS_OIDC_ISSUER": p.Issuer(), "APIKEYS_OIDC_CLIENT_ID": relyingParty.ID,
		"APIKEYS_OIDC_CLIENT_SECRET": relyingParty.Secret, "APIKEYS_OIDC_ROLES": "admin=keys-admins,editor=keys-editors", "APIKEYS_OIDC_NAME": "Acme",
	}, p
}

// browser returns a caller that keeps Secure cookies, too, although the tests use HTTP.
func (s *service) browser(t *testing.T) *caller {
	t.Helper()
	c := s.stranger(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.http.Jar = plainJar{jar}
	return c
}

type plainJar struct{ *cookiejar.Jar }

func (j plainJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		plain := *c
		plain.Secure = false
		j.Jar.SetCookies(u, []*http.Cookie{&plain})
	}
}

// atProvider requests location from the provider and returns the path that the provider redirects back to.
func (c *caller) atProvider(location string) string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, location, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	response.Body.Close()
	back, ok := strings.CutPrefix(response.Header.Get("Location"), publicURL)
	if !ok {
		c.t.Fatalf("the provider answers %d and leads to %q", response.StatusCode, response.Header.Get("Location"))
	}
	return back
}

// signsOn completes a sign-in and returns where it redirects to.
func (c *caller) signsOn(returnTo string) string {
	c.t.Helper()
	begun := c.get("/v1/session/oidc?return_to=" + url.QueryEscape(returnTo)).wants(http.StatusSeeOther)
	return c.get(c.atProvider(begun.Header.Get("Location"))).wants(http.StatusSeeOther).Header.Get("Location")
}

func cookieNamed(a answer, name string) *http.Cookie {
	a.t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	a.t.Fatalf("%s: no cookie %s among %v", a.Request.URL.Path, name, a.Cookies())
	return nil
}

func TestSigningInWithAProviderStartsASession(t *testing.T) {
	settings, p := withProvider(t)
	onBoth(t, func(t *testing.T, s *service) {
		c := s.browser(t)
		if body := string(c.get("/v1/session/methods").wants(http.StatusOK).body); !strings.Contains(body, `"oidc":{"name":"Acme"}`) {
			t.Errorf("got %s", body)
		}
		begun := c.get("/v1/session/oidc?return_to=/api-keys%3Fstatus%3Dactive").wants(http.StatusSeeOther)
		flow := cookieNamed(begun, "apikeys_oidc")
		if !flow.HttpOnly || !flow.Secure || flow.SameSite != http.SameSiteLaxMode || flow.Path != "/v1/session/oidc/callback" || flow.MaxAge != 600 {
			t.Errorf("the sign-in is kept as %v", flow)
		}
		done := c.get(c.atProvider(begun.Header.Get("Location"))).wants(http.StatusSeeOther)
		session, ended := cookieNamed(done, "apikeys_session"), cookieNamed(done, "apikeys_oidc")
		if to := done.Header.Get("Location"); to != "/api-keys?status=active" || ended.MaxAge >= 0 || ended.Value != "" {
			t.Errorf("it leads to %q with %v", to, ended)
		}
		if !session.HttpOnly || !session.Secure || session.SameSite != http.SameSiteLaxMode || session.Path != "/" {
			t.Errorf("the session is kept as %v", session)
		}
		shown := c.get("/v1/session").wants(http.StatusOK)
		var who struct{ Operator person }
		shown.decode(&who)
		body := string(shown.body)
		if !strings.Contains(body, `"email":"ana@example.com"`) || !strings.Contains(body, `"role":"editor"`) || !strings.Contains(body, `"sign_in_method":"oidc"`) {
			t.Errorf("signed in is %s", body)
		}
		c.post("/v1/session/password", map[string]string{"current_password": password, "new_password": password + "!"}).
			refused(http.StatusConflict, "operator/single-sign-on")
		admin := s.stranger(t).with("Cookie", s.adminCookie(t))
		admin.post(who.Operator.path()+"/reset-password", nil).refused(http.StatusConflict, "operator/single-sign-on")
		events := string(admin.get("/v1/events").wants(http.StatusOK).body)
		for _, want := range []string{`"action":"operator.created"`, `"action":"operator.signed-in"`, `"method":"oidc"`, `"method":"password"`} {
			if !strings.Contains(events, want) {
				t.Errorf("the log lacks %s: %s", want, events)
			}
		}
		for _, secret := range append(p.Secrets(), relyingParty.Secret, session.Value, flow.Value) {
			if strings.Contains(s.logs.text(), secret) || strings.Contains(events, secret) || strings.Contains(done.Header.Get("Location"), secret) {
				t.Errorf("a secret of the sign-in is told: %.8s…", secret)
			}
		}
	}, settings)
}

// adminCookie returns a session of the first operator as a Cookie header, since a jar sends no Secure cookie over HTTP.
func (s *service) adminCookie(t *testing.T) string {
	t.Helper()
	c := s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie()
	return c.Name + "=" + c.Value
}

func TestASignInWithAProviderGetsANewSessionToken(t *testing.T) {
	settings, _ := withProvider(t)
	s := onOne(t, settings)
	before := s.adminCookie(t)
	_, planted, _ := strings.Cut(before, "=")
	c := s.browser(t)
	begun := c.get("/v1/session/oidc").wants(http.StatusSeeOther)
	back := c.atProvider(begun.Header.Get("Location"))
	flow := cookieNamed(begun, "apikeys_oidc")
	done := s.stranger(t).with("Cookie", before+"; apikeys_oidc="+flow.Value).get(back).wants(http.StatusSeeOther)
	if session := cookieNamed(done, "apikeys_session"); session.Value == planted || done.Header.Get("Location") != "/" {
		t.Errorf("it leads to %q with the session of before", done.Header.Get("Location"))
	}
	s.stranger(t).with("Cookie", before).get("/v1/session").refused(http.StatusUnauthorized, "failed")
}

// TestNobodyIsSignedInByAnotherBrowsersAnswer: an attacker who makes the victim's browser finish the attacker's own sign-in would
// have the victim work in the wrong account.
func TestNobodyIsSignedInByAnotherBrowsersAnswer(t *testing.T) {
	settings, p := withProvider(t)
	s := onOne(t, settings)
	attacker, victim := s.browser(t), s.browser(t)
	planted := attacker.atProvider(attacker.get("/v1/session/oidc").Header.Get("Location"))
	victim.get("/v1/session/oidc").wants(http.StatusSeeOther)
	for name, c := range map[string]*caller{"with a sign-in of its own": victim, "without one": s.browser(t)} {
		a := c.get(planted).wants(http.StatusSeeOther)
		if to := a.Header.Get("Location"); to != "/sign-in?error=flow-expired" {
			t.Errorf("%s: it leads to %q", name, to)
		}
		c.get("/v1/session").refused(http.StatusUnauthorized, "failed")
	}
	if p.TokenRequests() != 0 {
		t.Error("the code was shown to the provider")
	}
}

func TestARefusedSignInLeadsToTheSignInPageAndSaysWhy(t *testing.T) {
	settings, p := withProvider(t)
	s := onOne(t, settings)
	as := func(change map[string]any) oidctest.Person {
		changed := maps.Clone(ana.Claims)
		maps.Copy(changed, change)
		return oidctest.Person{Subject: "ana", Claims: changed}
	}
	for code, test := range map[string]struct {
		person    oidctest.Person
		behaviour oidctest.Behaviour
	}{
		"no-role":              {person: as(map[string]any{"groups": []string{}})},
		"email-unverified":     {person: as(map[string]any{"email_verified": false})},
		"access-denied":        {ana, oidctest.Behaviour{Deny: true}},
		"invalid-response":     {ana, oidctest.Behaviour{Signature: oidctest.HMACWithSecret}},
		"provider-unavailable": {ana, oidctest.Behaviour{Status: map[string]int{"/token": 502}}},
	} {
		p.SignIn(test.person)
		p.Behave(test.behaviour)
		c := s.browser(t)
		if to := c.signsOn("/audit"); to != "/sign-in?error="+code+"&redirect=%2Faudit" {
			t.Errorf("%s: it leads to %q", code, to)
		}
		c.get("/v1/session").refused(http.StatusUnauthorized, "failed")
	}
	for _, secret := range append(p.Secrets(), relyingParty.Secret) {
		if strings.Contains(s.logs.text(), secret) {
			t.Errorf("a secret of a sign-in is in the log: %.8s…", secret)
		}
	}
	if !strings.Contains(s.logs.text(), "a sign-in with the provider failed") {
		t.Error("the log does not say what failed")
	}
	if err := s.Operators.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := string(s.stranger(t).with("Cookie", s.adminCookie(t)).get("/v1/events").body)
	if strings.Count(events, `"action":"operator.sign-in-refused"`) != 2 || strings.Contains(events, `"action":"operator.created","actor":{"kind":"operator"`) {
		t.Errorf("the log tells %s", events)
	}
}

func TestASignInDoesNotLeadToAnotherSite(t *testing.T) {
	settings, _ := withProvider(t)
	s := onOne(t, settings)
	c := s.browser(t)
	for _, bad := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", ""} {
		p := c.get("/v1/session/oidc?return_to="+url.QueryEscape(bad)).refused(http.StatusBadRequest, badRequest)
		if !strings.HasPrefix(p.fields(), "return_to ") {
			t.Errorf("%q: got %s", bad, p.fields())
		}
	}
	c.get("/v1/session/oidc?returnto=/").refused(http.StatusBadRequest, badRequest)
	c.get("/v1/session/oidc/callback?state=a&state=b").refused(http.StatusBadRequest, badRequest)
	if to := c.get("/v1/session/oidc/callback?redirect=//evil.example&return_to=//evil.example").wants(http.StatusSeeOther).Header.Get("Location"); to != "/sign-in?error=flow-expired" {
		t.Errorf("it leads to %q", to)
	}
}

// TestASignInThatBeginsCanBeFinished: a browser drops a cookie that is too long, and the sign-in would fail after the visit to the
// provider.
func TestASignInThatBeginsCanBeFinished(t *testing.T) {
	settings, _ := withProvider(t)
	s := onOne(t, settings)
	c := s.browser(t)
	for to, want := range map[string]string{
		"/audit?" + strings.Repeat("&", 700): "/audit?" + strings.Repeat("&", 700),
		"/" + strings.Repeat(`"`, 1023):      "/" + strings.Repeat(`"`, 1023),
		"/api-keys?q=a'<b>&c=%20#d":          "/api-keys?q=a'<b>&c=%20#d",
		"/api-keys?q=ação":                   "/api-keys?q=a%C3%A7%C3%A3o",
		"/" + strings.Repeat("漢", 800):       "/" + strings.Repeat("%E6%BC%A2", 800),
	} {
		if got := c.signsOn(to); got != want {
			t.Errorf("%.40s leads to %.40s", to, got)
		}
	}
	for length := 800; length < 1024; length += 4 {
		begun := c.get("/v1/session/oidc?return_to=/" + strings.Repeat("%E6%BC%A2", length))
		if begun.StatusCode == http.StatusSeeOther {
			if flow := cookieNamed(begun, "apikeys_oidc"); len(flow.Name)+len(flow.Value) > 4096 {
				t.Errorf("%d characters take a cookie of %d bytes", length, len(flow.Name)+len(flow.Value))
			}
		} else if p := begun.refused(http.StatusBadRequest, badRequest); p.fields() != "return_to is too long" {
			t.Errorf("%d characters: got %s", length, p.fields())
		}
	}
}

func TestAProviderThatIsAwayStopsNothingElse(t *testing.T) {
	settings, p := withProvider(t)
	p.Behave(oidctest.Behaviour{Status: map[string]int{"/.well-known/openid-configuration": 503}})
	s := onOne(t, settings)
	s.adminCookie(t)
	c := s.browser(t)
	if to := c.get("/v1/session/oidc").wants(http.StatusSeeOther).Header.Get("Location"); to != "/sign-in?error=provider-unavailable" {
		t.Errorf("it leads to %q", to)
	}
	p.Behave(oidctest.Behaviour{})
	if to := c.signsOn("/"); to != "/" {
		t.Errorf("once it is back, it leads to %q", to)
	}
}

func TestTheSignInExpiresInTheBrowser(t *testing.T) {
	settings, _ := withProvider(t)
	s := onOne(t, settings)
	c := s.browser(t)
	begun := c.get("/v1/session/oidc").wants(http.StatusSeeOther)
	back := c.atProvider(begun.Header.Get("Location"))
	s.pass(oidc.FlowLifetime + time.Second)
	kept := s.stranger(t).with("Cookie", "apikeys_oidc="+cookieNamed(begun, "apikeys_oidc").Value)
	if to := kept.get(back).wants(http.StatusSeeOther).Header.Get("Location"); to != "/sign-in?error=flow-expired" {
		t.Errorf("it leads to %q", to)
	}
}

func TestSignInsWithAProviderAreLimited(t *testing.T) {
	settings, p := withProvider(t)
	settings["APIKEYS_LIMITS"] = "sign-in-address=3/1h"
	s := onOne(t, settings)
	c := s.browser(t)
	if to := c.signsOn("/"); to != "/" {
		t.Fatalf("it leads to %q", to)
	}
	before := p.TokenRequests()
	if to := c.signsOn("/"); to != "/sign-in?error=rate-limited" || p.TokenRequests() != before {
		t.Errorf("the fourth request leads to %q", to)
	}
	c.post("/v1/session", credentials("admin@example.com", password)).refused(http.StatusTooManyRequests, "rate-limit/exceeded")
}

// TestAPageCanNotUseUpTheSignInsOfItsVisitorsAddress: otherwise any page that an operator visits could use up the sign-ins of
// everybody who shares the address.
func TestAPageCanNotUseUpTheSignInsOfItsVisitorsAddress(t *testing.T) {
	settings, _ := withProvider(t)
	settings["APIKEYS_LIMITS"] = "sign-in-address=6/1h"
	s := onOne(t, settings)
	const code = "authorization/forbidden"
	for _, from := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
		{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"},
		{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
		{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
		{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch"},
		{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"},
	} {
		c := s.browser(t)
		c.headers = from
		c.get("/v1/session/oidc").refused(http.StatusForbidden, code)
		c.get("/v1/session/oidc/callback?code=a&state=b").refused(http.StatusForbidden, code)
	}
	visit := func(site string) map[string]string {
		return map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
	}
	// Sign-ins begin at a link in the console, at a bookmark, and in a browser that sends none of these headers. The provider,
	// which leads back, is another site.
	for name, headers := range map[string][2]map[string]string{
		"a link": {visit("same-origin"), visit("cross-site")}, "a bookmark": {visit("none"), visit("cross-site")}, "an old browser": {},
	} {
		c := s.browser(t)
		c.headers = headers[0]
		begun := c.get("/v1/session/oidc").wants(http.StatusSeeOther)
		c.headers = headers[1]
		if to := c.get(c.atProvider(begun.Header.Get("Location"))).wants(http.StatusSeeOther).Header.Get("Location"); to != "/" {
			t.Errorf("%s leads to %q", name, to)
		}
	}
}

func TestWithoutAProviderThereIsNoSuchRoute(t *testing.T) {
	s := onOne(t)
	c := s.stranger(t)
	if body := strings.TrimSpace(string(c.get("/v1/session/methods").wants(http.StatusOK).body)); body != `{"oidc":null,"password":true}` {
		t.Errorf("got %s", body)
	}
	c.get("/v1/session/oidc").refused(http.StatusNotFound, "route/not-found")
	c.get("/v1/session/oidc/callback?code=a&state=b").refused(http.StatusNotFound, "route/not-found")
}
