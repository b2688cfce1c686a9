package oidc_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oidc"
	"github.com/piercloud/apikeys/pkg/oidc/oidctest"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

const redirectURL = "https://keys.example.com/v1/session/oidc/callback"

var (
	home       = eventlog.Origin{IP: "192.0.2.1"}
	registered = oidctest.Client{ID: "api keys", Secret: "only for these tests: +/%", RedirectURL: redirectURL}
	ana        = oidctest.Person{Subject: "ana", Claims: map[string]any{
		"email": "ana@example.com", "email_verified": true, "groups": []string{"staff", "keys-editors"},
	}}
)

// fixture is a relying party and its provider.
type fixture struct {
	*oidctest.Provider
	operators *operator.Service
	flows     *sealed.Box
	config    oidc.Config
	now       time.Time
}

func newFixture(t *testing.T, registered oidctest.Client) *fixture {
	t.Helper()
	store := sqlstoretest.Open(t, sqlstoretest.SQLite(t))
	f := &fixture{Provider: oidctest.Start(t, registered), operators: operator.NewService(store, limit.Config{}, time.Now), now: time.Now()}
	if _, err := f.operators.EnsureTenancy(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.flows, err = sealed.NewBox(make([]byte, sealed.KeySize)); err != nil {
		t.Fatal(err)
	}
	roles, err := oidc.ParseRoles("admin=keys-admins,editor=keys-editors,readonly=staff")
	if err != nil {
		t.Fatal(err)
	}
	f.config = oidc.Config{
		Issuer: f.Issuer(), ClientID: registered.ID, ClientSecret: registered.Secret, RedirectURL: redirectURL,
		Scopes: []string{"openid", "email"}, RoleClaim: "groups", VerifiedClaim: "email_verified", Roles: roles,
	}
	f.SignIn(ana)
	return f
}

// client returns the relying party of another process, which has not discovered the provider yet.
func (f *fixture) client() *oidc.Client {
	return oidc.New(f.config, f.operators, f.flows, func() time.Time { return f.now })
}

// visit requests the provider's page at which a sign-in begins, and returns the answer that the provider sends back with the
// browser.
func visit(t *testing.T, at string) oidc.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatalf("the provider answers %s", response.Status)
	}
	if to, _, _ := strings.Cut(back.String(), "?"); to != redirectURL {
		t.Fatalf("the provider leads to %s", back)
	}
	q := back.Query()
	return oidc.Answer{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

// signIn performs a whole sign-in; change may tamper with the provider's answer.
func (f *fixture) signIn(t *testing.T, c *oidc.Client, change func(*oidc.Answer)) (operator.Operator, error) {
	t.Helper()
	start, err := c.Begin(t.Context(), "/api-keys?status=active", home)
	if err != nil {
		return operator.Operator{}, err
	}
	a := visit(t, start.URL)
	if change != nil {
		change(&a)
	}
	o, returnTo, err := c.Finish(t.Context(), start.Flow, a, home)
	if returnTo != "/api-keys?status=active" {
		t.Errorf("it leads to %q", returnTo)
	}
	return o, err
}

func TestSigningInAtAProvider(t *testing.T) {
	public := registered
	public.Secret = ""
	for name, test := range map[string]struct {
		client    oidctest.Client
		behaviour oidctest.Behaviour
	}{
		"with a secret":               {client: registered},
		"without a secret":            {client: public},
		"that takes secrets by POST":  {registered, oidctest.Behaviour{PostedSecret: true}},
		"with another algorithm":      {registered, oidctest.Behaviour{Signature: oidctest.ES256}},
		"that takes them either way":  {registered, oidctest.Behaviour{Metadata: map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"}}}},
		"without a userinfo endpoint": {registered, oidctest.Behaviour{Metadata: map[string]any{"userinfo_endpoint": ""}}},
		"told at userinfo alone":      {registered, oidctest.Behaviour{ThinIDToken: true}},
		"that says true as text":      {registered, oidctest.Behaviour{Claims: func(c map[string]any) { c["email_verified"] = "true" }}},
		"that says one as text":       {registered, oidctest.Behaviour{Claims: func(c map[string]any) { c["email_verified"] = "1" }}},
		"that says true as a number":  {registered, oidctest.Behaviour{Claims: func(c map[string]any) { c["email_verified"] = 1 }}},
		"that names one group":        {registered, oidctest.Behaviour{Claims: func(c map[string]any) { c["groups"] = "keys-editors" }}},
		"for several, asked by this":  {registered, oidctest.Behaviour{Claims: func(c map[string]any) { c["aud"], c["azp"] = []string{"api keys", "other"}, "api keys" }}},
		"that never heard of RFC9207": {registered, oidctest.Behaviour{Metadata: map[string]any{"authorization_response_iss_parameter_supported": false}, Answer: map[string]string{"iss": ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, test.client)
			f.Behave(test.behaviour)
			o, err := f.signIn(t, f.client(), nil)
			if err != nil || o.Email != "ana@example.com" || o.Role != operator.Editor || o.Identity != (operator.Identity{Issuer: f.Issuer(), Subject: "ana"}) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
}

// TestWhatAProviderMustNotSayIsRefused: each of these answers could let somebody sign in as somebody else if it went unnoticed.
func TestWhatAProviderMustNotSayIsRefused(t *testing.T) {
	f := newFixture(t, registered)
	claim := func(name string, value any) oidctest.Behaviour {
		return oidctest.Behaviour{Claims: func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}}
	}
	signed := func(s oidctest.Signature) oidctest.Behaviour { return oidctest.Behaviour{Signature: s} }
	answers := func(name, value string) oidctest.Behaviour {
		return oidctest.Behaviour{Answer: map[string]string{name: value}}
	}
	metadata := func(name string, value any) oidctest.Behaviour {
		return oidctest.Behaviour{Metadata: map[string]any{name: value}}
	}
	fails := func(path string, status int) oidctest.Behaviour {
		return oidctest.Behaviour{Status: map[string]int{path: status}}
	}
	for name, test := range map[string]struct {
		oidctest.Behaviour
		want string // the code of the failure or refusal
	}{
		"another nonce":                     {claim("nonce", "another"), "invalid-response"},
		"no nonce":                          {claim("nonce", nil), "invalid-response"},
		"another audience":                  {claim("aud", "other"), "invalid-response"},
		"no audience":                       {claim("aud", nil), "invalid-response"},
		"several audiences, asked by none":  {claim("aud", []string{"api keys", "other"}), "invalid-response"},
		"asked by another client":           {claim("azp", "other"), "invalid-response"},
		"asked by a number":                 {claim("azp", 1), "invalid-response"},
		"another issuer":                    {claim("iss", "https://other.example.com"), "invalid-response"},
		"the issuer and a slash":            {claim("iss", f.Issuer()+"/"), "invalid-response"},
		"expired":                           {claim("exp", time.Now().Add(-time.Minute).Unix()), "invalid-response"},
		"without an end":                    {claim("exp", nil), "invalid-response"},
		"not yet valid":                     {claim("nbf", time.Now().Add(time.Hour).Unix()), "invalid-response"},
		"no subject":                        {claim("sub", nil), "invalid-response"},
		"an empty subject":                  {claim("sub", ""), "invalid-response"},
		"a huge subject":                    {claim("sub", strings.Repeat("x", 256)), "invalid-response"},
		"unsigned":                          {signed(oidctest.Unsigned), "invalid-response"},
		"signed with the client secret":     {signed(oidctest.HMACWithSecret), "invalid-response"},
		"signed with the public key":        {signed(oidctest.HMACWithPublicKey), "invalid-response"},
		"signed by somebody else":           {signed(oidctest.ForeignKey), "invalid-response"},
		"signed with a key that it brings":  {signed(oidctest.EmbeddedForeignKey), "invalid-response"},
		"altered":                           {signed(oidctest.Altered), "invalid-response"},
		"no ID token":                       {oidctest.Behaviour{NoIDToken: true}, "invalid-response"},
		"an answer of another provider":     {answers("iss", "https://other.example.com"), "invalid-response"},
		"an answer of nobody":               {answers("iss", ""), "invalid-response"},
		"another state":                     {answers("state", "another"), "flow-expired"},
		"no state":                          {answers("state", ""), "flow-expired"},
		"no code":                           {answers("code", ""), "invalid-response"},
		"another code":                      {answers("code", "another"), "invalid-response"},
		"an error and a code":               {answers("error", "server_error"), "invalid-response"},
		"no consent":                        {oidctest.Behaviour{Deny: true}, "access-denied"},
		"metadata of another provider":      {metadata("issuer", "https://other.example.com"), "provider-unavailable"},
		"metadata without a token endpoint": {metadata("token_endpoint", ""), "provider-unavailable"},
		"metadata with a relative userinfo": {metadata("userinfo_endpoint", "/userinfo"), "provider-unavailable"},
		"metadata with a relative endpoint": {metadata("authorization_endpoint", "/authorize"), "provider-unavailable"},
		"metadata with what is no URL":      {metadata("token_endpoint", "https://[::1/token"), "provider-unavailable"},
		"metadata with relative keys":       {metadata("jwks_uri", "/keys"), "provider-unavailable"},
		"metadata that asks for HS256":      {oidctest.Behaviour{Metadata: map[string]any{"id_token_signing_alg_values_supported": []string{"HS256", "none"}}, Signature: oidctest.HMACWithSecret}, "invalid-response"},
		"no metadata":                       {fails("/.well-known/openid-configuration", 500), "provider-unavailable"},
		"metadata that moved":               {fails("/.well-known/openid-configuration", 302), "provider-unavailable"},
		"no keys":                           {fails("/keys", 500), "invalid-response"},
		"a token endpoint that fails":       {fails("/token", 500), "provider-unavailable"},
		"a token endpoint that is busy":     {fails("/token", 429), "provider-unavailable"},
		"a token endpoint that refuses":     {fails("/token", 400), "invalid-response"},
		"a userinfo endpoint that fails":    {oidctest.Behaviour{ThinIDToken: true, Status: map[string]int{"/userinfo": 500}}, "provider-unavailable"},
		"userinfo of somebody else":         {oidctest.Behaviour{ThinIDToken: true, UserInfo: func(c map[string]any) { c["sub"] = "bea" }}, "invalid-response"},
		"an address that is not verified":   {claim("email_verified", false), "email-unverified"},
		"an address verified by name only":  {claim("email_verified", "false"), "email-unverified"},
		"an address verified by no":         {claim("email_verified", "no"), "email-unverified"},
		"an address verified by 0":          {claim("email_verified", 0), "email-unverified"},
		"an address verified by 2":          {claim("email_verified", 2), "email-unverified"},
		"an address verified nowhere":       {oidctest.Behaviour{Metadata: map[string]any{"userinfo_endpoint": ""}, Claims: func(c map[string]any) { delete(c, "email_verified") }}, "email-unverified"},
		"an address that may be verified":   {claim("email_verified", []any{true}), "email-unverified"},
		"no address":                        {oidctest.Behaviour{Claims: func(c map[string]any) { c["email"] = "" }}, "email-unverified"},
		"groups that give no role":          {claim("groups", []string{"KEYS-EDITORS", "keys-admins "}), "no-role"},
		"groups that are no texts":          {claim("groups", []any{1, nil, map[string]any{"keys-admins": true}}), "no-role"},
	} {
		t.Run(name, func(t *testing.T) {
			f.Behave(test.Behaviour)
			o, err := f.signIn(t, f.client(), nil)
			if got := codeOf(err); got != test.want || o != (operator.Operator{}) {
				t.Errorf("got %+v, %v; want %s", o, err, test.want)
			}
			for _, secret := range append(f.Secrets(), registered.Secret) {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells what nobody may see: %v", err)
				}
			}
		})
	}
	f.Behave(oidctest.Behaviour{})
	if o, err := f.signIn(t, f.client(), nil); err != nil {
		t.Errorf("afterwards: %+v, %v", o, err)
	}
}

// codeOf returns the code of a failure or a refusal, empty for any other error.
func codeOf(err error) string {
	if failed := (*oidc.FailedError)(nil); errors.As(err, &failed) {
		return string(failed.Code)
	}
	if refused := (*operator.RefusedError)(nil); errors.As(err, &refused) {
		return string(refused.Reason)
	}
	return ""
}

// TestAnErrorIsRepeatedOnlyIfItIsOneOfOAuth: anybody can send one, and it is written to the log.
func TestAnErrorIsRepeatedOnlyIfItIsOneOfOAuth(t *testing.T) {
	f := newFixture(t, registered)
	for text, repeated := range map[string]bool{
		"server_error": true, "secret-code\nlevel=ERROR": false, "Error": false, "a\nb": false, strings.Repeat("a", 41): false,
	} {
		_, err := f.signIn(t, f.client(), func(a *oidc.Answer) { a.Error = text })
		if codeOf(err) != "invalid-response" || strings.Contains(err.Error(), text) != repeated {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBeginningsCountForTheAddress(t *testing.T) {
	f := newFixture(t, registered)
	once := limit.Config{SignInAddress: limit.Rate{Requests: 1, Window: time.Hour}}
	f.operators = operator.NewService(sqlstoretest.Open(t, sqlstoretest.SQLite(t)), once, time.Now)
	c := f.client()
	if _, err := c.Begin(t.Context(), "/", home); err != nil {
		t.Fatal(err)
	}
	var exceeded *limit.ExceededError
	if _, err := c.Begin(t.Context(), "/", home); !errors.As(err, &exceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerOfAnotherBrowserOrWithoutACodeCostsTheProviderNothing(t *testing.T) {
	f := newFixture(t, registered)
	c := f.client()
	mine, err := c.Begin(t.Context(), "/", home)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := c.Begin(t.Context(), "/", home)
	if err != nil {
		t.Fatal(err)
	}
	planted := visit(t, theirs.URL)
	for name, flow := range map[string]string{
		"the victim's": mine.Flow, "none": "", "an attacker's invention": "AAAA", "no base64": "%%%",
		"an altered one": theirs.Flow[:len(theirs.Flow)-4] + "AAAA",
	} {
		if _, _, err := c.Finish(t.Context(), flow, planted, home); codeOf(err) != "flow-expired" {
			t.Errorf("with %s flow: %v", name, err)
		}
	}
	empty := planted
	empty.Code = ""
	if _, _, err := c.Finish(t.Context(), theirs.Flow, empty, home); codeOf(err) != "invalid-response" {
		t.Errorf("without a code: %v", err)
	}
	f.now = f.now.Add(oidc.FlowLifetime)
	if _, _, err := c.Finish(t.Context(), theirs.Flow, planted, home); codeOf(err) != "flow-expired" {
		t.Errorf("ten minutes later: %v", err)
	}
	if n := f.TokenRequests(); n != 0 {
		t.Errorf("the token endpoint was asked %d times", n)
	}
}

func TestAnAnswerWorksOnceAndAtAnyReplica(t *testing.T) {
	f := newFixture(t, registered)
	start, err := f.client().Begin(t.Context(), "/", home)
	if err != nil {
		t.Fatal(err)
	}
	a := visit(t, start.URL)
	if _, _, err := f.client().Finish(t.Context(), start.Flow, a, home); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.client().Finish(t.Context(), start.Flow, a, home); codeOf(err) != "invalid-response" {
		t.Errorf("again: %v", err)
	}
}

func TestTheRequestHasAFreshStateNonceAndChallenge(t *testing.T) {
	f := newFixture(t, registered)
	c := f.client()
	seen := map[string]bool{}
	for range 3 {
		start, err := c.Begin(t.Context(), "/", home)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(start.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		fixed := map[string]string{
			"response_type": "code", "client_id": "api keys", "redirect_uri": redirectURL, "scope": "openid email", "code_challenge_method": "S256",
		}
		for name, want := range fixed {
			if q.Get(name) != want {
				t.Errorf("%s: got %q", name, q.Get(name))
			}
		}
		names := slices.Sorted(maps.Keys(q))
		if got := strings.Join(names, " "); got != "client_id code_challenge code_challenge_method nonce redirect_uri response_type scope state" {
			t.Errorf("the request has %s", got)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if value := q.Get(name); len(value) < 43 || seen[value] {
				t.Errorf("%s: got %q", name, value)
			}
			seen[q.Get(name)] = true
		}
		if len(start.Flow) > 3000 || strings.Contains(start.Flow, q.Get("state")) {
			t.Errorf("the browser keeps %q", start.Flow)
		}
	}
}

func TestNothingButAPathOfTheConsoleIsReturnedTo(t *testing.T) {
	f := newFixture(t, registered)
	c := f.client()
	for _, bad := range []string{
		"", "api-keys", "https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example",
		"/\n/evil.example", "/ /evil.example", "/%zz", "javascript:alert(1)", "/\x00", "/\x7f", "/\u0080", "/\u0085/evil.example", "/\u009f",
		"/" + strings.Repeat("a", oidc.FlowMax),
	} {
		_, err := c.Begin(t.Context(), bad, home)
		var invalid *operator.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "return_to" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"/", "/api-keys?status=active&search=%C3%A9#top", "/api-keys/ak_EXAMPLE", "/@evil.example", "/\u00a0", "/é"} {
		if _, err := c.Begin(t.Context(), good, home); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestAProviderThatComesBackIsFound(t *testing.T) {
	f := newFixture(t, registered)
	c := f.client()
	f.Behave(oidctest.Behaviour{Status: map[string]int{"/.well-known/openid-configuration": 503}})
	if _, err := f.signIn(t, c, nil); codeOf(err) != "provider-unavailable" {
		t.Fatalf("while it is away: %v", err)
	}
	f.Behave(oidctest.Behaviour{})
	if _, err := f.signIn(t, c, nil); err != nil {
		t.Fatalf("once it is back: %v", err)
	}
	c = f.client()
	f.Behave(oidctest.Behaviour{Metadata: map[string]any{"token_endpoint": f.Issuer() + "/old"}, Status: map[string]int{"/old": 503}})
	if _, err := f.signIn(t, c, nil); codeOf(err) != "provider-unavailable" {
		t.Fatalf("while its token endpoint is away: %v", err)
	}
	f.Behave(oidctest.Behaviour{})
	if _, err := f.signIn(t, c, nil); err != nil {
		t.Errorf("once that is elsewhere: %v", err)
	}
}

func TestAProviderThatHangsIsGivenUp(t *testing.T) {
	f := newFixture(t, registered)
	released := make(chan struct{})
	defer close(released)
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys"} {
		f.Behave(oidctest.Behaviour{Hang: released, HangAt: path})
		c := f.client()
		if c.Timeout() <= 0 || c.Timeout() > 10*time.Second {
			t.Errorf("a request may take %v", c.Timeout())
		}
		c.SetTimeout(50 * time.Millisecond)
		if _, err := f.signIn(t, c, nil); codeOf(err) == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAProviderWithTLSMustNotSendSecretsWithoutIt(t *testing.T) {
	f := newFixture(t, registered)
	for _, endpoint := range []string{"http://login.example.com/token", "ftp://login.example.com", "https://", "login.example.com", ""} {
		if oidc.Trusts("https://login.example.com", endpoint) {
			t.Errorf("%q is trusted", endpoint)
		}
	}
	if oidc.Trusts(f.Issuer(), "ftp://login.example.com") {
		t.Error("a provider without TLS may send them anywhere")
	}
	if !oidc.Trusts("https://login.example.com", "https://elsewhere.example.com/token") || !oidc.Trusts(f.Issuer(), f.Issuer()+"/token") {
		t.Error("a good endpoint is not trusted")
	}
}

// TestTheIDTokenCountsMoreThanUserInfo: signed claims are not replaced by unsigned ones.
func TestTheIDTokenCountsMoreThanUserInfo(t *testing.T) {
	f := newFixture(t, registered)
	f.Behave(oidctest.Behaviour{
		Claims:   func(c map[string]any) { delete(c, "email_verified") }, // so that the userinfo endpoint is asked
		UserInfo: func(c map[string]any) { c["groups"] = []string{"keys-admins"} },
	})
	o, err := f.signIn(t, f.client(), nil)
	if err != nil || o.Role != operator.Editor || o.Email != "ana@example.com" {
		t.Errorf("got %+v, %v", o, err)
	}
}

// TestAnAddressIsVerifiedOnlyByTheDocumentThatHasIt: what one document says about its own address must not vouch for that of the
// other, which may belong to somebody else.
func TestAnAddressIsVerifiedOnlyByTheDocumentThatHasIt(t *testing.T) {
	type claims = map[string]any
	for name, test := range map[string]struct {
		idToken, userInfo claims
		want              string // the address, or the code of the refusal
	}{
		"a flag for the same address":            {claims{"email": "ana@example.com"}, claims{"email": "ana@example.com", "email_verified": true}, "ana@example.com"},
		"a flag for another address":             {claims{"email": "boss@example.com"}, claims{"email": "ana@example.com", "email_verified": true}, "email-unverified"},
		"a flag for no address":                  {claims{"email": "boss@example.com"}, claims{"email_verified": true}, "email-unverified"},
		"both at userinfo":                       {claims{}, claims{"email": "ana@example.com", "email_verified": true}, "ana@example.com"},
		"a flag in the ID token, for no address": {claims{"email_verified": true}, claims{"email": "boss@example.com"}, "email-unverified"},
		"such a flag, denied at userinfo":        {claims{"email_verified": true}, claims{"email": "boss@example.com", "email_verified": false}, "email-unverified"},
		"such a flag, repeated at userinfo":      {claims{"email_verified": true}, claims{"email": "ana@example.com", "email_verified": true}, "ana@example.com"},
		"both in the ID token":                   {claims{"email": "ana@example.com", "email_verified": true}, claims{"email": "boss@example.com", "email_verified": false}, "ana@example.com"},
		"denied in the ID token":                 {claims{"email": "ana@example.com", "email_verified": false}, claims{"email": "ana@example.com", "email_verified": true}, "email-unverified"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, registered)
			says := func(said claims) func(claims) {
				return func(c claims) {
					delete(c, "email")
					delete(c, "email_verified")
					maps.Copy(c, said)
				}
			}
			inIDToken := says(test.idToken)
			f.Behave(oidctest.Behaviour{UserInfo: says(test.userInfo), Claims: func(c claims) {
				inIDToken(c)
				delete(c, "groups") // so that the userinfo endpoint is asked
			}})
			o, err := f.signIn(t, f.client(), nil)
			if got := o.Email + codeOf(err); got != test.want {
				t.Errorf("got %+v, %v; want %s", o, err, test.want)
			}
		})
	}
}

// TestSecretsForTheProviderDoNotFollowARedirect: by default, net/http would send the code and the verifier to the redirect's
// target.
func TestSecretsForTheProviderDoNotFollowARedirect(t *testing.T) {
	f := newFixture(t, registered)
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer moved.Close()
	f.Behave(oidctest.Behaviour{Metadata: map[string]any{"token_endpoint": moved.URL}})
	if _, err := f.signIn(t, f.client(), nil); codeOf(err) == "" {
		t.Errorf("got %v", err)
	}
	if followed.Load() != 0 {
		t.Error("the code was sent on")
	}
}

// TestAnAnswerOfTheProviderIsBounded: an answer is read into memory as a whole.
func TestAnAnswerOfTheProviderIsBounded(t *testing.T) {
	f := newFixture(t, registered)
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, f.Issuer()+"/keys", nil)
		if err != nil {
			t.Error(err)
			return
		}
		keys, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Error(err)
			return
		}
		defer keys.Body.Close()
		_, _ = io.WriteString(w, strings.Repeat(" ", 1<<20))
		_, _ = io.Copy(w, keys.Body)
	}))
	defer huge.Close()
	f.Behave(oidctest.Behaviour{Metadata: map[string]any{"jwks_uri": huge.URL}})
	if o, err := f.signIn(t, f.client(), nil); codeOf(err) != "invalid-response" {
		t.Errorf("got %+v, %v", o, err)
	}
}
