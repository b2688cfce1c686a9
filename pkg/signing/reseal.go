package signing

import (
	"context"
	"fmt"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// Reseal seals all private keys that are sealed with another key, even those of keys that are no longer published, with box's
// master key, either all or none of them, and returns how many. Errors: sealed.ErrWrongKey; those of the store.
func (k *Keyring) Reseal(ctx context.Context, box *sealed.Box, actor eventlog.Actor) (resealed int, err error) {
	err = k.store.ChangeSigningKeys(ctx, func(records []Record) (*Change, error) {
		fresh := map[string][]byte{}
		for _, r := range records {
			private, err := box.Reseal(r.Private, binding(r.KID))
			if err != nil {
				return nil, fmt.Errorf("signing key %s: %w", r.KID, err)
			}
			if private != nil {
				fresh[r.KID] = private
			}
		}
		resealed = len(fresh)
		if resealed == 0 {
			return nil, nil
		}
		event, err := draft(k.clock(), eventlog.SigningKeysResealed, actor, "", eventlog.State{"signing_keys": resealed})
		return &Change{Private: fresh, Event: event}, err
	})
	return resealed, err
}

// Check opens every private key. Errors: sealed.ErrWrongKey for the first that the master key does not open; those of the store.
func (k *Keyring) Check(ctx context.Context) error {
	records, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		if _, err := k.open(r); err != nil {
			return fmt.Errorf("signing key %s: %w", r.KID, err)
		}
	}
	return nil
}
