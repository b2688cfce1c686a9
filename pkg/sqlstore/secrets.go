package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// secretRow is a row of client_secret.
type secretRow struct {
	ID         string  `gorm:"column:id;primaryKey"`
	ClientID   string  `gorm:"column:client_id"`
	Digest     []byte  `gorm:"column:digest"`
	LastFour   string  `gorm:"column:last_four"`
	Created    instant `gorm:"column:created_at"`
	Expires    instant `gorm:"column:expires_at"`
	Retired    instant `gorm:"column:retired_at"`
	LastUsed   instant `gorm:"column:last_used_at"`
	LastUsedIP string  `gorm:"column:last_used_ip"`
}

// TableName implements schema.Tabler.
func (secretRow) TableName() string { return "client_secret" }

func newSecretRow(clientID string, s apikey.Secret) secretRow {
	return secretRow{
		ID: s.ID, ClientID: clientID, Digest: s.Digest[:], LastFour: s.LastFour, Created: newInstant(s.CreatedAt),
		Expires: newInstant(s.ExpiresAt), Retired: newInstant(s.RetiredAt),
		LastUsed: newInstant(s.LastUsedAt), LastUsedIP: s.LastUsedIP,
	}
}

func (r secretRow) secret() (apikey.Secret, error) {
	digest, err := newDigest(r.Digest)
	if err != nil {
		return apikey.Secret{}, fmt.Errorf("secret %s: %w", r.ID, err)
	}
	return apikey.Secret{
		ID: r.ID, Digest: digest, LastFour: r.LastFour, CreatedAt: r.Created.time(), ExpiresAt: r.Expires.time(),
		RetiredAt: r.Retired.time(), LastUsedAt: r.LastUsed.time(), LastUsedIP: r.LastUsedIP,
	}, nil
}

// listed returns the secrets that a key lists: those not retired, newest first.
func listed(secrets []apikey.Secret) []apikey.Secret {
	kept := make([]apikey.Secret, 0, len(secrets))
	for _, s := range secrets {
		if s.RetiredAt.IsZero() {
			kept = append(kept, s)
		}
	}
	slices.SortFunc(kept, func(a, b apikey.Secret) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return kept
}

// insertSecrets stores new secrets of a key.
func (t tx) insertSecrets(clientID string, secrets []apikey.Secret) error {
	if len(secrets) == 0 {
		return nil
	}
	rows := make([]secretRow, len(secrets))
	for i, s := range secrets {
		rows[i] = newSecretRow(clientID, s)
	}
	if err := t.db.Create(&rows).Error; err != nil {
		return fmt.Errorf("store secrets of %s: %w", clientID, err)
	}
	return nil
}

// changeSecrets stores the secrets that are new in after, and the changed ends of those that are also in before, and returns all
// secrets that the key then lists. It never changes anything else about a secret, not even its last use, and it keeps secrets
// that after omits.
func (t tx) changeSecrets(clientID string, before, after []apikey.Secret) ([]apikey.Secret, error) {
	result := slices.Clone(before)
	var added []apikey.Secret
	for _, s := range after {
		i := slices.IndexFunc(before, func(old apikey.Secret) bool { return old.ID == s.ID })
		if i < 0 {
			added = append(added, s)
			continue
		}
		old := &result[i]
		if old.ExpiresAt.Equal(s.ExpiresAt) && old.RetiredAt.Equal(s.RetiredAt) {
			continue
		}
		old.ExpiresAt, old.RetiredAt = s.ExpiresAt, s.RetiredAt
		changed := t.db.Model(&secretRow{}).Where("id = ? AND client_id = ?", s.ID, clientID).
			Updates(map[string]any{"expires_at": newInstant(s.ExpiresAt), "retired_at": newInstant(s.RetiredAt)})
		if changed.Error != nil {
			return nil, fmt.Errorf("change secret %s: %w", s.ID, changed.Error)
		}
	}
	if err := t.insertSecrets(clientID, added); err != nil {
		return nil, err
	}
	return listed(append(result, added...)), nil
}

// Expired implements [apikey.Store].
func (s *Store) Expired(ctx context.Context, now time.Time, limit int) ([]apikey.Ref, error) {
	var refs []apikey.Ref
	err := s.read(ctx, func(t tx) error {
		err := t.db.Table("client_secret s").Joins("JOIN api_key k ON k.client_id = s.client_id").
			Where("s.expires_at IS NOT NULL AND s.retired_at IS NULL AND s.expires_at <= ?", newInstant(now)).
			Select("DISTINCT k.tenancy_id, k.client_id").Limit(limit).Scan(&refs).Error
		if err != nil {
			return fmt.Errorf("read expired secrets: %w", err)
		}
		return nil
	})
	return refs, err
}
