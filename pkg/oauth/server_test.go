package oauth_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
	"github.com/piercloud/apikeys/pkg/token"
	"github.com/piercloud/apikeys/pkg/usage"
)

const (
	acme  = "00000000-0000-4000-8000-000000000001"
	other = "00000000-0000-4000-8000-000000000002"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock returns the time that the test has set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture holds the authorization server on a SQLite database with three tenancies.
type fixture struct {
	*oauth.Server
	*clock
	keys  *apikey.Service
	box   *sealed.Box
	store *counting
	uses  *noting
	stale bool // makes the caches act as if the log could not be read in time
}

// counting counts the reads of the database that issuing and verifying tokens cause.
type counting struct {
	*sqlstore.Store
	mu      sync.Mutex
	lookups int    // of clients
	loads   int    // of the signing keys
	held    func() // called after a client was read, before it is returned; nil for nothing
	down    string // the part that can't be read: clients, signing keys or revoked tokens
}

// unavailable returns an error if this part can't be read.
func (s *counting) unavailable(part string) error {
	if s.down == part {
		return apikey.ErrUnavailable
	}
	return nil
}

func (s *counting) Lookup(ctx context.Context, clientID string) (apikey.Client, error) {
	s.mu.Lock()
	s.lookups++
	s.mu.Unlock()
	client, err := s.Store.Lookup(ctx, clientID)
	if s.held != nil {
		s.held()
	}
	return client, cmp.Or(err, s.unavailable("clients"))
}

func (s *counting) TokenRevoked(ctx context.Context, id string) (bool, error) {
	revoked, err := s.Store.TokenRevoked(ctx, id)
	return revoked, cmp.Or(err, s.unavailable("revoked tokens"))
}

func (s *counting) SigningKeys(ctx context.Context) ([]signing.Record, error) {
	s.mu.Lock()
	s.loads++
	s.mu.Unlock()
	records, err := s.Store.SigningKeys(ctx)
	return records, cmp.Or(err, s.unavailable("signing keys"))
}

// noting counts the calls of the recorder.
type noting struct {
	*usage.Recorder
	issued, denied atomic.Int32
}

func (n *noting) Issued(clientID, secretID, ip string) {
	n.issued.Add(1)
	n.Recorder.Issued(clientID, secretID, ip)
}

func (n *noting) Denied(clientID, reason, ip, requestID string) {
	n.denied.Add(1)
	n.Recorder.Denied(clientID, reason, ip, requestID)
}

func newFixture(t testing.TB, options ...oauth.Options) *fixture {
	t.Helper()
	store := sqlstoretest.Open(t, sqlstoretest.SQLite(t))
	for _, id := range []string{operator.PlatformTenancyID, acme, other} {
		event := eventlog.Draft{At: start, TenancyID: id, Action: eventlog.TenancyCreated}
		if err := store.CreateTenancy(t.Context(), operator.Tenancy{ID: id, Name: id, CreatedAt: start}, event); err != nil {
			t.Fatal(err)
		}
	}
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{clock: &clock{now: start}, box: box, store: &counting{Store: store}}
	fresh := func() bool { return !f.stale }
	keyring, err := signing.NewKeyring(f.store, box, fresh, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	cache := apikey.NewCache(f.store, fresh)
	f.keys = apikey.NewService(f.store, scope.DefaultCatalogue(), box, cache.Drop, f.Now)
	f.uses = &noting{Recorder: usage.NewRecorder(store, f.Now)}
	revoked := revocation.NewTokens(f.store, revocation.NewSet(store, f.Now), fresh, func() {})
	issuer := token.NewIssuer(keyring, "https://keys.example.com", "https://api.example.com", f.Now)
	var o oauth.Options
	if len(options) > 0 {
		o = options[0]
	}
	observe := o.Observe
	o.Observe = func(outcome string) {
		if !slices.Contains(oauth.Outcomes, outcome) {
			t.Errorf("the outcome %q is not among those that there are", outcome)
		}
		if observe != nil {
			observe(outcome)
		}
	}
	f.Server = oauth.NewServer(cache, issuer, revoked, f.uses, o, f.Now)
	return f
}

func ana(tenancy string) apikey.Caller {
	return apikey.Caller{TenancyID: tenancy, Actor: eventlog.Actor{Kind: eventlog.ActorOperator, ID: "ana", Name: "ana@example.com"}}
}

func (f *fixture) create(t testing.TB, tenancy, name string, scopes ...string) apikey.Created {
	t.Helper()
	created, err := f.keys.Create(t.Context(), ana(tenancy), apikey.Draft{Name: name, Scopes: scopes, Lifespan: apikey.DefaultLifespan}, "")
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func request(c apikey.Created, scope string) oauth.TokenRequest {
	return oauth.TokenRequest{
		GrantType: oauth.ClientCredentials, ClientID: c.Key.ClientID, ClientSecret: c.Secret, Scope: scope, IP: "192.0.2.1", RequestID: "request",
	}
}

func (f *fixture) issue(t testing.TB, c apikey.Created) string {
	t.Helper()
	response, err := f.Token(t.Context(), request(c, ""))
	if err != nil {
		t.Fatal(err)
	}
	return response.AccessToken
}

// codeOf returns the OAuth error code.
func codeOf(err error) oauth.Code {
	var answer *oauth.Error
	if !errors.As(err, &answer) {
		return ""
	}
	return answer.Code
}

func TestATokenIsIssuedForClientCredentials(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "spot:editor", "cca:admin")
	response, err := f.Token(t.Context(), request(c, ""))
	if err != nil {
		t.Fatal(err)
	}
	if response.Scope != "cca:admin spot:editor" || response.ExpiresIn != time.Hour {
		t.Errorf("the response is of scope %q for %v", response.Scope, response.ExpiresIn)
	}
	claims, err := f.VerifyActive(t.Context(), response.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims.ClientID != c.Key.ClientID || claims.TenancyID != acme || claims.Scopes.String() != response.Scope || claims.Generation != 1 ||
		!claims.IssuedAt.Equal(start) || !claims.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("the claims are %+v", claims)
	}
}

func TestATokenLivesAsLongAsItsKeySays(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	minutes, unit := 55, apikey.Minutes
	if _, err := f.keys.Update(t.Context(), ana(acme), c.Key.ClientID, nil, apikey.Patch{LifespanValue: &minutes, LifespanUnit: &unit}); err != nil {
		t.Fatal(err)
	}
	response, err := f.Token(t.Context(), request(c, ""))
	if err != nil || response.ExpiresIn != 55*time.Minute {
		t.Fatalf("it lives for %v, %v", response.ExpiresIn, err)
	}
	f.advance(55*time.Minute - 1)
	if _, err := f.VerifyActive(t.Context(), response.AccessToken); err != nil {
		t.Errorf("before its end: %v", err)
	}
	f.advance(1)
	if _, err := f.VerifyActive(t.Context(), response.AccessToken); !errors.Is(err, oauth.ErrInvalidToken) {
		t.Errorf("at its end: %v", err)
	}
}

func TestAScopeMayBeASubsetOrNarrower(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:editor", "lighthouse:admin", "spot:readonly")
	granted := map[string]string{
		"":                                   "cca:editor lighthouse:admin spot:readonly",
		"cca:editor":                         "cca:editor",
		"spot:readonly cca:editor":           "cca:editor spot:readonly",
		"cca:editor cca:editor":              "cca:editor",
		"cca:readonly":                       "cca:readonly",
		"lighthouse.drafts:editor":           "lighthouse.drafts:editor",
		"lighthouse:readonly spot:readonly":  "lighthouse:readonly spot:readonly",
		"lighthouse.workspaces:readonly":     "lighthouse.workspaces:readonly",
		"cca:editor cca:readonly":            "cca:editor cca:readonly",
		"lighthouse:admin lighthouse:editor": "lighthouse:admin lighthouse:editor",
	}
	for asked, want := range granted {
		response, err := f.Token(t.Context(), request(c, asked))
		if err != nil || response.Scope != want {
			t.Errorf("%q is granted as %q, %v", asked, response.Scope, err)
			continue
		}
		if claims, err := f.VerifyActive(t.Context(), response.AccessToken); err != nil || claims.Scopes.String() != want {
			t.Errorf("%q is in the token as %q, %v", asked, claims.Scopes, err)
		}
	}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("lighthouse.feature-%d:readonly", i))
	}
	refused := []string{
		"cca:admin", "spot:editor", "autofix:readonly", "cca:editor spot:editor", "cca", "openid", "*", " ", "cca:editor ", " cca:editor",
		"cca:editor  spot:readonly", "cca:editor,spot:readonly", "cca:editor\n", "CCA:editor", "cca:\x00editor", strings.Repeat("cca:editor ", 10_000) + "x",
		strings.Join(many, " "),
	}
	for _, asked := range refused {
		response, err := f.Token(t.Context(), request(c, asked))
		if codeOf(err) != oauth.InvalidScope || response != (oauth.TokenResponse{}) || len(err.Error()) > 300 {
			t.Errorf("%.40q: %v", asked, err)
		}
	}
	if response, err := f.Token(t.Context(), request(c, strings.Join(many[:100], " "))); err != nil {
		t.Errorf("100 scopes: %v", err)
	} else if _, err := f.VerifyActive(t.Context(), response.AccessToken); err != nil {
		t.Errorf("a token with 100 scopes: %v", err)
	}
}

