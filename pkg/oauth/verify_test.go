package oauth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/signing"
)

func (f *fixture) inquirer(t testing.TB, c apikey.Created) oauth.Inquirer {
	t.Helper()
	i, err := f.Inquirer(t.Context(), c.Key.ClientID, c.Secret, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestIntrospectionTellsOnlyWhatTheInquirerMaySee(t *testing.T) {
	f := newFixture(t)
	const reader, plain = "settings.tokens:readonly", "cca:admin"
	own := f.create(t, acme, "Own", plain)
	colleague := f.create(t, acme, "Colleague", plain)
	auditor := f.create(t, acme, "Auditor", reader)
	owner := f.create(t, acme, "Owner", "settings:admin") // covers the reader's scope
	neighbour := f.create(t, other, "Neighbour", reader)
	gateway := f.create(t, operator.PlatformTenancyID, "Gateway", reader)
	platform := f.create(t, operator.PlatformTenancyID, "Platform", plain)
	raw := f.issue(t, own)

	tests := map[string]struct {
		inquirer oauth.Inquirer
		sees     bool
	}{
		"the key itself":                           {f.inquirer(t, own), true},
		"another key of the tenancy":               {f.inquirer(t, colleague), false},
		"a key with the scope":                     {f.inquirer(t, auditor), true},
		"a key whose scope covers it":              {f.inquirer(t, owner), true},
		"a key with the scope, of elsewhere":       {f.inquirer(t, neighbour), false},
		"a key with the scope, of the platform":    {f.inquirer(t, gateway), true},
		"a key without the scope, of the platform": {f.inquirer(t, platform), false},
		"an operator of the tenancy":               {oauth.Inquirer{TenancyID: acme}, true},
		"an operator of elsewhere":                 {oauth.Inquirer{TenancyID: other}, false},
	}
	for name, test := range tests {
		claims, err := f.Introspect(t.Context(), test.inquirer, raw)
		if test.sees != (err == nil) || err != nil && !errors.Is(err, oauth.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
		if test.sees && claims.ClientID != own.Key.ClientID {
			t.Errorf("%s sees %+v", name, claims)
		}
	}
	if _, err := f.keys.Deactivate(t.Context(), ana(acme), own.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	for name, inquirer := range map[string]oauth.Inquirer{"the tenancy's": f.inquirer(t, auditor), "the platform's": f.inquirer(t, gateway)} {
		for _, text := range []string{raw, "token", ""} {
			if _, err := f.Introspect(t.Context(), inquirer, text); !errors.Is(err, oauth.ErrInvalidToken) {
				t.Errorf("%s key asks about %.20q, when the key is inactive: %v", name, text, err)
			}
		}
	}
}

// TestWithoutAPartOfTheDatabaseNothingIsDecided: while the log can't be read in time and a part of the database can't be read
// either, a token is neither accepted nor refused.
func TestWithoutAPartOfTheDatabaseNothingIsDecided(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	own, raw := f.inquirer(t, c), f.issue(t, c)
	f.stale = true
	verify := func() error {
		_, err := f.VerifyActive(t.Context(), raw)
		return err
	}
	revoke := func() error { return f.Revoke(t.Context(), own, raw) }
	token := func() error {
		_, err := f.Token(t.Context(), request(c, ""))
		return err
	}
	inquirer := func() error {
		_, err := f.Inquirer(t.Context(), c.Key.ClientID, c.Secret, "192.0.2.1")
		return err
	}
	for part, decisions := range map[string]map[string]func() error{
		"clients":        {"verify": verify, "revoke": revoke, "token": token, "inquirer": inquirer},
		"signing keys":   {"verify": verify, "revoke": revoke, "token": token},
		"revoked tokens": {"verify": verify, "revoke": revoke},
	} {
		f.advance(eventlog.StalenessMax + 1)
		f.store.down = part
		for name, decide := range decisions {
			if err := decide(); !errors.Is(err, apikey.ErrUnavailable) {
				t.Errorf("without %s, %s: %v", part, name, err)
			}
		}
		f.store.down = ""
		if err := verify(); err != nil {
			t.Errorf("%s are back: %v", part, err)
		}
	}
}

func TestARevokedTokenDiesAlone(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	first, second := f.issue(t, c), f.issue(t, c)
	if err := f.Revoke(t.Context(), f.inquirer(t, c), first); err != nil {
		t.Fatal(err)
	}
	if _, err := f.VerifyActive(t.Context(), first); !errors.Is(err, oauth.ErrInvalidToken) {
		t.Errorf("the revoked one: %v", err)
	}
	if _, err := f.VerifyActive(t.Context(), second); err != nil {
		t.Errorf("another one: %v", err)
	}
	events, err := f.store.After(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	event := events[len(events)-1]
	claims, err := f.VerifyActive(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if event.Action != eventlog.TokenRevoked || event.TenancyID != acme || event.Actor.ID != c.Key.ClientID || event.Revokes == nil ||
		event.Revokes.ClientID != c.Key.ClientID || event.Revokes.TokenID == "" || event.Revokes.TokenID == claims.TokenID ||
		!event.Revokes.ExpiresAt.Equal(start.Add(time.Hour)) || strings.Contains(string(event.After), first) {
		t.Errorf("the event is %+v, revoking %+v", event.Draft, event.Revokes)
	}
	if err := f.Revoke(t.Context(), f.inquirer(t, c), first); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if again, err := f.store.After(t.Context(), event.Seq, 10); err != nil || len(again) > 0 {
		t.Errorf("a second time it left %d events, %v", len(again), err)
	}
}

func TestOnlyItsClientOrAnOperatorRevokesAToken(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	raw := f.issue(t, c)
	for name, inquirer := range map[string]oauth.Inquirer{
		"another key":              f.inquirer(t, f.create(t, acme, "Colleague", "settings:admin")),
		"another tenancy's key":    f.inquirer(t, f.create(t, other, "Neighbour", "cca:admin")),
		"the platform's key":       f.inquirer(t, f.create(t, operator.PlatformTenancyID, "Gateway", "settings:admin")),
		"an operator of elsewhere": {TenancyID: other},
	} {
		if err := f.Revoke(t.Context(), inquirer, raw); codeOf(err) != oauth.UnauthorizedClient {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.VerifyActive(t.Context(), raw); err != nil {
		t.Fatalf("after refused revocations: %v", err)
	}
	if err := f.Revoke(t.Context(), oauth.Inquirer{TenancyID: acme, Actor: ana(acme).Actor}, raw); err != nil {
		t.Errorf("an operator of the tenancy: %v", err)
	}
	if _, err := f.VerifyActive(t.Context(), raw); !errors.Is(err, oauth.ErrInvalidToken) {
		t.Errorf("after revocation: %v", err)
	}
}

// TestRevokingWhatIsNoTokenIsNoError: an invalid token needs no revocation, and is not an error (RFC 7009 §2.2).
func TestRevokingWhatIsNoTokenIsNoError(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	i, raw := f.inquirer(t, c), f.issue(t, c)
	f.advance(time.Hour)
	for _, text := range []string{"", "token", raw} {
		if err := f.Revoke(t.Context(), i, text); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestWhileTheLogCantBeReadSigningKeysAreNotTrustedForLong: a replica that does not learn from the log that a signing key was
// revoked finds out in the database, which it reads once for many tokens.
func TestWhileTheLogCantBeReadSigningKeysAreNotTrustedForLong(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	old := f.issue(t, c)
	f.stale = true
	another, err := signing.NewKeyring(f.store, f.box, nil, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := another.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	revoked, err := another.Signer()
	if err != nil {
		t.Fatal(err)
	}
	if err := another.Revoke(t.Context(), revoked.KID, ana(acme).Actor); err != nil {
		t.Fatal(err)
	}
	f.advance(eventlog.StalenessMax + 1)
	f.store.loads = 0
	for range 3 {
		if _, err := f.VerifyActive(t.Context(), old); !errors.Is(err, oauth.ErrInvalidToken) {
			t.Errorf("a token of the revoked key: %v", err)
		}
		if _, err := f.VerifyActive(t.Context(), f.issue(t, c)); err != nil {
			t.Errorf("a new token: %v", err)
		}
	}
	if f.store.loads != 1 {
		t.Errorf("the signing keys were read %d times", f.store.loads)
	}
}

// TestADecisionThatWasHeldUpIsMadeAgain suspends the process, or delays the database's answer, after the key was read.
func TestADecisionThatWasHeldUpIsMadeAgain(t *testing.T) {
	for name, decide := range map[string]func(f *fixture, c apikey.Created, token string) error{
		"token": func(f *fixture, c apikey.Created, _ string) error {
			_, err := f.Token(t.Context(), request(c, ""))
			return err
		},
		"verify": func(f *fixture, _ apikey.Created, token string) error {
			_, err := f.VerifyActive(t.Context(), token)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			c := f.create(t, acme, "Acme", "cca:admin")
			token := f.issue(t, c)
			f.stale = true // the log can't be read, so each decision reads the key from the database
			for _, step := range []struct {
				held time.Duration
				want int // lookups of the key
				err  error
			}{{250 * time.Millisecond, 1, nil}, {250*time.Millisecond + 1, 3, apikey.ErrUnavailable}} {
				f.store.lookups, f.store.held = 0, func() { f.advance(step.held) }
				if err := decide(f, c, token); !errors.Is(err, step.err) || f.store.lookups != step.want {
					t.Errorf("held up for %v: asked %d times, %v", step.held, f.store.lookups, err)
				}
			}
			f.store.held = func() {
				f.store.held = nil
				f.advance(time.Minute)
				if _, err := f.keys.Deactivate(t.Context(), ana(acme), c.Key.ClientID, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := decide(f, c, token); codeOf(err) != oauth.InvalidClient && !errors.Is(err, oauth.ErrInvalidToken) {
				t.Errorf("the key ended meanwhile: %v", err)
			}
		})
	}
}

// TestARefusalThatWasHeldUpStands: it does no harm that a refusal is based on old data, and a second decision would be counted
// again.
func TestARefusalThatWasHeldUpStands(t *testing.T) {
	f := newFixture(t)
	c := f.create(t, acme, "Acme", "cca:admin")
	raw := f.issue(t, c)
	if _, err := f.keys.RevokeTokens(t.Context(), ana(acme), c.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	f.stale = true // each decision asks the database
	f.store.held = func() { f.advance(time.Second) }
	c.Secret = apikey.NewSecret()
	f.store.lookups = 0
	if _, err := f.Token(t.Context(), request(c, "")); codeOf(err) != oauth.InvalidClient || f.store.lookups != 1 {
		t.Errorf("a wrong secret: asked %d times, %v", f.store.lookups, err)
	}
	f.store.lookups = 0
	if _, err := f.VerifyActive(t.Context(), raw); !errors.Is(err, oauth.ErrInvalidToken) || f.store.lookups != 1 {
		t.Errorf("a dead token: asked %d times, %v", f.store.lookups, err)
	}
}

// TestARequestThatIsDecidedAgainIsNotRefusedForItself: the first decision used up the address's limit, which must not make the
// second one refuse the same request.
func TestARequestThatIsDecidedAgainIsNotRefusedForItself(t *testing.T) {
	f := newFixture(t, oauth.Options{Limits: limit.Config{TokenAddress: limit.Rate{Requests: 1, Window: time.Hour}}})
	c := f.create(t, acme, "Acme", "cca:admin")
	f.stale = true
	f.store.held = func() {
		f.store.held = nil
		f.advance(time.Second)
	}
	if _, err := f.Token(t.Context(), request(c, "")); err != nil {
		t.Errorf("held up once: %v", err)
	}
	var exceeded *limit.ExceededError
	if _, err := f.Token(t.Context(), request(c, "")); !errors.As(err, &exceeded) {
		t.Errorf("the next of the address: %v", err)
	}
}

// TestARequestThatIsDecidedAgainCountsOnce: it is counted once, both against the limit and as a use of the key.
func TestARequestThatIsDecidedAgainCountsOnce(t *testing.T) {
	f := newFixture(t, oauth.Options{Limits: limit.Config{TokenClient: limit.Rate{Requests: 2, Window: time.Hour}}})
	c := f.create(t, acme, "Acme", "cca:admin")
	f.stale = true // each decision asks the database
	f.store.held = func() { f.advance(time.Second) }
	if _, err := f.Token(t.Context(), request(c, "")); !errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("held up each time: %v", err)
	}
	if err := f.uses.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k, err := f.store.Get(t.Context(), acme, c.Key.ClientID); err != nil || !k.LastUsedAt.IsZero() {
		t.Errorf("nobody got a token, and the key was used at %v; %v", k.LastUsedAt, err)
	}
	f.store.held = func() {
		f.store.held = nil
		f.advance(time.Second)
	}
	if r, err := f.Token(t.Context(), request(c, "")); err != nil || r.Standing.Remaining != 0 {
		t.Errorf("held up once, %d requests remain; %v", r.Standing.Remaining, err)
	}
	if err := f.uses.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k, err := f.store.Get(t.Context(), acme, c.Key.ClientID); err != nil || k.LastUsedAt.IsZero() {
		t.Errorf("the key was never used; %v", err)
	}
}
