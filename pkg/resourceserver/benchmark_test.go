package resourceserver_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

const benchmarkScope = "lighthouse.workspaces:readonly lighthouse.views:editor cca:readonly"

func BenchmarkVerifySeen(b *testing.B) {
	issuer := resourceservertest.NewIssuer(b)
	verifier := issuer.NewVerifier(b, resourceserver.Options{})
	token := issuer.Token(claims{"scope": benchmarkScope})
	requirement := resourceserver.AllScopes("lighthouse.workspaces:readonly")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), token, requirement); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifySeenParallel(b *testing.B) {
	issuer := resourceservertest.NewIssuer(b)
	verifier := issuer.NewVerifier(b, resourceserver.Options{})
	token := issuer.Token(claims{"scope": benchmarkScope})
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := verifier.Verify(b.Context(), token); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkVerifyNew verifies each new token twice, once with nothing but jws.Verify and once with a verifier that has not seen it,
// so that both are measured under the same conditions. It reports the ratio, which shows what header, claims, revocations and
// caching add; its ns/op are those of the verifier.
func BenchmarkVerifyNew(b *testing.B) {
	issuer := resourceservertest.NewIssuer(b)
	verifier := issuer.NewVerifier(b, resourceserver.Options{})
	key := publishedKey(b, issuer)
	var tokens []string
	var full, bare time.Duration
	for b.Loop() {
		if len(tokens) == 0 {
			b.StopTimer()
			for range 1 << 10 {
				tokens = append(tokens, issuer.Token(claims{"scope": benchmarkScope}))
			}
			b.StartTimer()
		}
		token := tokens[len(tokens)-1]
		tokens = tokens[:len(tokens)-1]
		compact := []byte(token)

		start := time.Now()
		if _, err := jws.Verify(compact, jws.WithKey(jwa.ES256, key)); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := verifier.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
		bare += middle.Sub(start)
		full += time.Since(middle)
	}
	b.ReportMetric(float64(full.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
	b.ReportMetric(float64(full)/float64(bare), "×bare")
}

func BenchmarkBareJWX(b *testing.B) {
	issuer := resourceservertest.NewIssuer(b)
	key := publishedKey(b, issuer)
	token := []byte(issuer.Token(claims{"scope": benchmarkScope}))
	b.Run("jws.Verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jws.Verify(token, jws.WithKey(jwa.ES256, key)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("signature alone", func(b *testing.B) {
		verifier, err := jws.NewVerifier(jwa.ES256)
		if err != nil {
			b.Fatal(err)
		}
		header, payload, signature, err := jws.SplitCompact(token)
		if err != nil {
			b.Fatal(err)
		}
		input := token[:len(header)+1+len(payload)]
		text, err := base64.RawURLEncoding.DecodeString(string(signature))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := verifier.Verify(input, text, key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRefuseGarbage(b *testing.B) {
	issuer := resourceservertest.NewIssuer(b)
	verifier := issuer.NewVerifier(b, resourceserver.Options{})
	garbage := issuer.Token() + "."
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), garbage); err == nil {
			b.Fatal("accepted")
		}
	}
}

func publishedKey(b *testing.B, issuer *resourceservertest.Issuer) any {
	b.Helper()
	response, err := issuer.Client().Get(issuer.URL() + keySetPath)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		b.Fatal(err)
	}
	parsed, err := jwk.ParseKey(document.Keys[0])
	if err != nil {
		b.Fatal(err)
	}
	var key any
	if err := parsed.Raw(&key); err != nil {
		b.Fatal(err)
	}
	return key
}
