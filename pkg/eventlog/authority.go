package eventlog

import (
	"context"
	"errors"
)

// ErrAuthorityLost means that the caller is no longer entitled to make the change, or to read on.
var ErrAuthorityLost = errors.New("the authority for this request has ended")

// Authority is what entitled an actor to its request when that was admitted. Changes wait for their turn, and an actor that has lost
// its rights meanwhile must not get one: the store checks the authority again at a point from which nothing can change before the
// commit. The log may be exported for hours, so each reading of a part of it checks the authority, too.
type Authority struct {
	Kind ActorKind // ActorOperator or ActorAPIKey
	ID   string    // of the operator or key
	// Generation is that of the session or token. It must still be that of the operator or key, which must be active.
	Generation int64
	Role       string // of an operator, who must still have it
	TokenID    string // of a token, which must not have been revoked individually
	KeyID      string // of the key that signed the token, which must still be published
}

type authorityKey struct{}

// WithAuthority returns a context whose changes are made, and in which the log is searched, only while a is valid.
func WithAuthority(ctx context.Context, a Authority) context.Context {
	return context.WithValue(ctx, authorityKey{}, a)
}

// AuthorityOf returns the authority of a context. ok is false for what the service and its commands do on their own, and for
// callers that authenticate in another way.
func AuthorityOf(ctx context.Context) (a Authority, ok bool) {
	a, ok = ctx.Value(authorityKey{}).(Authority)
	return a, ok
}
