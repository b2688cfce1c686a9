package signing

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Revoke takes a key out of the published set at once: every token that it signed is dead. When it was the one that signs,
// or that was to sign next, a successor is made in the same transaction, which signs at once if no other key does.
// Errors: [ErrUnknownKey] when no published key has the kid; sealed.ErrWrongKey when a successor is needed and the master key opens
// none of the keys that there are; those of the store.
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
			// One that opens some will do: what was sealed with a wrong key must be possible to revoke.
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

// Published reports whether a key is published now, and so whether what it signed counts.
func (k *Keyring) Published(kid string) bool {
	return k.current.Load().key(kid) != nil
}

// drop forgets a key that was revoked elsewhere, before the store is asked for the keys that are left.
func (k *Keyring) drop(kid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked[kid] = true
	k.current.Store(k.current.Load().without(k.revoked))
}
