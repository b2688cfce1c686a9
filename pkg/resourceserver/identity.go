package resourceserver

import (
	"context"
	"time"
)

// Identity is what a verified token says about its bearer. Each returned Identity is the caller's own copy.
type Identity struct {
	// ClientID is the API key's public identifier, "ak_...".
	ClientID string
	// TenancyID identifies the customer that owns the key.
	TenancyID string
	// Subject is the token's sub; for an API key it equals ClientID (RFC 9068 §2.2).
	Subject string
	// Scopes are the scopes granted to this token, unexpanded: query them with Scopes.Covers.
	Scopes Scopes
	// TokenID is the token's jti, unique per token.
	TokenID string
	// Generation is the generation of the key under which the token was issued.
	Generation int64
	// IssuedAt and ExpiresAt are in UTC, to the second.
	IssuedAt, ExpiresAt time.Time
}

type identityKey struct{}

// NewContext returns a context that carries the identity, for adapters to other frameworks and for tests of handlers.
func NewContext(ctx context.Context, identity *Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, identity)
}

// FromContext returns the identity that the middleware verified, and whether there is one: in handlers behind the middleware
// there always is.
func FromContext(ctx context.Context) (*Identity, bool) {
	identity, ok := ctx.Value(identityKey{}).(*Identity)
	return identity, ok
}
