package token

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/piercloud/apikeys/pkg/signing"
)

// Prepared is a grant with everything that its tokens have in common already encoded: make one when the grant changes, not for
// each token. It is immutable, and safe for concurrent use.
type Prepared struct {
	Grant Grant
	Scope string // the granted scopes, separated by spaces

	// The beginning of the claims: the part that fills whole groups of three bytes, in base64url, and the remainder unencoded.
	encoded []byte
	rest    []byte
}

// Room for the parts that differ between tokens, and the size of the signature.
const (
	variableMax   = 160
	signatureSize = 64
)

// Prepare returns a prepared grant, for which tokens can be issued.
func (i *Issuer) Prepare(g Grant) (*Prepared, error) {
	p := &Prepared{Grant: g, Scope: g.Scopes.String()}
	claims := constant{
		Issuer: i.issuer, Audience: i.audience, Subject: g.ClientID, ClientID: g.ClientID, TenancyID: g.TenancyID,
		Scope: p.Scope, Generation: g.Generation,
	}
	if g.Status != (Status{}) {
		claims.Status = &statusClaim{}
		claims.Status.List.Index, claims.Status.List.URI = g.Status.Index, g.Status.ListURI
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("encode claims: %w", err)
	}
	text = text[:len(text)-1] // more members will follow
	whole := len(text) / 3 * 3
	// Both parts go into one allocation of exactly their size, because there are very many of them.
	room := make([]byte, 0, base64.RawURLEncoding.EncodedLen(whole)+len(text)-whole)
	p.encoded = base64.RawURLEncoding.AppendEncode(room, text[:whole])
	p.rest = append(p.encoded, text[whole:]...)[len(p.encoded):]
	return p, nil
}

// Issue returns a signed token. Errors: signing.ErrNoKey; those of the signing key store.
func (i *Issuer) Issue(ctx context.Context, p *Prepared) (string, error) {
	if err := i.keyring.Refresh(ctx); err != nil {
		return "", err
	}
	key, err := i.keyring.Signer()
	if err != nil {
		return "", err
	}
	head, err := i.header(key.KID)
	if err != nil {
		return "", err
	}
	now := i.now().Unix()
	var room [variableMax]byte
	variable := append(room[:0], p.rest...)
	variable = append(variable, `,"iat":`...)
	variable = strconv.AppendInt(variable, now, 10)
	variable = append(variable, `,"nbf":`...)
	variable = strconv.AppendInt(variable, now, 10)
	variable = append(variable, `,"exp":`...)
	variable = strconv.AppendInt(variable, now+int64(p.Grant.Lifespan/time.Second), 10)
	variable = append(variable, `,"jti":"`...)
	variable = append(variable, rand.Text()...) // base32
	variable = append(variable, `"}`...)

	encoding := base64.RawURLEncoding
	token := make([]byte, 0, len(head)+len(p.encoded)+encoding.EncodedLen(variableMax)+1+encoding.EncodedLen(signatureSize))
	token = append(token, head...)
	token = append(token, p.encoded...)
	token = encoding.AppendEncode(token, variable)
	signature, err := i.keyring.Sign(key, token)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	token = append(token, '.')
	return string(encoding.AppendEncode(token, signature)), nil
}

// encodedHeader is the header of every token signed with one key, in base64url with the dot that follows it.
type encodedHeader struct {
	kid  string
	text []byte
}

// header returns the encoded header for a key. It is encoded once per key, not once per token.
func (i *Issuer) header(kid string) ([]byte, error) {
	if known := i.head.Load(); known != nil && known.kid == kid {
		return known.text, nil
	}
	head, err := json.Marshal(header{signing.Algorithm, kid, Type})
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	text := append(base64.RawURLEncoding.AppendEncode(nil, head), '.')
	i.head.Store(&encodedHeader{kid, text})
	return text, nil
}
