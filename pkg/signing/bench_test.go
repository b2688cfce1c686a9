package signing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// BenchmarkSign compares signing by the keyring with signing by the JOSE library and by the bare primitive, each with the same key.
func BenchmarkSign(b *testing.B) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 500) // about as long as a token's header and claims
	b.Run("Keyring", func(b *testing.B) {
		keyring, err := NewKeyring(nil, nil, nil, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		key := &Key{private: private}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := keyring.Sign(key, data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("jwx", func(b *testing.B) {
		signer, err := jws.NewSigner(jwa.ES256)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := signer.Sign(data, private); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ecdsa", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			digest := sha256.Sum256(data)
			if _, err := ecdsa.SignASN1(rand.Reader, private, digest[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
