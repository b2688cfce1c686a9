// Package oidctest is an OpenID Connect provider for tests: a real one, which speaks HTTP and signs with its own keys, and which
// holds relying parties to the letter of the specifications. It can be told to misbehave, in the way that providers do and in the
// way that attackers would like them to.
package oidctest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Person is somebody who can sign in.
type Person struct {
	Subject string
	// Claims are what the provider says about the person, in addition to the subject.
	Claims map[string]any
}

// Client is the only registered relying party.
type Client struct {
	ID          string
	Secret      string // empty for a public client
	RedirectURL string
}

// Provider is an OpenID Connect provider. It is safe for concurrent use.
type Provider struct {
	issuer string
	client Client
	keys   keys
	mux    *http.ServeMux

	mu        sync.Mutex
	person    *Person  // who is signed in at the provider without being asked
	people    []Person // otherwise, who can be chosen on the sign-in page
	behaviour Behaviour
	grants    map[string]grant  // by code
	tokens    map[string]Person // by access token
	requests  int               // at the token endpoint
	leaked    []string          // what only the two parties may see: codes and tokens
}

// grant is what a code stands for.
type grant struct {
	person      Person
	nonce       string
	challenge   string
	redirectURL string
}

// New returns a provider with this issuer URL, at which its handler must be served.
func New(issuer string, client Client) (*Provider, error) {
	k, err := sharedKeys()
	if err != nil {
		return nil, err
	}
	p := &Provider{issuer: issuer, client: client, keys: k, mux: http.NewServeMux(), grants: map[string]grant{}, tokens: map[string]Person{}}
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /keys", p.keySet)
	p.mux.HandleFunc("GET /authorize", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	p.mux.HandleFunc("GET /userinfo", p.userInfo)
	return p, nil
}

// Start serves a provider on a free port until the test ends.
func Start(t testing.TB, client Client) *Provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	p, err := New("http://"+server.Listener.Addr().String(), client)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = p
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := p.behaves()
	if b.Hang != nil && r.URL.Path == b.HangAt {
		select {
		case <-b.Hang:
		case <-r.Context().Done():
		}
	}
	if status := b.Status[r.URL.Path]; status != 0 {
		http.Error(w, "told to fail, with "+r.FormValue("code"), status) // as verbose as the worst providers
		return
	}
	p.mux.ServeHTTP(w, r)
}

// Issuer returns the provider's URL.
func (p *Provider) Issuer() string { return p.issuer }

// SignIn makes a person signed in at the provider, so that nobody is asked.
func (p *Provider) SignIn(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = &person
}

// Offer lets a visitor choose on the sign-in page which of these people to sign in as.
func (p *Provider) Offer(people ...Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people = people
}

// Secrets returns what only the two parties may ever see: the codes, access tokens and ID tokens so far.
func (p *Provider) Secrets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.leaked)
}

// TokenRequests returns how many requests the token endpoint received.
func (p *Provider) TokenRequests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	b := p.behaves()
	metadata := map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
		"jwks_uri": p.issuer + "/keys", "userinfo_endpoint": p.issuer + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic"},
		"authorization_response_iss_parameter_supported": true,
	}
	if b.PostedSecret {
		metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
	}
	for name, value := range b.Metadata {
		metadata[name] = value
	}
	writeJSON(w, http.StatusOK, metadata)
}

func (p *Provider) keySet(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"keys": p.keys.public()})
}

// authorize is the authorization endpoint (OpenID Connect Core 1.0 §3.1.2). If the client or its redirect URL is wrong, the error
// is shown here instead of being redirected (RFC 6749 §4.1.2.1).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || query.Get("client_id") != p.client.ID || query.Get("redirect_uri") != p.client.RedirectURL {
		http.Error(w, "unknown client or redirect URL", http.StatusBadRequest)
		return
	}
	for name, values := range query {
		if len(values) > 1 {
			http.Error(w, name+" is given twice", http.StatusBadRequest)
			return
		}
	}
	challenge, err := base64.RawURLEncoding.DecodeString(query.Get("code_challenge"))
	switch {
	case query.Get("response_type") != "code", !slices.Contains(strings.Fields(query.Get("scope")), "openid"),
		len(query.Get("state")) < 32, len(query.Get("nonce")) < 32,
		err != nil, len(challenge) != sha256.Size, query.Get("code_challenge_method") != "S256":
		p.answer(w, r, query, url.Values{"error": {"invalid_request"}})
		return
	}
	person, chosen := p.whoIs(r.URL.Query().Get("person"))
	switch {
	case p.behaves().Deny:
		p.answer(w, r, query, url.Values{"error": {"access_denied"}, "error_description": {"The person said no."}})
	case !chosen:
		p.ask(w, r)
	default:
		code := p.issue(grant{person, query.Get("nonce"), query.Get("code_challenge"), query.Get("redirect_uri")})
		p.answer(w, r, query, url.Values{"code": {code}, "session_state": {"an extension"}})
	}
}

