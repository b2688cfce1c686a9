package signing

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Revoke removes a key from the published set at once: every token that it signed is dead. If it was the current signing key, or
// the next one, a successor is created in the same transaction, which signs at once if no other key does. Errors: [ErrUnknownKey]
// if no published key has the kid; sealed.ErrWrongKey if a successor is needed and the master key opens none of the existing
// keys; those of the store.
func (k *Keyring) Revoke(ctx context.Context, kid string, actor eventlog.Actor) error {
	err := k.store.ChangeSigningKeys(ctx, func(records []Record) (*Change, error) {
		now := k.clock()
		var remaining []Record
		found, signs, goesOn := false, false, false
		for _, r := range records {
			switch {
			case !r.publishedAt(now):
			case r.KID == kid:
				found = true
			default:
				remaining = append(remaining, r)
				signs = signs || r.signsAt(now)
				goesOn = goesOn || r.RetireAt.IsZero()
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: %s", ErrUnknownKey, kid)
		}
		change := &Change{RetireAt: map[string]time.Time{}}
		told := eventlog.State{}
		if !signs || !goesOn {
			lead := PublishLead
			if !signs {
				lead = 0
			}
			// A master key that opens only some of the keys will do: it must be possible to revoke a key that was sealed with a
			// wrong one.
			err := k.checkMasterKey(records)
			if err != nil {
				return nil, err
			}
			if change, err = k.succeed(remaining, now, lead, actor); err != nil {
				return nil, err
			}
			told["successor"] = change.Add.KID
		}
		change.RetireAt[kid] = now.Add(-revokeMargin)
		var err error
		change.Event, err = draft(now, eventlog.SigningKeyRevoked, actor, kid, told)
		return change, err
	})
	if err != nil {
		return err
	}
	return k.reload(ctx)
}

// Published reports whether a key is published now, and so whether its signatures are accepted.
func (k *Keyring) Published(kid string) bool {
	return k.current.Load().key(kid) != nil
}

// drop forgets a key that was revoked, before the remaining keys are read from the store.
func (k *Keyring) drop(kid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked[kid] = true
	k.current.Store(k.current.Load().without(k.revoked))
}
