package signing

import (
	"context"
	"encoding/json"
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
				signs = signs || (&Key{NotBefore: r.NotBefore, RetireAt: r.RetireAt}).signsAt(now)
				goesOn = goesOn || r.RetireAt.IsZero()
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: %s", ErrUnknownKey, kid)
		}
		change := &Change{RetireAt: map[string]time.Time{}}
		told := map[string]string{}
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
			if change, err = k.succeed(remaining, lead, actor); err != nil {
				return nil, err
			}
			if !signs {
				change.Add.NotBefore = now // also when no key is left and it is the first again
			}
			told["successor"] = change.Add.KID
		}
		change.RetireAt[kid] = now.Add(-revokeMargin)
		after, err := json.Marshal(told)
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		change.Event = eventlog.Draft{
			At: now, Action: eventlog.SigningKeyRevoked, Actor: actor, After: after,
			Subject: eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: kid},
		}
		return change, nil
	})
	if err != nil {
		return err
	}
	return k.reload(ctx)
}

// Fresh returns a new key that signs at once, for a store that is to forget all others.
func (k *Keyring) Fresh() (Record, error) {
	change, err := k.succeed(nil, 0, eventlog.Actor{})
	if err != nil {
		return Record{}, err
	}
	return *change.Add, nil
}

// Published reports whether a key is published now, and so whether what it signed counts.
func (k *Keyring) Published(kid string) bool {
	set := k.current.Load()
	return set != nil && set.key(kid) != nil
}

// publishedAt reports whether the key is published at a time after its creation.
func (r Record) publishedAt(now time.Time) bool { return r.RetireAt.IsZero() || now.Before(r.RetireAt) }

// drop forgets a key that was revoked elsewhere, before the store is asked for the keys that are left.
func (k *Keyring) drop(kid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked[kid] = true
	if set := k.current.Load(); set != nil {
		k.current.Store(set.without(k.revoked))
	}
}
