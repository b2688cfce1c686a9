package signing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidJWS means that a JWS is malformed, has another type, or is not signed by one of the keys.
var ErrInvalidJWS = errors.New("invalid signature")

// jwsHeader is the protected header of what is signed here.
type jwsHeader struct {
	Algorithm string `json:"alg"`
	KID       string `json:"kid"`
	Type      string `json:"typ"`
}

// JWS is a signed document, with its parts encoded. In JSON it is the flattened serialization (RFC 7515 §7.2.2).
type JWS struct {
	Protected string `json:"protected"`
	Payload   string `json:"payload"`
	Signature string `json:"signature"`
}

// Compact returns the compact serialization (RFC 7515 §7.1).
func (j JWS) Compact() string { return j.Protected + "." + j.Payload + "." + j.Signature }

// SignJWS signs payload, as JSON, with the current signing key. typ says what the document is for, so that it can't be mistaken
// for something else. Errors: [ErrNoKey].
func (k *Keyring) SignJWS(typ string, payload any) (JWS, error) {
	key, err := k.Signer()
	if err != nil {
		return JWS{}, err
	}
	header, err := json.Marshal(jwsHeader{Algorithm, key.KID, typ})
	if err != nil {
		return JWS{}, fmt.Errorf("encode header: %w", err)
	}
	content, err := json.Marshal(payload)
	if err != nil {
		return JWS{}, fmt.Errorf("encode payload: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := JWS{Protected: encode(header), Payload: encode(content)}
	signature, err := k.Sign(key, []byte(signed.Protected+"."+signed.Payload))
	if err != nil {
		return JWS{}, fmt.Errorf("sign: %w", err)
	}
	signed.Signature = encode(signature)
	return signed, nil
}

// VerifyStoredJWS verifies a compact JWS of type typ with the key that it names, which is read from the store and need no longer
// be published, and decodes the payload. It is for documents that are kept for years: for tokens, use [Keyring.Verify]. Errors:
// [ErrInvalidJWS]; those of the store; that the key can't be opened.
func (k *Keyring) VerifyStoredJWS(ctx context.Context, typ, compact string, payload any) error {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%w: not a compact JWS", ErrInvalidJWS)
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return fmt.Errorf("%w: not a compact JWS", ErrInvalidJWS)
		}
	}
	var header jwsHeader
	strict := json.NewDecoder(bytes.NewReader(decoded[0]))
	strict.DisallowUnknownFields() // including crit, which demands processing that is not done here (RFC 7515 §4.1.11)
	if err := strict.Decode(&header); err != nil || header.Algorithm != Algorithm || header.Type != typ {
		return fmt.Errorf("%w: wrong header for type %s", ErrInvalidJWS, typ)
	}
	records, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.KID != header.KID {
			continue
		}
		private, err := k.open(r)
		if err != nil {
			return fmt.Errorf("signing key %s: %w", r.KID, err)
		}
		if err := k.verifier.Verify([]byte(parts[0]+"."+parts[1]), decoded[2], &private.PublicKey); err != nil {
			return fmt.Errorf("%w by signing key %s", ErrInvalidJWS, r.KID)
		}
		if err := json.Unmarshal(decoded[1], payload); err != nil {
			return fmt.Errorf("%w: decode the payload: %w", ErrInvalidJWS, err)
		}
		return nil
	}
	return fmt.Errorf("%w: unknown signing key", ErrInvalidJWS)
}
