// Package token owns access tokens: their claims, and how they are issued and read (RFC 9068, JWT profile for OAuth 2.0 access
// tokens). It stores nothing: a token's signature makes it valid, and the token dies with its key's generation, which package
// oauth checks.
package token

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/signing"
)

// Type is the typ of the token's header (RFC 9068 §2.1).
const Type = "at+jwt"

// sizeMax bounds what is parsed as a token. A token with 100 long scopes stays below it.
const sizeMax = 16 << 10

// ErrInvalid means that the token is malformed, not signed by a published key, expired, or not for this audience.
var ErrInvalid = errors.New("invalid or expired token")

// Grant is what a token is issued for.
type Grant struct {
	ClientID   string
	TenancyID  string
	Scopes     scope.Set
	Generation int64
	Lifespan   time.Duration
	Status     Status
}

// Status is the place in a status list that says whether the token has been revoked. With the zero value the token has no status
// claim.
type Status struct {
	ListURI string
	Index   int64
}

// Claims are the claims of a token. Times are whole seconds.
type Claims struct {
	Issuer     string
	Audience   string
	ClientID   string // also the subject: there is no end user
	TenancyID  string
	Scopes     scope.Set
	Scope      string // the scopes, separated by spaces
	Generation int64
	TokenID    string
	KeyID      string // the kid of the signing key
	IssuedAt   time.Time
	ExpiresAt  time.Time
}

// payload is the claims as encoded (RFC 9068 §2.2; tenancy_id and gen are this service's own).
type payload struct {
	constant
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	ExpiresAt int64  `json:"exp"`
	TokenID   string `json:"jti"`
}

// constant is the claims that all tokens of a grant have in common. status is defined in draft-ietf-oauth-status-list §6.2.
type constant struct {
	Issuer     string       `json:"iss"`
	Audience   string       `json:"aud"`
	Subject    string       `json:"sub"`
	ClientID   string       `json:"client_id"`
	TenancyID  string       `json:"tenancy_id"`
	Scope      string       `json:"scope"`
	Generation int64        `json:"gen"`
	Status     *statusClaim `json:"status,omitempty"`
}

type statusClaim struct {
	List struct {
		Index int64  `json:"idx"`
		URI   string `json:"uri"`
	} `json:"status_list"`
}

type header struct {
	Algorithm string `json:"alg"`
	KID       string `json:"kid"`
	Type      string `json:"typ"`
}

// skewMax is how far apart the clocks of replicas may be for one to accept what another has just issued.
const skewMax = 10 * time.Second

// Verified tokens are cached up to a number of bytes, enough for about 50,000 tokens with a few scopes: the size of an entry
// without its scopes, and of each scope without its text.
const (
	seenBytesMax   = 32 << 20
	seenEntryBytes = 400
	seenScopeBytes = 16
)

// Issuer issues tokens and reads those that it issued. It is safe for concurrent use.
type Issuer struct {
	keyring  *signing.Keyring
	issuer   string
	audience string
	now      func() time.Time
	// seen holds the claims of tokens whose signatures have been verified, by the SHA-256 of the token. What can change about
	// them, namely that they expire, is checked each time.
	seen *otter.Cache[[sha256.Size]byte, *Claims]
	head atomic.Pointer[encodedHeader] // for the key that signed last
}

// NewIssuer returns an issuer. issuer is its URL and becomes iss; audience becomes aud.
func NewIssuer(keyring *signing.Keyring, issuer, audience string, now func() time.Time) *Issuer {
	return &Issuer{
		keyring: keyring, issuer: issuer, audience: audience, now: now,
		seen: otter.Must(&otter.Options[[sha256.Size]byte, *Claims]{
			MaximumWeight: seenBytesMax,
			Weigher: func(_ [sha256.Size]byte, c *Claims) uint32 {
				bytes := seenEntryBytes + len(c.Scope)
				for _, s := range c.Scopes {
					bytes += seenScopeBytes + len(s)
				}
				return uint32(bytes) //nolint:gosec // c came from a token of at most sizeMax
			},
		}),
	}
}

// Read verifies a token that this issuer issued and returns its claims. It does not check whether the token's API key is still
// active. Errors: [ErrInvalid]; those of the signing key store.
func (i *Issuer) Read(ctx context.Context, raw string) (Claims, error) {
	if len(raw) > sizeMax {
		return Claims{}, ErrInvalid
	}
	var room [1024]byte // on the stack, large enough for most tokens
	digest := sha256.Sum256(append(room[:0], raw...))
	claims, ok := i.seen.GetIfPresent(digest)
	if !ok {
		verified, err := i.verify(raw)
		if err != nil {
			return Claims{}, err
		}
		claims = &verified
		i.seen.Set(digest, claims)
	}
	if err := i.keyring.Refresh(ctx); err != nil { // only for tokens signed here, so that others cause no reading of keys
		return Claims{}, err
	}
	if !i.keyring.Published(claims.KeyID) {
		return Claims{}, ErrInvalid
	}
	if now := i.now(); now.Add(skewMax).Unix() < claims.IssuedAt.Unix() || now.Unix() >= claims.ExpiresAt.Unix() {
		return Claims{}, ErrInvalid
	}
	return *claims, nil
}

// verify checks everything about a token except the time. Errors: [ErrInvalid].
func (i *Issuer) verify(raw string) (Claims, error) {
	token := []byte(raw)
	dot := bytes.LastIndexByte(token, '.')
	if dot < 0 || bytes.ContainsAny(token, "\r\n") { // base64 skips line breaks
		return Claims{}, ErrInvalid
	}
	signed := token[:dot]
	encodedHead, encodedBody, ok := bytes.Cut(signed, []byte{'.'})
	if !ok {
		return Claims{}, ErrInvalid
	}
	var head header
	var body payload
	signature, err := decode(token[dot+1:])
	if err != nil || decodeJSON(encodedHead, &head) != nil || head.Algorithm != signing.Algorithm || head.Type != Type {
		return Claims{}, ErrInvalid
	}
	if i.keyring.Verify(head.KID, signed, signature) != nil || decodeJSON(encodedBody, &body) != nil {
		return Claims{}, ErrInvalid
	}
	scopes, err := scope.ParseSet(body.Scope)
	if err != nil || body.Issuer != i.issuer || body.Audience != i.audience || body.NotBefore != body.IssuedAt {
		return Claims{}, ErrInvalid
	}
	// One string instead of five: they lie next to each other in memory when the token is asked about again.
	granted := scopes.String()
	text := head.KID + body.ClientID + body.TenancyID + granted + body.TokenID
	next := func(like string) (part string) {
		part, text = text[:len(like)], text[len(like):]
		return part
	}
	return Claims{
		KeyID: next(head.KID), Issuer: i.issuer, Audience: i.audience, ClientID: next(body.ClientID), TenancyID: next(body.TenancyID),
		Scopes: scopes, Scope: next(granted), TokenID: next(body.TokenID), Generation: body.Generation,
		IssuedAt: time.Unix(body.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(body.ExpiresAt, 0).UTC(),
	}, nil
}

func decode(part []byte) ([]byte, error) {
	return base64.RawURLEncoding.Strict().AppendDecode(nil, part)
}

func decodeJSON(part []byte, into any) error {
	text, err := decode(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
