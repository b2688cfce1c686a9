package sqlstore

import (
	"context"
	"fmt"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
)

var _ signing.Store = (*Store)(nil)

// signingKeyRow is a row of signing_key.
type signingKeyRow struct {
	KID       string  `gorm:"column:kid;primaryKey"`
	Algorithm string  `gorm:"column:algorithm"`
	Private   []byte  `gorm:"column:private"` // encrypted
	Created   instant `gorm:"column:created_at"`
	NotBefore instant `gorm:"column:not_before"`
	RetireAt  instant `gorm:"column:retire_at"`
}

// TableName implements schema.Tabler.
func (signingKeyRow) TableName() string { return "signing_key" }

func newSigningKeyRow(r signing.Record) signingKeyRow {
	return signingKeyRow{
		KID: r.KID, Algorithm: r.Algorithm, Private: r.Private, Created: newInstant(r.CreatedAt),
		NotBefore: newInstant(r.NotBefore), RetireAt: newInstant(r.RetireAt),
	}
}

func (r signingKeyRow) record() (signing.Record, error) {
	if r.Algorithm != signing.Algorithm {
		return signing.Record{}, fmt.Errorf("stored signing key %s: unknown algorithm %q", r.KID, r.Algorithm)
	}
	return signing.Record{
		KID: r.KID, Algorithm: r.Algorithm, Private: r.Private, CreatedAt: r.Created.time(),
		NotBefore: r.NotBefore.time(), RetireAt: r.RetireAt.time(),
	}, nil
}

func (t tx) signingKeys() ([]signing.Record, error) {
	var rows []signingKeyRow
	if err := t.db.Order("not_before, kid").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	records := make([]signing.Record, len(rows))
	for i, row := range rows {
		var err error
		if records[i], err = row.record(); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// SigningKeys implements [signing.Store].
func (s *Store) SigningKeys(ctx context.Context) ([]signing.Record, error) {
	return readOne(ctx, s, tx.signingKeys)
}

// ChangeSigningKeys implements [signing.Store].
func (s *Store) ChangeSigningKeys(ctx context.Context, change func([]signing.Record) (*signing.Change, error)) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		records, err := t.signingKeys()
		if err != nil {
			return nil, err
		}
		changed, err := change(records)
		if err != nil {
			return nil, callerError{err}
		}
		if changed == nil {
			return nil, nil
		}
		for kid, end := range changed.RetireAt {
			if err := t.db.Model(&signingKeyRow{}).Where("kid = ?", kid).Update("retire_at", newInstant(end)).Error; err != nil {
				return nil, fmt.Errorf("retire signing key %s: %w", kid, err)
			}
		}
		for kid, private := range changed.Private {
			if err := t.db.Model(&signingKeyRow{}).Where("kid = ?", kid).Update("private", private).Error; err != nil {
				return nil, fmt.Errorf("reseal signing key %s: %w", kid, err)
			}
		}
		if changed.Add != nil {
			row := newSigningKeyRow(*changed.Add)
			if err := t.db.Create(&row).Error; err != nil {
				return nil, fmt.Errorf("store signing key %s: %w", row.KID, err)
			}
		}
		return &changed.Event, nil
	})
}
