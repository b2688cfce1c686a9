package revocation

import (
	"context"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Tokens revokes single tokens and knows which ones are revoked. It is safe for concurrent use.
type Tokens struct {
	store Store
	set   *Set
	fresh func() bool
	wake  func()
}

// NewTokens returns the revoked tokens of a store. While fresh reports that the log has been read recently enough, set alone
// answers; otherwise the store is asked as well. wake is called after a token has been revoked.
func NewTokens(store Store, set *Set, fresh func() bool, wake func()) *Tokens {
	return &Tokens{store: store, set: set, fresh: fresh, wake: wake}
}

// Revoke revokes the token that the event names. Revoking it again changes nothing. Errors: those of the store.
func (t *Tokens) Revoke(ctx context.Context, event eventlog.Draft) error {
	if err := t.store.RevokeToken(ctx, event); err != nil {
		return err
	}
	t.set.note(*event.Revokes)
	t.wake()
	return nil
}

// Revoked reports whether a token was revoked. Errors: those of the store.
func (t *Tokens) Revoked(ctx context.Context, tokenID string) (bool, error) {
	if t.set.TokenRevoked(tokenID) {
		return true, nil
	}
	if t.fresh() {
		return false, nil
	}
	return t.store.TokenRevoked(ctx, tokenID)
}
