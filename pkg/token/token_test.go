package token_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
	"github.com/piercloud/apikeys/pkg/token"
)

const (
	issuerURL = "https://keys.example.com"
	audience  = "https://api.example.com"
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

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// fixture holds an issuer with a keyring on a SQLite database.
type fixture struct {
	*token.Issuer
	clock
	keyring *signing.Keyring
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	store := sqlstoretest.Open(t, sqlstoretest.SQLite(t))
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{}
	f.set(start.Add(123456789))
	if f.keyring, err = signing.NewKeyring(store, box, nil, f.Now); err != nil {
		t.Fatal(err)
	}
	if err := f.keyring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	f.Issuer = f.issuer(issuerURL, audience)
	return f
}

// issuer returns another issuer with the same signing keys.
func (f *fixture) issuer(url, audience string) *token.Issuer {
	return token.NewIssuer(f.keyring, url, audience, f.Now)
}

func grant() token.Grant {
	return token.Grant{
		ClientID: "ak_client", TenancyID: "tenancy", Scopes: scope.NewSet("cca:admin", "lighthouse.drafts:readonly"), Generation: 7,
		Lifespan: time.Hour,
	}
}

// fataler is what testing.TB and rapid.T have in common.
type fataler interface {
	Context() context.Context
	Helper()
	Fatal(...any)
}

func prepare(t fataler, i *token.Issuer, g token.Grant) *token.Prepared {
	t.Helper()
	p, err := i.Prepare(g)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *fixture) issue(t fataler, g token.Grant) string {
	t.Helper()
	raw, err := f.Issue(t.Context(), prepare(t, f.Issuer, g))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// parts decodes the header and the claims of a token.
func parts(t testing.TB, raw string) (header, claims map[string]any) {
	t.Helper()
	encoded := strings.Split(raw, ".")
	if len(encoded) != 3 {
		t.Fatalf("the token has %d parts", len(encoded))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.Strict().DecodeString(encoded[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestTokenSaysWhatRFC9068Asks(t *testing.T) {
	f := newFixture(t)
	key, err := f.keyring.Signer()
	if err != nil {
		t.Fatal(err)
	}
	header, claims := parts(t, f.issue(t, grant()))
	if want := (map[string]any{"alg": "ES256", "kid": key.KID, "typ": "at+jwt"}); !reflect.DeepEqual(header, want) {
		t.Errorf("the header is %v, want %v", header, want)
	}
	id, ok := claims["jti"].(string)
	if !ok || len(id) < 22 {
		t.Errorf("the jti is %v", claims["jti"])
	}
	delete(claims, "jti")
	issued := float64(start.Unix())
	want := map[string]any{
		"iss": issuerURL, "aud": audience, "sub": "ak_client", "client_id": "ak_client", "tenancy_id": "tenancy",
		"scope": "cca:admin lighthouse.drafts:readonly", "iat": issued, "nbf": issued, "exp": issued + 3600, "gen": 7.0,
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("the claims are\n%v\nwant\n%v", claims, want)
	}
}

// TestTokenNamesItsPlaceInAStatusList: as draft-ietf-oauth-status-list §6.2 defines it. Such a token is read like any other.
func TestTokenNamesItsPlaceInAStatusList(t *testing.T) {
	f := newFixture(t)
	g := grant()
	g.Status = token.Status{ListURI: issuerURL + "/oauth2/status-lists/0", Index: 412}
	raw := f.issue(t, g)
	_, claims := parts(t, raw)
	want := map[string]any{"status_list": map[string]any{"idx": 412.0, "uri": "https://keys.example.com/oauth2/status-lists/0"}}
	if !reflect.DeepEqual(claims["status"], want) {
		t.Errorf("the status is %v, want %v", claims["status"], want)
	}
	if read, err := f.Read(t.Context(), raw); err != nil || read.ClientID != g.ClientID {
		t.Errorf("read as %+v, %v", read, err)
	}
}

func TestEveryTokenHasAnIDOfItsOwn(t *testing.T) {
	f := newFixture(t)
	seen := map[any]bool{}
	for range 200 {
		_, claims := parts(t, f.issue(t, grant()))
		if seen[claims["jti"]] {
			t.Fatalf("%v occurs twice", claims["jti"])
		}
		seen[claims["jti"]] = true
	}
}

func (f *fixture) keySet(t testing.TB) jwk.Set {
	t.Helper()
	text, err := f.keyring.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestOtherLibrariesVerifyTokensByThePublishedKeys(t *testing.T) {
	f := newFixture(t)
	// Two keys are published, and both have signed.
	tokens := []string{f.issue(t, grant())}
	if err := f.keyring.Rotate(t.Context(), 0, eventlog.Actor{}); err != nil {
		t.Fatal(err)
	}
	tokens = append(tokens, f.issue(t, grant()))
	set := f.keySet(t)
	if set.Len() != 2 {
		t.Fatalf("%d keys are published", set.Len())
	}
	var keys []crypto.PublicKey
	for i := range set.Len() {
		key, _ := set.Key(i)
		var public ecdsa.PublicKey
		if err := key.Raw(&public); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, &public)
	}
	verifier := oidc.NewVerifier(issuerURL, &oidc.StaticKeySet{PublicKeys: keys}, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}, Now: f.Now,
	})
	for i, raw := range tokens {
		parsed, err := jwt.Parse([]byte(raw), jwt.WithKeySet(set), jwt.WithValidate(true), jwt.WithIssuer(issuerURL), jwt.WithAudience(audience),
			jwt.WithClock(jwt.ClockFunc(f.Now)))
		if err != nil || parsed.Subject() != "ak_client" || !parsed.Expiration().Equal(start.Add(time.Hour)) {
			t.Errorf("token %d by jwx: %v", i, err)
		}
		verified, err := verifier.Verify(context.Background(), raw)
		if err != nil || verified.Subject != "ak_client" || !verified.Expiry.Equal(start.Add(time.Hour)) {
			t.Errorf("token %d by go-oidc: %v", i, err)
		}
		if _, err := f.Read(t.Context(), raw); err != nil {
			t.Errorf("token %d by its issuer: %v", i, err)
		}
	}
}

func TestReadReturnsWhatWasIssued(t *testing.T) {
	f := newFixture(t)
	key, err := f.keyring.Signer()
	if err != nil {
		t.Fatal(err)
	}
	names := rapid.StringMatching(`[A-Za-z0-9_]{1,30}`)
	scopes := rapid.SliceOfN(rapid.SampledFrom([]scope.Scope(scope.DefaultCatalogue().Scopes())), 0, 46)
	rapid.Check(t, func(t *rapid.T) {
		g := token.Grant{
			ClientID: names.Draw(t, "client"), TenancyID: names.Draw(t, "tenancy"), Scopes: scope.NewSet(scopes.Draw(t, "scopes")...),
			Generation: rapid.Int64Min(1).Draw(t, "generation"), Lifespan: time.Duration(rapid.IntRange(1, 1440).Draw(t, "minutes")) * time.Minute,
		}
		raw := f.issue(t, g)
		for range 2 { // verified the first time, remembered the second
			claims, err := f.Read(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if claims.TokenID == "" {
				t.Fatal("the token has no id")
			}
			want := token.Claims{
				Issuer: issuerURL, Audience: audience, ClientID: g.ClientID, TenancyID: g.TenancyID, Scopes: claims.Scopes, Generation: g.Generation,
				Scope: g.Scopes.String(), TokenID: claims.TokenID, KeyID: key.KID, IssuedAt: start, ExpiresAt: start.Add(g.Lifespan),
			}
			if !reflect.DeepEqual(claims, want) || claims.Scopes.String() != g.Scopes.String() {
				t.Fatalf("read as %+v, want %+v", claims, want)
			}
		}
	})
}

func TestReadHonoursATokenFromItsIssueToItsExpiry(t *testing.T) {
	f := newFixture(t)
	raw := f.issue(t, grant())
	steps := []struct {
		at      time.Time
		honours bool
	}{
		{start, true},
		{start.Add(time.Hour - 1), true},
		{start.Add(time.Hour), false},
		{start.AddDate(1, 0, 0), false},
		{start.Add(-10 * time.Second), true}, // on a replica whose clock is behind
		{start.Add(-11 * time.Second), false},
		{start.Add(30 * time.Minute), true},
	}
	for name, reader := range map[string]*token.Issuer{"which knows it": f.Issuer, "which does not": nil} {
		for _, step := range steps {
			f.set(step.at)
			if name == "which does not" {
				reader = f.issuer(issuerURL, audience)
			}
			if _, err := reader.Read(t.Context(), raw); (err == nil) != step.honours || err != nil && !errors.Is(err, token.ErrInvalid) {
				t.Errorf("at %v, by a reader %s: %v", step.at, name, err)
			}
		}
	}
}

// forger makes tokens that are wrong in one respect.
type forger struct {
	header, claims string
	sign           func(signed []byte) []byte
}

func (o forger) token() string {
	encoding := base64.RawURLEncoding
	signed := encoding.EncodeToString([]byte(o.header)) + "." + encoding.EncodeToString([]byte(o.claims))
	return signed + "." + encoding.EncodeToString(o.sign([]byte(signed)))
}

func TestReadRefusesForgedTokens(t *testing.T) {
	f := newFixture(t)
	key, err := f.keyring.Signer()
	if err != nil {
		t.Fatal(err)
	}
	sign := func(signed []byte) []byte {
		signature, err := f.keyring.Sign(key, signed)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	claims := func(alter func(map[string]any)) string {
		_, claims := parts(t, f.issue(t, grant()))
		alter(claims)
		text, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	same := claims(func(map[string]any) {})
	header := fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, key.KID)
	with := func(member string, value any) forger {
		return forger{header, claims(func(c map[string]any) { c[member] = value }), sign}
	}
	withHeader := func(format string, kid ...any) forger { return forger{fmt.Sprintf(format, kid...), same, sign} }

	if _, err := f.Read(t.Context(), forger{header, same, sign}.token()); err != nil {
		t.Fatalf("the forger's own token, with nothing wrong, is refused: %v", err)
	}
	set := f.keySet(t)
	published, _ := set.Key(0)
	var public ecdsa.PublicKey
	if err := published.Raw(&public); err != nil {
		t.Fatal(err)
	}
	point, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	publicJSON, err := json.Marshal(published)
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(secret []byte) func([]byte) []byte {
		return func(signed []byte) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write(signed)
			return h.Sum(nil)
		}
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	es256, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		t.Fatal(err)
	}
	now := start.Unix()
	forgeries := map[string]forger{
		"alg none":                      {fmt.Sprintf(`{"alg":"none","kid":%q,"typ":"at+jwt"}`, key.KID), same, func([]byte) []byte { return nil }},
		"alg none, but signed":          withHeader(`{"alg":"none","kid":%q,"typ":"at+jwt"}`, key.KID),
		"no alg":                        withHeader(`{"kid":%q,"typ":"at+jwt"}`, key.KID),
		"HS256 with the public point":   {fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"at+jwt"}`, key.KID), same, hs256(point)},
		"HS256 with the public JWK":     {fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"at+jwt"}`, key.KID), same, hs256(publicJSON)},
		"ES256, but an HMAC":            {header, same, hs256(point)},
		"ES384":                         withHeader(`{"alg":"ES384","kid":%q,"typ":"at+jwt"}`, key.KID),
		"another private key":           {header, same, func(signed []byte) []byte { s, _ := es256.Sign(signed, stranger); return s }},
		"a signature of zeros":          {header, same, func([]byte) []byte { return make([]byte, 64) }},
		"no signature":                  {header, same, func([]byte) []byte { return nil }},
		"a signature of 65 bytes":       {header, same, func(signed []byte) []byte { return append(sign(signed), 0) }},
		"the signature of other data":   {header, same, func([]byte) []byte { return sign([]byte("other")) }},
		"unknown kid":                   withHeader(`{"alg":"ES256","kid":"another","typ":"at+jwt"}`),
		"no kid":                        withHeader(`{"alg":"ES256","typ":"at+jwt"}`),
		"typ JWT":                       withHeader(`{"alg":"ES256","kid":%q,"typ":"JWT"}`, key.KID),
		"no typ":                        withHeader(`{"alg":"ES256","kid":%q}`, key.KID),
		"the longer typ":                withHeader(`{"alg":"ES256","kid":%q,"typ":"application/at+jwt+x"}`, key.KID),
		"two algs, none last":           withHeader(`{"alg":"ES256","kid":%q,"typ":"at+jwt","alg":"none"}`, key.KID),
		"two typs, JWT last":            withHeader(`{"alg":"ES256","kid":%q,"typ":"at+jwt","typ":"JWT"}`, key.KID),
		"two kids, an unknown one last": withHeader(`{"alg":"ES256","kid":%q,"typ":"at+jwt","kid":"another"}`, key.KID),
		"a header that is a list":       withHeader(`["ES256"]`),
		"a header that is null":         withHeader(`null`),
		"an empty header":               withHeader(``),
		"a header and something more":   withHeader(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}{}`, key.KID),
		"a number for kid":              withHeader(`{"alg":"ES256","kid":1,"typ":"at+jwt"}`),
		"claims that are null":          {header, `null`, sign},
		"claims that are no JSON":       {header, `{`, sign},
		"another issuer":                with("iss", "https://keys.example.com.evil.example"),
		"no issuer":                     with("iss", ""),
		"another audience":              with("aud", "https://other.example.com"),
		"a list of audiences":           with("aud", []string{audience, "https://other.example.com"}),
		"expired":                       with("exp", now),
		"long expired":                  with("exp", now-1),
		"no expiry":                     with("exp", 0),
		"expiry as text":                with("exp", "9999999999"),
		"expiry too large":              with("exp", 1e300),
		"not valid yet":                 with("nbf", now+60),
		"issued in the future":          with("iat", now+60),
		"a malformed scope":             with("scope", "cca:admin  spot:admin"),
		"a scope that is a list":        with("scope", []string{"cca:admin"}),
		"a generation that is no int":   with("gen", 7.5),
	}
	for name, forgery := range forgeries {
		claims, err := f.Read(t.Context(), forgery.token())
		if !errors.Is(err, token.ErrInvalid) || !reflect.DeepEqual(claims, token.Claims{}) {
			t.Errorf("%s: %v, %+v", name, err, claims)
		}
	}
}

func TestReadRefusesWhatIsNotExactlyTheToken(t *testing.T) {
	f := newFixture(t)
	raw := f.issue(t, grant())
	for n := range raw {
		if _, err := f.Read(t.Context(), raw[:n]); err == nil {
			t.Fatalf("the first %d characters are accepted", n)
		}
	}
	last := raw[len(raw)-1]
	for _, other := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		// 64 bytes leave four unused bits in the last character, which must be zero.
		if byte(other) == last {
			continue
		}
		if _, err := f.Read(t.Context(), raw[:len(raw)-1]+string(other)); err == nil {
			t.Fatalf("the last character may be %c for %c", other, last)
		}
	}
	dot := strings.LastIndexByte(raw, '.')
	encoded := strings.Split(raw, ".")
	for name, text := range map[string]string{
		"empty":                   "",
		"dots":                    "..",
		"two parts":               raw[:dot],
		"four parts":              raw + ".",
		"an empty part in front":  "." + raw,
		"a space behind":          raw + " ",
		"a space in front":        " " + raw,
		"a line break behind":     raw + "\n",
		"a line break in it":      raw[:dot+9] + "\n" + raw[dot+9:],
		"a line break before dot": raw[:dot] + "\r" + raw[dot:],
		"padding":                 raw + "==",
		"standard base64":         raw[:dot+1] + "+/" + raw[dot+3:],
		"header twice":            encoded[0] + "." + raw,
		"of 64 KB":                raw + strings.Repeat("A", 64<<10),
		"of 64 KB of dots":        strings.Repeat(".", 64<<10),
		"Bearer":                  "Bearer " + raw,
	} {
		if _, err := f.Read(t.Context(), text); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Read(t.Context(), raw); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}

func TestReadRefusesTokensOfOtherIssuersAndAudiences(t *testing.T) {
	f := newFixture(t)
	raw := f.issue(t, grant())
	for _, other := range []*token.Issuer{f.issuer(issuerURL+"/", audience), f.issuer("http://keys.example.com", audience), f.issuer(issuerURL, issuerURL)} {
		if _, err := other.Read(t.Context(), raw); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("the error is %v", err)
		}
	}
	if _, err := newFixture(t).Read(t.Context(), raw); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("an installation of the same name with other keys: %v", err)
	}
}

func TestTheLargestTokenCanBeRead(t *testing.T) {
	f := newFixture(t)
	g := grant()
	g.Scopes = nil
	for i := range 100 {
		g.Scopes = append(g.Scopes, scope.Scope(fmt.Sprintf("%s-%03d:readonly", strings.Repeat("a", 87), i)))
		if _, err := scope.Parse(string(g.Scopes[i])); err != nil || len(g.Scopes[i]) != 100 {
			t.Fatalf("%d characters, %v", len(g.Scopes[i]), err)
		}
	}
	raw := f.issue(t, g)
	if claims, err := f.Read(t.Context(), raw); err != nil || len(claims.Scopes) != 100 {
		t.Errorf("a token of %d bytes: %v", len(raw), err)
	}
}

func TestIssueNeedsASigningKey(t *testing.T) {
	keyring, err := signing.NewKeyring(nil, nil, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	issuer := token.NewIssuer(keyring, issuerURL, audience, time.Now)
	if _, err := issuer.Issue(t.Context(), prepare(t, issuer, grant())); !errors.Is(err, signing.ErrNoKey) {
		t.Errorf("the error is %v", err)
	}
	if _, err := issuer.Read(t.Context(), "a.b.c"); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("Read: %v", err)
	}
}

func BenchmarkIssue(b *testing.B) {
	f := newFixture(b)
	p := prepare(b, f.Issuer, grant())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Issue(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	f := newFixture(b)
	raw := f.issue(b, grant())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Read(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}

// TestATokenDiesWithItsSigningKey: even if the token has been read before.
func TestATokenDiesWithItsSigningKey(t *testing.T) {
	f := newFixture(t)
	raw := f.issue(t, grant())
	if _, err := f.Read(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	key, err := f.keyring.Signer()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.keyring.Revoke(t.Context(), key.KID, eventlog.Actor{}); err != nil {
		t.Fatal(err)
	}
	for name, reader := range map[string]*token.Issuer{"who knows it": f.Issuer, "who does not": f.issuer(issuerURL, audience)} {
		if _, err := reader.Read(t.Context(), raw); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("by one %s: %v", name, err)
		}
	}
	if _, err := f.Read(t.Context(), f.issue(t, grant())); err != nil {
		t.Errorf("a token of its successor: %v", err)
	}
}
