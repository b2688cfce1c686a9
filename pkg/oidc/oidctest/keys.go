package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
)

// Signature is how an ID token is signed.
type Signature int

// The signatures: two valid ones, and those that attackers try.
const (
	RS256              Signature = iota
	ES256                        // with the provider's other key
	Unsigned                     // alg none
	HMACWithSecret               // HS256 with the client secret, which a relying party must have agreed to
	HMACWithPublicKey            // HS256 with the published key as the secret (RFC 8725 §2.1)
	ForeignKey                   // RS256 with an unpublished key, under the ID of a published one
	EmbeddedForeignKey           // RS256 with a key that is included in the header
	Altered                      // RS256, with the claims changed afterwards
)

// keys are a provider's signing keys.
type keys struct {
	rsa, foreign *rsa.PrivateKey
	ecdsa        *ecdsa.PrivateKey
}

// sharedKeys are the keys of every provider in a process: generating them takes long, and a token from another provider must be
// rejected because of its issuer.
var sharedKeys = sync.OnceValues(newKeys)

func newKeys() (k keys, err error) {
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return k, err
	}
	if k.foreign, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return k, err
	}
	k.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return k, err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func publicRSA(k *rsa.PrivateKey, id string) map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": encode(k.N.Bytes()), "e": encode(big.NewInt(int64(k.E)).Bytes()),
	}
}

// public returns the published keys (RFC 7517).
func (k keys) public() []map[string]any {
	x, y := make([]byte, 32), make([]byte, 32)
	point, err := k.ecdsa.PublicKey.Bytes() // 4, x, y
	if err == nil {
		copy(x, point[1:33])
		copy(y, point[33:])
	}
	return []map[string]any{
		publicRSA(k.rsa, "rsa"),
		{"kty": "EC", "use": "sig", "alg": "ES256", "kid": "ec", "crv": "P-256", "x": encode(x), "y": encode(y)},
	}
}

// sign returns a JWT (RFC 7519).
func (k keys) sign(how Signature, secret string, claims map[string]any) (string, error) {
	header := map[string]any{"alg": "RS256", "kid": "rsa", "typ": "JWT"}
	key := k.rsa
	switch how {
	case ES256:
		header["alg"], header["kid"] = "ES256", "ec"
	case Unsigned:
		header = map[string]any{"alg": "none"}
	case HMACWithSecret, HMACWithPublicKey:
		header["alg"] = "HS256"
	case ForeignKey:
		key = k.foreign
	case EmbeddedForeignKey:
		key, header["jwk"], header["kid"] = k.foreign, publicRSA(k.foreign, "own"), "own"
	case RS256, Altered:
	}
	signed, err := signingInput(header, claims)
	if err != nil {
		return "", err
	}
	signature, err := k.signature(how, key, secret, []byte(signed))
	if err != nil {
		return "", fmt.Errorf("sign an ID token: %w", err)
	}
	if how == Altered {
		claims["email"] = "somebody-else@example.com"
		if signed, err = signingInput(header, claims); err != nil {
			return "", err
		}
	}
	return signed + "." + encode(signature), nil
}

func signingInput(header, claims map[string]any) (string, error) {
	h, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	return encode(h) + "." + encode(c), err
}

func (k keys) signature(how Signature, key *rsa.PrivateKey, secret string, signed []byte) ([]byte, error) {
	digest := sha256.Sum256(signed)
	switch how {
	case Unsigned:
		return nil, nil
	case HMACWithSecret:
		return mac([]byte(secret), signed), nil
	case HMACWithPublicKey:
		der, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
		return mac(der, signed), err
	case ES256:
		r, s, err := ecdsa.Sign(rand.Reader, k.ecdsa, digest[:])
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil // RFC 7518 §3.4
	default:
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