func TestOnlyClientCredentialsAreAGrant(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	for _, grant := range []string{"", "authorization_code", "password", "refresh_token", "CLIENT_CREDENTIALS", "client_credentials "} {
		r := request(c, "")
		r.GrantType = grant
		if _, err := f.Token(t.Context(), r); codeOf(err) != oauth.UnsupportedGrantType {
			t.Errorf("%q: %v", grant, err)
		}
	}
}

func TestEveryRefusedClientGetsTheSameAnswer(t *testing.T) {
	f := newFixture(t)
	active, inactive, deleted := f.create(t, acme, "A", "cca:admin"), f.create(t, acme, "B", "cca:admin"), f.create(t, acme, "C", "cca:admin")
	if _, err := f.keys.Deactivate(t.Context(), ana(acme), inactive.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.keys.Delete(t.Context(), ana(acme), deleted.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	wrong, unknown := active, active
	wrong.Secret, unknown.Key.ClientID = apikey.NewSecret(), apikey.NewClientID()
	_, expected := f.Token(t.Context(), request(unknown, ""))
	if codeOf(expected) != oauth.InvalidClient {
		t.Fatalf("an unknown client: %v", expected)
	}
	for name, c := range map[string]apikey.Created{"inactive": inactive, "deleted": deleted, "wrong secret": wrong, "nothing": {}} {
		for _, scopes := range []string{"", "cca:admin", "malformed"} { // the scope is checked only after the client was authenticated
			response, err := f.Token(t.Context(), request(c, scopes))
			if codeOf(err) != oauth.InvalidClient || err.Error() != expected.Error() || response != (oauth.TokenResponse{}) {
				t.Errorf("%s with scope %q: %v", name, scopes, err)
			}
		}
		if _, err := f.Inquirer(t.Context(), c.Key.ClientID, c.Secret, "192.0.2.1"); codeOf(err) != oauth.InvalidClient || err.Error() != expected.Error() {
			t.Errorf("%s as inquirer: %v", name, err)
		}
	}
}

func TestATokenDiesWithWhatItWasIssuedFor(t *testing.T) {
	type call func(f *fixture, c apikey.Created) error
	deactivate := func(f *fixture, c apikey.Created) error {
		_, err := f.keys.Deactivate(context.Background(), ana(acme), c.Key.ClientID, nil)
		return err
	}
	activate := func(f *fixture, c apikey.Created) error {
		_, err := f.keys.Activate(context.Background(), ana(acme), c.Key.ClientID, nil)
		return err
	}
	rotate := func(grace time.Duration) call {
		return func(f *fixture, c apikey.Created) error {
			_, err := f.keys.RotateSecret(context.Background(), ana(acme), c.Key.ClientID, nil, grace)
			return err
		}
	}
	tests := map[string]struct {
		calls []call
		lives bool
	}{
		"deactivate":              {[]call{deactivate}, false},
		"deactivate and activate": {[]call{deactivate, activate}, false},
		"rotate now":              {[]call{rotate(0)}, false},
		"rotate with grace":       {[]call{rotate(time.Hour)}, true},
		"revoke tokens": {[]call{func(f *fixture, c apikey.Created) error {
			_, err := f.keys.RevokeTokens(context.Background(), ana(acme), c.Key.ClientID, nil)
			return err
		}}, false},
		"delete": {[]call{func(f *fixture, c apikey.Created) error {
			return f.keys.Delete(context.Background(), ana(acme), c.Key.ClientID, nil)
		}}, false},
		"edit": {[]call{func(f *fixture, c apikey.Created) error {
			_, err := f.keys.Update(context.Background(), ana(acme), c.Key.ClientID, nil, apikey.Patch{Scopes: &[]string{"spot:admin"}})
			return err
		}}, true},
		"activate what is active": {[]call{activate}, true},
		"nothing":                 {nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			c := f.create(t, acme, "Acme", "cca:admin")
			raw := f.issue(t, c)
			if _, err := f.VerifyActive(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			for _, call := range test.calls {
				if err := call(f, c); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := f.VerifyActive(t.Context(), raw); (err == nil) != test.lives || err != nil && !errors.Is(err, oauth.ErrInvalidToken) {
				t.Errorf("then: %v", err)
			}
		})
	}
}

func TestATokenOfAKeyThatNeverWasIsInvalid(t *testing.T) {
	f, elsewhere := newFixture(t), newFixture(t)
	raw := elsewhere.issue(t, elsewhere.create(t, acme, "Acme", "cca:admin"))
	for _, text := range []string{raw, "", "token", strings.Repeat("x", 1<<20)} {
		if _, err := f.VerifyActive(t.Context(), text); !errors.Is(err, oauth.ErrInvalidToken) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestAWarmKeyCostsNoDatabase(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	raw := f.issue(t, c)
	before := f.store.lookups
	for range 10 {
		f.issue(t, c)
		if _, err := f.VerifyActive(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	if f.store.lookups != before {
		t.Errorf("%d keys were read", f.store.lookups-before)
	}
}

func TestIssuedAndDeniedAreNoted(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	f.issue(t, c)
	f.issue(t, c)
	wrong := c
	wrong.Secret = apikey.NewSecret()
	unknown := c
	unknown.Key.ClientID = apikey.NewClientID()
	for _, r := range []oauth.TokenRequest{request(wrong, ""), request(c, "spot:admin"), request(unknown, "")} {
		if _, err := f.Token(t.Context(), r); err == nil {
			t.Fatal("not refused")
		}
	}
	// Nothing is noted for a client that does not exist: strangers could invent any number of them.
	if issued, denied := f.uses.issued.Load(), f.uses.denied.Load(); issued != 2 || denied != 2 {
		t.Errorf("%d issued tokens and %d denials are noted", issued, denied)
	}
	if err := f.uses.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	service := usage.NewService(f.store, f.Now)
	denials, err := service.Denials(t.Context(), acme, c.Key.ClientID)
	if err != nil || len(denials) != 2 {
		t.Fatalf("%d denials, %v", len(denials), err)
	}
	reasons := map[string]bool{denials[0].Reason: true, denials[1].Reason: true}
	if !reasons[string(apikey.WrongSecret)] || !reasons[oauth.ScopeNotGranted] || denials[0].IP != "192.0.2.1" || denials[0].RequestID != "request" {
		t.Errorf("the denials are %+v", denials)
	}
	key, err := f.keys.Get(t.Context(), ana(acme), c.Key.ClientID)
	if err != nil || !key.LastUsedAt.Equal(start) || key.Secrets[0].LastUsedIP != "192.0.2.1" {
		t.Errorf("last used at %v from %q, %v", key.LastUsedAt, key.Secrets[0].LastUsedIP, err)
	}
}

func BenchmarkToken(b *testing.B) {
	f := newFixture(b)
	r := request(f.create(b, acme, "Acme", "cca:admin"), "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Token(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
