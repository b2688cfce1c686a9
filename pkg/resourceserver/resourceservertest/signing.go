package resourceservertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Claims of a token by name: those of RFC 9068 §2.2, and "client_id", "tenancy_id" and "gen".
type Claims map[string]any

func (c Claims) merge(changes map[string]any) { maps.Copy(c, changes) }

func (c Claims) dropNil() { maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil }) }

// signingKeys are the published keys, the current one last.
type signingKeys []*signingKey

type signingKey struct {
	kid     string
	private *ecdsa.PrivateKey
}

func (k signingKeys) current() *signingKey { return k[len(k)-1] }

func (k *signingKeys) rotate() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	*k = append(*k, &signingKey{kid: rand.Text(), private: private})
}

func (k *signingKeys) withdraw() { *k = (*k)[len(*k)-1:] }

// publish returns the key set (RFC 7517 §5).
func (k signingKeys) publish() jwk.Set {
	set := jwk.NewSet()
	for _, key := range k {
		public, err := jwk.FromRaw(&key.private.PublicKey)
		must(err)
		must(public.Set(jwk.KeyIDKey, key.kid))
		must(public.Set(jwk.AlgorithmKey, jwa.ES256))
		must(public.Set(jwk.KeyUsageKey, jwk.ForSignature))
		must(set.AddKey(public))
	}
	return set
}

// sign returns a compact JWS of the JSON of payload.
func (k *signingKey) sign(header, payload any) string {
	input := encode(header) + "." + encode(payload)
	signer, err := jws.NewSigner(jwa.ES256)
	must(err)
	signature, err := signer.Sign([]byte(input), k.private)
	must(err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// signFlattened returns the same in the flattened JSON serialization (RFC 7515 §7.2.2).
func (k *signingKey) signFlattened(header, payload any) []byte {
	parts := strings.Split(k.sign(header, payload), ".")
	body, err := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	must(err)
	return body
}

func encode(value any) string {
	text, err := json.Marshal(value)
	must(err)
	return base64.RawURLEncoding.EncodeToString(text)
}

// identify returns the ID and the expiry of a token, without verifying it.
func identify(token string) (tokenID string, expires int64) {
	var claims struct {
		TokenID string `json:"jti"`
		Expires int64  `json:"exp"`
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	must(err)
	must(json.Unmarshal(text, &claims))
	return claims.TokenID, claims.Expires
}

// must panics on an error. What the issuer does with its own data can fail only because of a mistake in the calling test.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("resourceservertest: %v", err))
	}
}
