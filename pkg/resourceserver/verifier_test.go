package resourceserver_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

type claims = resourceservertest.Claims

// testClock stands still until a test moves it.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock { return &testClock{now: time.Unix(1_764_000_000, 0)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// await waits until the verifier knows everything up to the position.
func await(t *testing.T, v *resourceserver.Verifier, position uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := v.AwaitPosition(ctx, position); err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func TestVerifySaysWhoPresentsTheToken(t *testing.T) {
	clock := newTestClock()
	issuer := resourceservertest.NewIssuer(t, resourceservertest.WithClock(clock.Now))
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	token := issuer.Token(claims{"scope": "cca:readonly lighthouse.workspaces:editor", "jti": "token-1", "gen": 3})

	for range 2 { // the first time as a new token, then as a cached one
		identity, err := verifier.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if identity.ClientID != resourceservertest.ClientID || identity.TenancyID != resourceservertest.TenancyID ||
			identity.Subject != resourceservertest.ClientID || identity.TokenID != "token-1" || identity.Generation != 3 ||
			strings.Join(identity.Scopes, " ") != "cca:readonly lighthouse.workspaces:editor" ||
			!identity.IssuedAt.Equal(clock.Now()) || !identity.ExpiresAt.Equal(clock.Now().Add(time.Hour)) {
			t.Errorf("got %+v", identity)
		}
		identity.Scopes[0] = "settings:admin" // must not affect the next caller
	}
}

func TestVerifyRefuses(t *testing.T) {
	clock := newTestClock()
	issuer := resourceservertest.NewIssuer(t, resourceservertest.WithClock(clock.Now))
	verifier := issuer.NewVerifier(t, resourceserver.Options{TenancyID: resourceservertest.TenancyID, Leeway: -1})
	now := clock.Now().Unix()
	good := issuer.Token()
	parts := strings.Split(good, ".")

	tests := map[string]struct {
		token string
		want  error
	}{
		"nothing":                     {"", resourceserver.ErrMalformed},
		"one part":                    {"abc", resourceserver.ErrMalformed},
		"two parts":                   {parts[0] + "." + parts[1], resourceserver.ErrMalformed},
		"four parts":                  {good + ".abc", resourceserver.ErrMalformed},
		"five parts, as encrypted":    {"a.b.c.d.e", resourceserver.ErrMalformed},
		"empty parts":                 {"..", resourceserver.ErrMalformed},
		"no signature":                {parts[0] + "." + parts[1] + ".", resourceserver.ErrMalformed},
		"truncated":                   {good[:len(good)-1], resourceserver.ErrMalformed},
		"padded base64":               {good + "==", resourceserver.ErrMalformed},
		"line break in the header":    {parts[0] + "\n." + parts[1] + "." + parts[2], resourceserver.ErrMalformed},
		"line break in the signature": {good[:len(good)-4] + "\n" + good[len(good)-4:], resourceserver.ErrMalformed},
		"line break at the end":       {good + "\n", resourceserver.ErrMalformed},
		"a second spelling":           {respell(good), resourceserver.ErrMalformed},
		"header that isn't an object": {base64.RawURLEncoding.EncodeToString([]byte(`"x"`)) + "." + parts[1] + "." + parts[2], resourceserver.ErrMalformed},
		"oversized":                   {strings.Repeat("a", 64<<10), resourceserver.ErrMalformed},
		"oversized but well-formed":   {issuer.Token(claims{"scope": strings.Repeat("x", 16<<10)}), resourceserver.ErrMalformed},

		"alg none":                   {unsigned(parts[1]), resourceserver.ErrAlgorithm},
		"alg none, signed":           {issuer.SignToken(claims{"alg": "none"}), resourceserver.ErrAlgorithm},
		"alg ES384":                  {issuer.SignToken(claims{"alg": "ES384"}), resourceserver.ErrAlgorithm},
		"alg in lower case":          {issuer.SignToken(claims{"alg": "es256"}), resourceserver.ErrAlgorithm},
		"no alg":                     {issuer.SignToken(claims{"alg": nil}), resourceserver.ErrAlgorithm},
		"HMAC with the public key":   {hmacWithPublicKey(t, issuer, parts), resourceserver.ErrAlgorithm},
		"critical header":            {issuer.SignToken(claims{"crit": []string{"exp"}}), resourceserver.ErrAlgorithm},
		"typ of an ID token":         {issuer.SignToken(claims{"typ": "JWT"}), resourceserver.ErrType},
		"typ of a snapshot":          {issuer.SignToken(claims{"typ": "revocations+jwt"}), resourceserver.ErrType},
		"no typ":                     {issuer.SignToken(claims{"typ": nil}), resourceserver.ErrType},
		"no kid":                     {issuer.SignToken(claims{"kid": nil}), resourceserver.ErrUnknownKey},
		"unknown kid":                {issuer.SignToken(claims{"kid": "other"}), resourceserver.ErrUnknownKey},
		"another token's signature":  {parts[0] + "." + parts[1] + "." + strings.Split(issuer.Token(), ".")[2], resourceserver.ErrSignature},
		"signature of zeros":         {parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), resourceserver.ErrSignature},
		"a signature in ASN.1":       {parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 71)), resourceserver.ErrMalformed},
		"another issuer":             {issuer.Token(claims{"iss": issuer.URL() + "/"}), resourceserver.ErrIssuer},
		"another audience":           {issuer.Token(claims{"aud": "https://other.example"}), resourceserver.ErrAudience},
		"other audiences":            {issuer.Token(claims{"aud": []string{"a", "b"}}), resourceserver.ErrAudience},
		"no audience":                {issuer.Token(claims{"aud": nil}), resourceserver.ErrAudience},
		"an audience that is number": {issuer.Token(claims{"aud": 1}), resourceserver.ErrMalformed},
		"another tenancy":            {issuer.Token(claims{"tenancy_id": "7d0f"}), resourceserver.ErrTenancy},
		"expired now":                {issuer.Token(claims{"iat": now - 60, "exp": now}), resourceserver.ErrExpired},
		"valid in a second":          {issuer.Token(claims{"nbf": now + 1}), resourceserver.ErrNotYetValid},
		"issued in a second":         {issuer.Token(claims{"iat": now + 1}), resourceserver.ErrNotYetValid},
		"lives over a day":           {issuer.Token(claims{"exp": now + 24*60*60 + 1}), resourceserver.ErrLifespan},
		"lives for ever":             {issuer.Token(claims{"exp": int64(1)<<62 + 1, "iat": -int64(1) << 62}), resourceserver.ErrLifespan},
		"issued before all time":     {issuer.Token(claims{"exp": now + 48*60*60, "iat": int64(math.MinInt64)}), resourceserver.ErrLifespan},
		"a fraction of a second":     {issuer.Token(claims{"exp": 1.5}), resourceserver.ErrMalformed},
		"no exp":                     {issuer.Token(claims{"exp": nil}), resourceserver.ErrMalformed},
		"no iat":                     {issuer.Token(claims{"iat": nil}), resourceserver.ErrMalformed},
		"no jti":                     {issuer.Token(claims{"jti": nil}), resourceserver.ErrMalformed},
		"no gen":                     {issuer.Token(claims{"gen": nil}), resourceserver.ErrMalformed},
		"no sub":                     {issuer.Token(claims{"sub": nil}), resourceserver.ErrMalformed},
		"no client":                  {issuer.Token(claims{"client_id": nil}), resourceserver.ErrMalformed},
		"no tenancy":                 {issuer.Token(claims{"tenancy_id": nil}), resourceserver.ErrMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 { // a second attempt must be refused, too
				identity, err := verifier.Verify(t.Context(), test.token)
				wantError(t, err, test.want)
				if identity != nil {
					t.Error("got an identity")
				}
			}
		})
	}
	if _, err := verifier.Verify(t.Context(), good); err != nil {
		t.Errorf("the good token: %v", err)
	}
}

