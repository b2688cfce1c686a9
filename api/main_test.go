package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// password is the password of every operator. Tests that look for passwords in the log search for it.
const password = "correct horse battery staple"

// masterKey is the master key of the tests' services: 32 arbitrary bytes.
const masterKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// system is the actor who sets up a test.
var system = eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}

// service is the whole service on a database of its own, behind a real listener.
type service struct {
	*app.App
	url  string
	logs *lockedBuffer
	clock
}

// clock is the service's time, which tests advance.
type clock struct{ offset *time.Duration }

func (c clock) now() time.Time { return time.Now().Add(*c.offset) }

// pass advances the time. Only the test's own goroutine may call it, between requests.
func (c clock) pass(d time.Duration) { *c.offset += d }

// lockedBuffer collects what the service logs.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// onBoth runs a test on each database.
func onBoth(t *testing.T, test func(*testing.T, *service), settings ...map[string]string) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, boot(t, sqlstoretest.SQLite(t), settings...))
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, boot(t, newPostgreSQL(t), settings...))
	})
}

// onOne returns a service on SQLite, for tests that do not depend on the kind of database.
func onOne(t *testing.T, settings ...map[string]string) *service {
	t.Helper()
	return boot(t, sqlstoretest.SQLite(t), settings...)
}

func boot(t *testing.T, databaseURL string, settings ...map[string]string) *service {
	t.Helper()
	s := unprepared(t, databaseURL, settings...)
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// unprepared returns a service that has neither a schema nor a signing key yet, as if its database were unreachable.
func unprepared(t *testing.T, databaseURL string, settings ...map[string]string) *service {
	t.Helper()
	environment := map[string]string{
		"APIKEYS_DATABASE_URL": databaseURL, "APIKEYS_MASTER_KEY": masterKey, "APIKEYS_LIMITS": "off",
		"APIKEYS_OPERATOR_EMAIL": "admin@example.com", "APIKEYS_OPERATOR_PASSWORD": password, "APIKEYS_LOG_LEVEL": "debug",
	}
	for _, s := range settings {
		maps.Copy(environment, s)
	}
	config, err := app.LoadConfig(environment)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{logs: &lockedBuffer{}, clock: clock{new(time.Duration)}}
	s.App, err = app.New(config, app.Options{Now: s.now, Output: io.Discard, Logger: app.NewLogger(config, s.logs)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tenancy returns the first tenancy's id.
func (s *service) tenancy(t *testing.T) string {
	t.Helper()
	all, err := s.Operators.Tenancies(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID
}

// otherTenancy makes a tenancy with an admin, and returns its id and the admin's e-mail address.
func (s *service) otherTenancy(t *testing.T) (id, admin string) {
	t.Helper()
	created, err := s.Operators.CreateTenancy(t.Context(), "Another", system)
	if err != nil {
		t.Fatal(err)
	}
	s.operator(t, created.ID, "another@example.com", operator.Admin)
	return created.ID, "another@example.com"
}

func (s *service) operator(t *testing.T, tenancyID, email string, role operator.Role) {
	t.Helper()
	if _, err := s.Operators.Create(t.Context(), tenancyID, email, password, role, system); err != nil {
		t.Fatal(err)
	}
}

// caller makes requests in somebody's name, and checks every answer against the contract.
type caller struct {
	t       *testing.T
	url     string
	http    *http.Client
	headers map[string]string
}

// stranger returns a caller without credentials.
func (s *service) stranger(t *testing.T) *caller {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &caller{t: t, url: s.url, headers: map[string]string{}, http: &http.Client{
		Transport: contractTransport{t}, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as returns a caller with a session of an operator.
func (s *service) as(t *testing.T, email string) *caller {
	t.Helper()
	c := s.stranger(t)
	c.post("/v1/session", map[string]string{"email": email, "password": password}).wants(http.StatusCreated)
	return c
}

// admin returns a caller with a session of the first operator.
func (s *service) admin(t *testing.T) *caller {
	t.Helper()
	return s.as(t, "admin@example.com")
}

// bearer returns a caller with an access token of a new key that has these scopes.
func (s *service) bearer(t *testing.T, scopes ...string) *caller {
	t.Helper()
	k := s.admin(t).create(t.Name()+" "+strings.Join(scopes, " "), scopes...)
	return s.program(t, k)
}

// program returns a caller with an access token of a key.
func (s *service) program(t *testing.T, k createdKey) *caller {
	t.Helper()
	c := s.stranger(t)
	c.headers["Authorization"] = "Bearer " + c.token(k.ClientID, k.ClientSecret)
	return c
}

// with returns a caller with one more header.
func (c *caller) with(name, value string) *caller {
	headers := maps.Clone(c.headers)
	headers[name] = value
	return &caller{c.t, c.url, c.http, headers}
}

// answer is a response whose body has been read.
type answer struct {
	t *testing.T
	*http.Response
	body []byte
}

func (c *caller) do(method, path, contentType string, body io.Reader) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	response, err := c.http.Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{c.t, response, read}
}

// send makes a request with a JSON body. A string is sent as it is, and nil means no body.
func (c *caller) send(method, path string, body any) answer {
	c.t.Helper()
	switch b := body.(type) {
	case nil:
		return c.do(method, path, "", nil)
	case string:
		return c.do(method, path, "application/json", strings.NewReader(b))
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		return c.do(method, path, "application/json", bytes.NewReader(encoded))
	}
}

func (c *caller) get(path string) answer { c.t.Helper(); return c.send("GET", path, nil) }

func (c *caller) post(path string, body any) answer { c.t.Helper(); return c.send("POST", path, body) }

func (c *caller) patch(path string, body any) answer {
	c.t.Helper()
	return c.send("PATCH", path, body)
}
func (c *caller) delete(path string) answer { c.t.Helper(); return c.send("DELETE", path, nil) }

// createdKey holds the members of a key that tests read.
type createdKey struct {
	ClientID     string         `json:"client_id"`
	ClientSecret string         `json:"client_secret"`
	Name         string         `json:"name"`
	Description  string         `json:"description"`
	Scopes       []string       `json:"scopes"`
	Status       string         `json:"status"`
	Lifespan     map[string]any `json:"token_lifespan"`
	Secrets      []struct {
		ID        string     `json:"id"`
		ExpiresAt *time.Time `json:"expires_at"`
	} `json:"secrets"`
	etag string
}

func (k createdKey) path() string { return "/v1/api-keys/" + k.ClientID }

// create makes a key.
func (c *caller) create(name string, scopes ...string) createdKey {
	c.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"lighthouse.workspaces:readonly"}
	}
	return c.post("/v1/api-keys", map[string]any{"name": name, "scopes": scopes}).wants(http.StatusCreated).key()
}

// token exchanges client credentials for an access token.
func (c *caller) token(clientID, secret string) string {
	c.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}}
	a := c.do("POST", "/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())).wants(http.StatusOK)
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	a.decode(&issued)
	return issued.AccessToken
}

// exchanges reports whether client credentials are accepted.
func (c *caller) exchanges(clientID, secret string) bool {
	c.t.Helper()
	return c.post("/auth", map[string]string{"client_id": clientID, "client_secret": secret}).StatusCode == http.StatusCreated
}

// wants fails the test unless the answer has this status.
func (a answer) wants(status int) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s %s: got %d, want %d: %s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	return a
}

// refused fails the test unless the answer is a problem with this status and code.
func (a answer) refused(status int, code string) problem {
	a.t.Helper()
	a.wants(status)
	var p problem
	a.decode(&p)
	if a.Header.Get("Content-Type") != "application/problem+json" || p.Status != status || p.Code != code {
		a.t.Fatalf("%s %s: want code %s: %s", a.Request.Method, a.Request.URL, code, a.body)
	}
	return p
}

type problem struct {
	Status int                               `json:"status"`
	Code   string                            `json:"code"`
	Detail string                            `json:"detail"`
	Errors []struct{ Field, Message string } `json:"errors"`
}

// fields returns the errors as "field message", one a line.
func (p problem) fields() string {
	lines := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		lines[i] = e.Field + " " + e.Message
	}
	return strings.Join(lines, "\n")
}

func (a answer) decode(into any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
}

// key returns the key of the answer.
func (a answer) key() createdKey {
	a.t.Helper()
	var k createdKey
	a.decode(&k)
	k.etag = a.Header.Get("ETag")
	return k
}

// names returns the names of the listed keys, in order.
func (a answer) names() string {
	a.t.Helper()
	var page struct{ Items []createdKey }
	a.wants(http.StatusOK).decode(&page)
	names := make([]string, len(page.Items))
	for i, k := range page.Items {
		names[i] = k.Name
	}
	return strings.Join(names, ",")
}

// cookie returns the session cookie that the answer sets.
func (a answer) cookie() *http.Cookie {
	a.t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == "apikeys_session" {
			return c
		}
	}
	a.t.Fatal("the answer sets no session cookie")
	return nil
}
