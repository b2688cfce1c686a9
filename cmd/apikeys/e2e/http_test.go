package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// caller makes requests to a service, as an operator with a session or as a stranger. It is safe for concurrent use.
type caller struct {
	t      testing.TB
	url    func(path string) string
	client *http.Client
}

// stranger returns a caller without credentials.
func stranger(s *service) *caller { return newCaller(s.t, s.url, nil) }

// newCaller returns a caller without credentials that connects from an address of this machine; nil is any.
func newCaller(t testing.TB, address func(path string) string, from net.Addr) *caller {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: from}
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t: t, url: address, client: &http.Client{Jar: jar, Transport: transport, Timeout: 30 * time.Second}}
}

// signIn returns a caller with the first operator's session.
func signIn(s *service) *caller {
	s.t.Helper()
	c := stranger(s)
	c.signIn()
	return c
}

// signIn opens a session of the first operator.
func (c *caller) signIn(headers ...string) {
	c.t.Helper()
	c.want(http.StatusCreated, c.do(http.MethodPost, "/v1/session", credentials{"admin@localhost", password}, headers...))
}

// at returns the same caller, session included, at another service on the same database.
func (c *caller) at(s *service) *caller {
	c.t.Helper()
	other := stranger(s)
	here, err := url.Parse(c.url("/"))
	if err != nil {
		c.t.Fatal(err)
	}
	there, err := url.Parse(s.url("/"))
	if err != nil {
		c.t.Fatal(err)
	}
	other.client.Jar.SetCookies(there, c.client.Jar.Cookies(here))
	return other
}

// credentials is the body of a sign-in.
type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// answer is a response whose body has been read.
type answer struct {
	request string
	status  int
	header  http.Header
	body    []byte
}

func (a answer) String() string {
	return fmt.Sprintf("%s: %d %s", a.request, a.status, bytes.TrimSpace(a.body))
}

// try makes a request; a body that is not nil is sent as JSON. headers is a list of alternating names and values.
func (c *caller) try(method, path string, body any, headers ...string) (answer, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(encoded)
		headers = append(headers, "Content-Type", "application/json")
	}
	return c.send(c.request(method, path, content, headers...))
}

// request prepares a request. headers is a list of alternating names and values.
func (c *caller) request(method, path string, body io.Reader, headers ...string) *http.Request {
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url(path), body)
	if err != nil {
		panic(err) // the test's own fault
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request
}

// form prepares a request with a form.
func (c *caller) form(path string, fields url.Values) *http.Request {
	return c.request(http.MethodPost, path, strings.NewReader(fields.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

func (c *caller) send(request *http.Request) (answer, error) {
	response, err := c.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{request.Method + " " + request.URL.Path, response.StatusCode, response.Header, content}, nil
}

// do is try for requests that must be answered.
func (c *caller) do(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *caller) get(path string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, path, nil)
}

func (c *caller) post(path string, body any) answer {
	c.t.Helper()
	return c.do(http.MethodPost, path, body)
}

// want fails the test unless an answer has the status.
func (c *caller) want(status int, a answer) answer {
	c.t.Helper()
	if a.status != status {
		c.t.Fatalf("%v, want %d", a, status)
	}
	return a
}

// decode reads an answer's body.
func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("%v: %v", a, err)
	}
	return value
}

// apiKey holds the members of an API key that these tests read.
type apiKey struct {
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	Name         string   `json:"name"`
	Description  string   `json:"description"`
	Scopes       []string `json:"scopes"`
	Status       string   `json:"status"`
	LastUsedAt   string   `json:"last_used_at"`
	Secrets      []struct {
		ID         string `json:"id"`
		LastFour   string `json:"last_four"`
		LastUsedAt string `json:"last_used_at"`
		LastUsedIP string `json:"last_used_ip"`
	} `json:"secrets"`
}

// draft is the body that creates a key.
type draft struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
}

// create registers a key.
func (c *caller) create(name string, scopes ...string) apiKey {
	c.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"lighthouse.workspaces:readonly"}
	}
	return decode[apiKey](c.t, c.want(http.StatusCreated, c.post("/v1/api-keys", draft{name, scopes})))
}

// clientPair is the body of POST /auth.
type clientPair struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// tokenRequest prepares a request for a token with the credentials in the form.
func (c *caller) tokenRequest(clientID, secret string) *http.Request {
	return c.form("/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}})
}

// tryToken asks for a token.
func (c *caller) tryToken(clientID, secret string) (answer, error) {
	return c.send(c.tokenRequest(clientID, secret))
}

// token is tryToken for requests that must be answered.
func (c *caller) token(clientID, secret string) answer {
	c.t.Helper()
	a, err := c.tryToken(clientID, secret)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// accessToken obtains a token.
func (c *caller) accessToken(k apiKey) string {
	c.t.Helper()
	return accessTokenOf(c.t, c.want(http.StatusOK, c.token(k.ClientID, k.ClientSecret)))
}

// accessTokenOf returns the token in an answer.
func accessTokenOf(t testing.TB, a answer) string {
	t.Helper()
	return decode[struct {
		AccessToken string `json:"access_token"`
	}](t, a).AccessToken
}

// keySet returns the ids of the published signing keys.
func (c *caller) keySet() []string {
	c.t.Helper()
	set := decode[struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}](c.t, c.want(http.StatusOK, c.get("/.well-known/jwks.json")))
	ids := make([]string, len(set.Keys))
	for i, key := range set.Keys {
		ids[i] = key.KID
	}
	return ids
}