// answer sends the browser back to the relying party.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, query, parameters url.Values) {
	parameters.Set("state", query.Get("state"))
	parameters.Set("iss", p.issuer)
	for name, value := range p.behaves().Answer {
		if parameters.Del(name); value != "" {
			parameters.Set(name, value)
		}
	}
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+parameters.Encode(), http.StatusFound) //nolint:gosec // compared with the registered one before
}

// issue returns a code for a grant.
func (p *Provider) issue(g grant) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.grants[code] = g
	p.leaked = append(p.leaked, code)
	return code
}

// token is the token endpoint (OpenID Connect Core 1.0 §3.1.3). A code works once, whatever the outcome.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	g, known := p.grants[r.PostFormValue("code")]
	delete(p.grants, r.PostFormValue("code"))
	p.mu.Unlock()
	refuse := func(status int, code string) {
		writeJSON(w, status, map[string]any{"error": code, "error_description": "not with " + r.PostFormValue("code")})
	}
	verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case r.URL.RawQuery != "", r.PostFormValue("grant_type") != "authorization_code":
		refuse(http.StatusBadRequest, "invalid_request")
	case !p.authenticated(r):
		refuse(http.StatusUnauthorized, "invalid_client")
	case !known, r.PostFormValue("redirect_uri") != g.redirectURL, base64.RawURLEncoding.EncodeToString(verifier[:]) != g.challenge:
		refuse(http.StatusBadRequest, "invalid_grant")
	default:
		p.grant(w, g)
	}
}

// authenticated reports whether a request comes from the client. The client authenticates with HTTP Basic, both parts
// form-encoded, or in the body if the provider accepts nothing else (RFC 6749 §2.3.1), or with its ID alone if it is public.
func (p *Provider) authenticated(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if !basic {
		return (p.client.Secret == "" || p.behaves().PostedSecret) && r.PostFormValue("client_id") == p.client.ID &&
			r.PostFormValue("client_secret") == p.client.Secret
	}
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	return !p.behaves().PostedSecret && idErr == nil && secretErr == nil && r.PostFormValue("client_secret") == "" && id == p.client.ID &&
		p.client.Secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(p.client.Secret)) == 1
}

// grant responds with tokens.
func (p *Provider) grant(w http.ResponseWriter, g grant) {
	b, now := p.behaves(), time.Now()
	claims := map[string]any{
		"iss": p.issuer, "sub": g.person.Subject, "aud": p.client.ID, "nonce": g.nonce,
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	if !b.ThinIDToken {
		for name, value := range g.person.Claims {
			claims[name] = value
		}
	}
	if b.Claims != nil {
		b.Claims(claims)
	}
	idToken, err := p.keys.sign(b.Signature, p.client.Secret, claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	accessToken := rand.Text()
	p.mu.Lock()
	p.tokens[accessToken] = g.person
	p.leaked = append(p.leaked, accessToken, idToken)
	p.mu.Unlock()
	answer := map[string]any{"access_token": accessToken, "token_type": "Bearer", "expires_in": 300}
	if !b.NoIDToken {
		answer["id_token"] = idToken
	}
	writeJSON(w, http.StatusOK, answer)
}

// userInfo is the userinfo endpoint (OpenID Connect Core 1.0 §5.3).
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	person, known := p.tokens[token]
	p.mu.Unlock()
	if !known {
		http.Error(w, "unknown access token", http.StatusUnauthorized)
		return
	}
	claims := map[string]any{"sub": person.Subject}
	for name, value := range person.Claims {
		claims[name] = value
	}
	if change := p.behaves().UserInfo; change != nil {
		change(claims)
	}
	writeJSON(w, http.StatusOK, claims)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // on failure the relying party sees that it is cut off
}
