package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
)

var _ revocation.Store = (*Store)(nil)

// revokedTokenRow is a row of revoked_token.
type revokedTokenRow struct {
	TokenID  string  `gorm:"column:jti;primaryKey"`
	ClientID string  `gorm:"column:client_id"`
	Expires  instant `gorm:"column:expires_at"`
}

// TableName implements schema.Tabler.
func (revokedTokenRow) TableName() string { return "revoked_token" }

// RevokeToken implements [revocation.Store].
func (s *Store) RevokeToken(ctx context.Context, event eventlog.Draft) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		r := event.Revokes
		row := revokedTokenRow{TokenID: r.TokenID, ClientID: r.ClientID, Expires: newInstant(r.ExpiresAt)}
		stored := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if stored.Error != nil {
			return nil, fmt.Errorf("store a revoked token: %w", stored.Error)
		}
		if stored.RowsAffected == 0 {
			return nil, nil
		}
		return &event, nil
	})
}

// TokenRevoked implements [revocation.Store].
func (s *Store) TokenRevoked(ctx context.Context, tokenID string) (bool, error) {
	var rows []revokedTokenRow
	err := s.read(ctx, func(t tx) error {
		if err := t.db.Where("jti = ?", tokenID).Limit(1).Find(&rows).Error; err != nil {
			return fmt.Errorf("look a revoked token up: %w", err)
		}
		return nil
	})
	return len(rows) > 0, err
}

// PurgeRevokedTokens implements [revocation.Store].
func (s *Store) PurgeRevokedTokens(ctx context.Context, before time.Time) error {
	return s.write(ctx, func(t tx) error {
		if err := t.db.Where("expires_at < ?", newInstant(before)).Delete(&revokedTokenRow{}).Error; err != nil {
			return fmt.Errorf("purge revoked tokens: %w", err)
		}
		return nil
	})
}

// revocationRow is what the log says about one revocation.
type revocationRow struct {
	Seq        int64   `gorm:"column:seq"`
	At         instant `gorm:"column:at"`
	ClientID   string  `gorm:"column:revoked_client_id"`
	Generation int64   `gorm:"column:revoked_generation"`
	TokenID    string  `gorm:"column:revoked_jti"`
	Expires    instant `gorm:"column:revoked_expires_at"`
	KID        string  `gorm:"column:revoked_kid"`
}

// Revocations implements [revocation.Store]. A client's generations rise along the log, so the highest is the newest.
func (s *Store) Revocations(ctx context.Context, since time.Time) (revocation.Past, error) {
	var head headRow
	var clients, tokens, keys []revocationRow
	err := s.snapshot(ctx, func(t tx) error {
		var err error
		if head, err = t.headRow(); err != nil {
			return err
		}
		err = t.db.Model(&eventRow{}).Where("tenancy_id = '' AND action = ? AND at > ?", string(eventlog.SigningKeyRevoked), newInstant(since)).
			Select("subject_id AS revoked_kid, seq, at").Scan(&keys).Error
		if err != nil {
			return fmt.Errorf("read revoked signing keys: %w", err)
		}
		revoked := t.db.Model(&eventRow{}).Where("revoked_client_id IS NOT NULL AND at > ?", newInstant(since))
		err = revoked.Session(&gorm.Session{}).Where("revoked_jti IS NULL").Group("revoked_client_id").
			Select("revoked_client_id, MAX(revoked_generation) AS revoked_generation, MAX(seq) AS seq, MAX(at) AS at").Scan(&clients).Error
		if err != nil {
			return fmt.Errorf("read revoked generations: %w", err)
		}
		err = revoked.Session(&gorm.Session{}).Where("revoked_jti IS NOT NULL").
			Select("revoked_client_id, revoked_jti, revoked_expires_at, seq, at").Scan(&tokens).Error
		if err != nil {
			return fmt.Errorf("read revoked tokens: %w", err)
		}
		return nil
	})
	if err != nil {
		return revocation.Past{}, err
	}
	past := revocation.Past{Seq: head.Seq, FeedBase: head.FeedBase, Revocations: make([]revocation.Revocation, 0, len(clients)+len(tokens)+len(keys))}
	for _, r := range slices.Concat(clients, tokens, keys) {
		past.Revocations = append(past.Revocations, revocation.Revocation{Seq: r.Seq, At: r.At.time(), KID: r.KID, Revocation: eventlog.Revocation{
			ClientID: r.ClientID, Generation: r.Generation, TokenID: r.TokenID, ExpiresAt: r.Expires.time(),
		}})
	}
	return past, nil
}
