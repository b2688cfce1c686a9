package resourceserver

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// LifespanMax is the longest that a token of this service lives. Revocations are forgotten once every token they could affect
// must have expired, so a token that claims to live longer is refused.
const LifespanMax = 24 * time.Hour

// tokenSizeMax bounds the work that an unauthenticated caller can cause; the service's own tokens stay below 2 KB.
const tokenSizeMax = 16 << 10

// strictBase64 rejects non-zero trailing bits, which would allow a second spelling of the same bytes (RFC 4648 §3.5).
var strictBase64 = base64.RawURLEncoding.Strict()

// compact is a token split into its three parts (RFC 7515 §7.1), not yet verified.
type compact struct {
	kid       string
	input     []byte // what the signature covers
	payload   string // base64url
	signature []byte
}

// joseHeader holds the parameters of a protected header that are used. jku, jwk, x5u and x5c are ignored: keys come from the
// issuer's published set alone.
type joseHeader struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

// check returns ErrAlgorithm, ErrType, ErrUnknownKey or nil.
func (h *joseHeader) check(typ string) error {
	if h.Algorithm != "ES256" || h.Critical != nil {
		return ErrAlgorithm
	}
	// The "application/" prefix of a media type may be omitted, and case doesn't matter (RFC 7515 §4.1.9).
	if media := strings.ToLower(h.Type); strings.TrimPrefix(media, "application/") != typ {
		return ErrType
	}
	if h.KeyID == "" {
		return ErrUnknownKey
	}
	return nil
}

// parseCompact splits a raw token and checks its header. Errors: ErrMalformed, ErrAlgorithm, ErrType, ErrUnknownKey.
func parseCompact(raw string) (compact, error) {
	header, rest, ok := strings.Cut(raw, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || !isBase64URL(header) || !isBase64URL(payload) || !isBase64URL(signature) {
		return compact{}, ErrMalformed
	}
	headerJSON, err := strictBase64.DecodeString(header)
	if err != nil {
		return compact{}, ErrMalformed
	}
	var h joseHeader
	if err := json.Unmarshal(headerJSON, &h); err != nil {
		return compact{}, fmt.Errorf("%w: header is not a JSON object", ErrMalformed)
	}
	if err := h.check("at+jwt"); err != nil {
		return compact{}, err
	}
	signatureBytes, err := strictBase64.DecodeString(signature)
	if err != nil || len(signatureBytes) != es256SignatureSize {
		return compact{}, fmt.Errorf("%w: signature is not 64 bytes in base64url", ErrMalformed)
	}
	input := raw[:len(header)+1+len(payload)]
	return compact{kid: h.KeyID, input: []byte(input), payload: payload, signature: signatureBytes}, nil
}

// isBase64URL exists because Go's decoder skips line breaks, which would allow many spellings of one token.
func isBase64URL(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != ""
}

// claims of an access token (RFC 9068 §2.2, RFC 7519 §4.1). Pointers distinguish a missing value from zero.
type claims struct {
	Issuer     string   `json:"iss"`
	Audience   audience `json:"aud"`
	Subject    string   `json:"sub"`
	ClientID   string   `json:"client_id"`
	TenancyID  string   `json:"tenancy_id"`
	Scope      string   `json:"scope"`
	IssuedAt   *int64   `json:"iat"`
	NotBefore  *int64   `json:"nbf"`
	Expires    *int64   `json:"exp"`
	TokenID    string   `json:"jti"`
	Generation *int64   `json:"gen"`
}

// audience is one string or several (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON reads a string or an array of strings.
func (a *audience) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(a))
	}
	*a = make(audience, 1)
	return json.Unmarshal(data, &(*a)[0])
}

// parseClaims parses the payload of a token whose signature has been verified. Error: ErrMalformed.
func parseClaims(payload string) (*claims, error) {
	payloadJSON, err := strictBase64.DecodeString(payload)
	if err != nil {
		return nil, ErrMalformed
	}
	var c claims
	if err := json.Unmarshal(payloadJSON, &c); err != nil {
		return nil, fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	if c.Subject == "" || c.ClientID == "" || c.TenancyID == "" || c.TokenID == "" ||
		c.IssuedAt == nil || c.Expires == nil || c.Generation == nil {
		return nil, fmt.Errorf("%w: a claim is missing", ErrMalformed)
	}
	return &c, nil
}

// verifiedToken is a token whose signature and unchanging claims have been verified. What can change, the time and the
// revocations, is checked at every use.
type verifiedToken struct {
	identity  Identity
	notBefore int64 // Unix seconds
	expires   int64 // likewise
	client    digest
	token     digest
	keysEpoch uint64

	checked atomic.Uint64 // the last change of the revocations after which the token was found not to be revoked; 0 means never
}

func newVerifiedToken(c *claims, keysEpoch uint64) *verifiedToken {
	token := &verifiedToken{
		identity: Identity{
			ClientID: c.ClientID, TenancyID: c.TenancyID, Subject: c.Subject,
			TokenID: c.TokenID, Generation: *c.Generation,
			IssuedAt: time.Unix(*c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(*c.Expires, 0).UTC(),
			Scopes: strings.Fields(c.Scope),
		},
		notBefore: *c.IssuedAt, expires: *c.Expires,
		client: digestOf(c.ClientID), token: digestOf(c.TokenID),
		keysEpoch: keysEpoch,
	}
	if c.NotBefore != nil {
		token.notBefore = max(token.notBefore, *c.NotBefore)
	}
	return token
}

// checkTime returns ErrExpired, ErrNotYetValid or nil. The expiry is the first second at which the token is dead (RFC 7519
// §4.1.4); the leeway shifts it.
func (t *verifiedToken) checkTime(now time.Time, leeway time.Duration) error {
	if now.Add(-leeway).Unix() >= t.expires {
		return ErrExpired
	}
	if now.Add(leeway).Unix() < t.notBefore {
		return ErrNotYetValid
	}
	return nil
}

// copyIdentity returns a copy, so that callers can't change what other requests with the same token see.
func (t *verifiedToken) copyIdentity() *Identity {
	identity := t.identity
	identity.Scopes = slices.Clone(identity.Scopes)
	return &identity
}

// checkFixed checks the claims whose meaning doesn't change over time. It returns ErrIssuer, ErrAudience, ErrLifespan, ErrTenancy
// or nil.
func (c *claims) checkFixed(issuer, wantAudience, wantTenancy string) error {
	if c.Issuer != issuer {
		return ErrIssuer
	}
	if !slices.Contains(c.Audience, wantAudience) {
		return ErrAudience
	}
	// Subtracting absurd numbers could overflow, so those are refused first.
	const plausible = int64(1) << 40
	if *c.IssuedAt < 0 || *c.Expires > plausible || *c.Expires-*c.IssuedAt > int64(LifespanMax/time.Second) {
		return ErrLifespan
	}
	if wantTenancy != "" && c.TenancyID != wantTenancy {
		return ErrTenancy
	}
	return nil
}