// respell sets a bit of the last character that base64 does not use, so that the token still decodes to the same bytes.
func respell(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}

func unsigned(payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"x"}`)) + "." + payload + ".AAAA"
}

// hmacWithPublicKey signs with the public key, as an attacker would who hopes that the verifier takes that for a shared secret.
func hmacWithPublicKey(t *testing.T, issuer *resourceservertest.Issuer, parts []string) string {
	t.Helper()
	response, err := issuer.Client().Get(issuer.URL() + keySetPath)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"at+jwt","kid":"x"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, set.Keys[0])
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestTypeMayBeSpelledAsAMediaType(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	for _, typ := range []string{"at+jwt", "AT+JWT", "application/at+jwt"} {
		if _, err := verifier.Verify(t.Context(), issuer.SignToken(claims{"typ": typ})); err != nil {
			t.Errorf("typ %s: %v", typ, err)
		}
	}
}

func TestKeysNamedByTheTokenAreNotLookedAt(t *testing.T) {
	issuer, attacker := resourceservertest.NewIssuer(t), resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	forged := attacker.SignToken(claims{
		"kid": "forged", "jku": attacker.URL() + keySetPath, "x5u": attacker.URL(),
		"jwk": map[string]string{"kty": "EC", "crv": "P-256"}, "x5c": []string{"AAAA"},
	}, claims{"iss": issuer.URL(), "aud": issuer.URL()})
	_, err := verifier.Verify(t.Context(), forged)
	wantError(t, err, resourceserver.ErrUnknownKey)
	if n := attacker.Requests(keySetPath); n != 0 {
		t.Errorf("the token's own key set was fetched %d times", n)
	}
}

func TestAudienceMayBeOneOfSeveral(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{Audience: "https://api.example"})
	if _, err := verifier.Verify(t.Context(), issuer.Token(claims{"aud": []string{"x", "https://api.example"}})); err != nil {
		t.Error(err)
	}
	_, err := verifier.Verify(t.Context(), issuer.Token())
	wantError(t, err, resourceserver.ErrAudience)
}

func TestLeewayMovesBothEndsOfATokensLife(t *testing.T) {
	clock := newTestClock()
	issuer := resourceservertest.NewIssuer(t, resourceservertest.WithClock(clock.Now))
	verifier := issuer.NewVerifier(t, resourceserver.Options{Leeway: 30 * time.Second, FeedLossMax: 24 * time.Hour})
	start := clock.Now().Unix()
	token := issuer.Token(claims{"iat": start + 31, "nbf": start + 31, "exp": start + 100})

	for _, step := range []struct {
		at   int64 // seconds after the start
		want error
	}{
		{0, resourceserver.ErrNotYetValid}, {1, nil}, {100, nil}, {129, nil}, {130, resourceserver.ErrExpired}, {1000, resourceserver.ErrExpired},
	} {
		clock.advance(time.Duration(start+step.at-clock.Now().Unix()) * time.Second)
		if _, err := verifier.Verify(t.Context(), token); !errors.Is(err, step.want) {
			t.Errorf("at %d s: got %v, want %v", step.at, err, step.want)
		}
	}
}

func TestRevokedKeysTokensDie(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	seen, unseen, other := issuer.Token(), issuer.Token(), issuer.Token(claims{"client_id": "ak_other"})
	if _, err := verifier.Verify(t.Context(), seen); err != nil {
		t.Fatal(err)
	}

	await(t, verifier, issuer.Revoke(resourceservertest.ClientID))

	for name, token := range map[string]string{"seen": seen, "unseen": unseen} {
		_, err := verifier.Verify(t.Context(), token)
		if !errors.Is(err, resourceserver.ErrRevoked) {
			t.Errorf("%s token: got %v, want it revoked", name, err)
		}
	}
	for name, token := range map[string]string{"other client's": other, "later": issuer.Token()} {
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Errorf("%s token: %v", name, err)
		}
	}
}

func TestRevokedTokenDiesAlone(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	dead, alive := issuer.Token(), issuer.Token()
	if _, err := verifier.Verify(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	await(t, verifier, issuer.RevokeToken(dead))
	_, err := verifier.Verify(t.Context(), dead)
	wantError(t, err, resourceserver.ErrRevoked)
	if _, err := verifier.Verify(t.Context(), alive); err != nil {
		t.Error(err)
	}
}

func TestWhatWasRevokedBeforeTheStartIsKnown(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	byClient, byToken := issuer.Token(), issuer.Token(claims{"client_id": "ak_other"})
	issuer.Revoke(resourceservertest.ClientID)
	issuer.RevokeToken(byToken)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	for _, token := range []string{byClient, byToken} {
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrRevoked)
	}
	if status := verifier.FeedStatus(); status.Clients != 1 || status.Tokens != 1 || status.Position != 2 {
		t.Errorf("got %+v", status)
	}
}

func TestRotatedSigningKeyIsFoundAtTheFirstToken(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	before := issuer.Token()
	issuer.RotateSigningKey()
	for _, token := range []string{issuer.Token(), before} {
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
}

func TestWithdrawnSigningKeysTokensDieAlsoWhenSeen(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	before := issuer.Token()
	if _, err := verifier.Verify(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	issuer.RotateSigningKey()
	issuer.WithdrawOldKeys()
	if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil { // makes the verifier read the keys again
		t.Fatal(err)
	}
	_, err := verifier.Verify(t.Context(), before)
	wantError(t, err, resourceserver.ErrUnknownKey)
}

func TestFloodOfUnknownKeysReadsTheKeySetOncePerInterval(t *testing.T) {
	clock := newTestClock()
	issuer := resourceservertest.NewIssuer(t, resourceservertest.WithClock(clock.Now))
	verifier := issuer.NewVerifier(t, resourceserver.Options{KeyRefetchMin: 10 * time.Second, FeedLossMax: time.Hour})
	start := issuer.Requests(keySetPath)
	for interval := 1; interval <= 3; interval++ {
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				_, err := verifier.Verify(t.Context(), issuer.SignToken(claims{"kid": time.Now().String()}))
				wantError(t, err, resourceserver.ErrUnknownKey)
			})
		}
		callers.Wait()
		if got := issuer.Requests(keySetPath) - start; got != interval {
			t.Fatalf("after %d intervals the key set was read %d times", interval, got)
		}
		clock.advance(10 * time.Second)
	}
}

func TestCloseRefusesEverything(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	token := issuer.Token()
	verifier.Close()
	verifier.Close()
	_, err := verifier.Verify(t.Context(), token)
	wantError(t, err, resourceserver.ErrClosed)
	wantError(t, verifier.AwaitPosition(t.Context(), issuer.Position()+1), resourceserver.ErrClosed)
}

// TestDocumentsOfTheServerAreBounded: whether or not a Content-Length announces their size.
func TestDocumentsOfTheServerAreBounded(t *testing.T) {
	for name, announced := range map[string]bool{"announced": true, "not announced": false} {
		t.Run(name, func(t *testing.T) {
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				document := `{"issuer": "` + server.URL + `", "jwks_uri": "` + server.URL + `/jwks"}` + strings.Repeat(" ", 1<<20)
				if announced {
					w.Header().Set("Content-Length", strconv.Itoa(len(document)))
				}
				_, _ = io.WriteString(w, document)
			}))
			defer server.Close()
			verifier, err := resourceserver.New(t.Context(), server.URL, resourceserver.Options{})
			if err == nil {
				verifier.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "/.well-known/") || !strings.Contains(err.Error(), "too large") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer": "https://other.example", "jwks_uri": "https://other.example/jwks"}`))
	}))
	defer other.Close()
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()

	tests := map[string]struct {
		issuer  string
		options resourceserver.Options
		want    string
	}{
		"no URL":                   {"keys", resourceserver.Options{}, "not an http or https URL"},
		"empty":                    {"", resourceserver.Options{}, "not an http or https URL"},
		"slash at the end":         {"https://keys.example/", resourceserver.Options{}, "without a slash"},
		"leeway":                   {"https://keys.example", resourceserver.Options{Leeway: time.Hour + 1}, "Leeway"},
		"loss shorter than a beat": {"https://keys.example", resourceserver.Options{FeedLossMax: 10*time.Second - 1}, "FeedLossMax"},
		"poll beyond the loss":     {"https://keys.example", resourceserver.Options{PollInterval: 15*time.Second + 1}, "PollInterval of 15.000000001s is more than 15s"},
		"poll beyond a beat":       {"https://keys.example", resourceserver.Options{OnFeedLost: resourceserver.RefuseAtOnce, PollInterval: 5500*time.Millisecond + 1}, "PollInterval"},
		"policy of no kind":        {"https://keys.example", resourceserver.Options{OnFeedLost: resourceserver.RefuseAtOnce + 1}, "OnFeedLost of 2"},
		"style of no kind":         {"https://keys.example", resourceserver.Options{ErrorStyle: -1}, "ErrorStyle of -1"},
		"negative poll":            {"https://keys.example", resourceserver.Options{PollInterval: -1}, "negative"},
		"negative refetch":         {"https://keys.example", resourceserver.Options{KeyRefetchMin: -1}, "negative"},
		"negative cache":           {"https://keys.example", resourceserver.Options{TokenCacheBytes: -1}, "negative"},
		"another issuer":           {other.URL, resourceserver.Options{}, `names the issuer "https://other.example"`},
		"no issuer there":          {empty.URL, resourceserver.Options{}, "404"},
		"no issuer at the base":    {"https://keys.example", resourceserver.Options{BaseURL: empty.URL}, empty.URL},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resourceserver.New(t.Context(), test.issuer, test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestNewTakesOptionsUpToTheirBounds(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	for _, options := range []resourceserver.Options{
		{Leeway: time.Hour},
		{Leeway: -1},
		{FeedLossMax: 10 * time.Second, PollInterval: 5 * time.Second},
		{PollInterval: 15 * time.Second},
		{OnFeedLost: resourceserver.RefuseAtOnce, PollInterval: 5500 * time.Millisecond},
		{KeyRefetchMin: 1, TokenCacheBytes: 1},
	} {
		issuer.NewVerifier(t, options).Close()
	}
}

func TestNewWaitsForTheIssuerUntilTheContextEnds(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	issuer.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := resourceserver.New(ctx, issuer.URL(), resourceserver.Options{HTTPClient: issuer.Client()})
	if err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("got %v, want it to say that the issuer is unreachable", err)
	}
}

func TestBaseURLIsWhereTheIssuerIsReached(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory()) // its own URL leads nowhere
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport:     issuer.Client().Transport,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "issuer.test"
		},
	})
	defer proxy.Close()
	verifier := issuer.NewVerifier(t, resourceserver.Options{BaseURL: proxy.URL, HTTPClient: proxy.Client()})
	defer verifier.Close() // before the proxy is closed
	token := issuer.Token()
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	await(t, verifier, issuer.RevokeToken(token))
	_, err := verifier.Verify(t.Context(), token)
	wantError(t, err, resourceserver.ErrRevoked)
}

func TestSeenTokenCostsAtMostTwoAllocations(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	token := issuer.Token(claims{"scope": "lighthouse.workspaces:readonly cca:readonly"})
	allocations := testing.AllocsPerRun(1000, func() {
		if _, err := verifier.Verify(t.Context(), token, resourceserver.AllScopes("cca:readonly")); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 2 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestTokenOfAServerWhoseClockIsALittleAheadIsValid(t *testing.T) {
	clock := newTestClock()
	issuer := resourceservertest.NewIssuer(t, resourceservertest.WithClock(clock.Now))
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	ahead := clock.Now().Unix() + 2
	if _, err := verifier.Verify(t.Context(), issuer.Token(claims{"iat": ahead, "nbf": ahead})); err != nil {
		t.Error(err)
	}
}
