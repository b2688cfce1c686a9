package resourceserver_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

func FuzzVerify(f *testing.F) {
	issuer := resourceservertest.NewIssuer(f)
	verifier := issuer.NewVerifier(f, resourceserver.Options{})
	good := issuer.Token(claims{"scope": "cca:readonly"})
	genuine := map[string]bool{good: true}
	for _, seed := range []string{
		good, good[:len(good)-1], good + ".", "", ".", "..", "...", "a.b.c", "eyJhbGciOiJub25lIn0..", "\xff.\xff.\xff",
		strings.Repeat(".", 1000), strings.Repeat("a", 20<<10),
		issuer.SignToken(claims{"alg": "none"}), issuer.SignToken(claims{"typ": "JWT"}), issuer.SignToken(claims{"kid": "x"}),
		issuer.Token(claims{"aud": []string{}}), issuer.Token(claims{"exp": -1}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		identity, err := verifier.Verify(t.Context(), raw)
		if (err == nil) != (identity != nil) || (err == nil && !genuine[raw]) {
			t.Errorf("got %+v, %v", identity, err)
		}
		if err != nil && resourceserver.Status(err) != http.StatusUnauthorized {
			t.Errorf("got status %d for %v", resourceserver.Status(err), err)
		}
	})
}

// FuzzSignedClaims: whatever claims the issuer signs, the verifier neither panics nor accepts a token with a wrong audience or too
// long a lifespan.
func FuzzSignedClaims(f *testing.F) {
	issuer := resourceservertest.NewIssuer(f)
	verifier := issuer.NewVerifier(f, resourceserver.Options{})
	f.Add(int64(1), int64(2), int64(3), int64(4), "aud", "scope")
	f.Add(int64(-1)<<63, int64(1)<<62, int64(-1)<<63, int64(0), "", "  a  b ")
	f.Fuzz(func(t *testing.T, issued, expires, notBefore, generation int64, audience, scope string) {
		_, err := verifier.Verify(t.Context(), issuer.Token(claims{
			"iat": issued, "exp": expires, "nbf": notBefore, "gen": generation, "aud": audience, "scope": scope,
		}))
		if err == nil && (audience != issuer.URL() || expires-issued > 24*60*60) {
			t.Error("accepted")
		}
		if err != nil && errors.Is(err, resourceserver.ErrSignature) {
			t.Error("the genuine signature was not recognized")
		}
	})
}
