package eventlog

import (
	"context"
	"errors"
)

// ErrAuthorityLost means that who asked for a change may not make it any more.
var ErrAuthorityLost = errors.New("the authority to make this change has ended")

// Authority is what entitles an actor to make changes, as it was when the request was let in. Changes wait for their turn, and
// whoever was thrown out meanwhile must not get one: the store looks at it again when nothing can change before the commit.
type Authority struct {
	Kind ActorKind // ActorOperator or ActorAPIKey
	ID   string    // of the operator or key
	// Generation is that of the session or token; the operator or key has it still, and is active.
	Generation int64
	Role       string // an operator's, who has it still
	TokenID    string // a token's, which has not been revoked by itself
	KeyID      string // of the signing key of a token, which still counts
}

type authorityKey struct{}

// WithAuthority returns a context whose changes are made only while a holds.
func WithAuthority(ctx context.Context, a Authority) context.Context {
	return context.WithValue(ctx, authorityKey{}, a)
}

// AuthorityOf returns the authority of a context; not ok is for what the service and its commands do by themselves, and for who
// proves otherwise who they are.
func AuthorityOf(ctx context.Context) (a Authority, ok bool) {
	a, ok = ctx.Value(authorityKey{}).(Authority)
	return a, ok
}
