package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"gorm.io/gorm/clause"
)

var _ scs.CtxStore = (*Sessions)(nil)

// Sessions keeps the sessions of scs in the store's database. Tokens are stored as given: have scs hash them (HashTokenInStore),
// so that nobody who can read the table can take over a session. It is safe for concurrent use. Every method may fail with an
// error that is [apikey.ErrUnavailable].
type Sessions struct{ store *Store }

// Sessions returns the session store.
func (s *Store) Sessions() *Sessions { return &Sessions{s} }

// sessionRow is a row of session.
type sessionRow struct {
	Token   string  `gorm:"column:token;primaryKey"`
	Data    []byte  `gorm:"column:data"`
	Expires instant `gorm:"column:expires_at"`
}

// TableName implements schema.Tabler.
func (sessionRow) TableName() string { return "session" }

// FindCtx returns the data of a session, and whether there is one that has not expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	var rows []sessionRow
	err = s.store.read(ctx, func(t tx) error {
		err := t.db.Where("token = ? AND expires_at > ?", token, newInstant(s.store.now())).Limit(1).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("read a session: %w", err)
		}
		return nil
	})
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0].Data, true, nil
}

// CommitCtx stores a session, replacing one with the same token.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.store.write(ctx, func(t tx) error {
		row := sessionRow{Token: token, Data: data, Expires: newInstant(expiry)}
		replace := clause.OnConflict{
			Columns: []clause.Column{{Name: "token"}}, DoUpdates: clause.AssignmentColumns([]string{"data", "expires_at"}),
		}
		if err := t.db.Clauses(replace).Create(&row).Error; err != nil {
			return fmt.Errorf("store a session: %w", err)
		}
		return nil
	})
}

// ReplaceCtx stores a session in place of the one with the same token, if there is one and its data is old; nil stands for any.
func (s *Sessions) ReplaceCtx(ctx context.Context, token string, old, data []byte, expiry time.Time) error {
	return s.store.write(ctx, func(t tx) error {
		there := t.db.Model(&sessionRow{}).Where("token = ?", token)
		if old != nil {
			there = there.Where("data = ?", old)
		}
		if err := there.Updates(map[string]any{"data": data, "expires_at": newInstant(expiry)}).Error; err != nil {
			return fmt.Errorf("store a session: %w", err)
		}
		return nil
	})
}

// DeleteCtx removes a session; it is no error if there is none.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.store.write(ctx, func(t tx) error {
		if err := t.db.Where("token = ?", token).Delete(&sessionRow{}).Error; err != nil {
			return fmt.Errorf("delete a session: %w", err)
		}
		return nil
	})
}

// AllCtx returns the data of all sessions that have not expired, by token.
func (s *Sessions) AllCtx(ctx context.Context) (map[string][]byte, error) {
	var rows []sessionRow
	err := s.store.read(ctx, func(t tx) error {
		if err := t.db.Where("expires_at > ?", newInstant(s.store.now())).Find(&rows).Error; err != nil {
			return fmt.Errorf("read the sessions: %w", err)
		}
		return nil
	})
	sessions := make(map[string][]byte, len(rows))
	for _, row := range rows {
		sessions[row.Token] = row.Data
	}
	return sessions, err
}

// Purge removes the sessions that have expired.
func (s *Sessions) Purge(ctx context.Context) error {
	return s.store.write(ctx, func(t tx) error {
		if err := t.db.Where("expires_at <= ?", newInstant(s.store.now())).Delete(&sessionRow{}).Error; err != nil {
			return fmt.Errorf("purge sessions: %w", err)
		}
		return nil
	})
}

// Find is FindCtx without a context; scs requires it and doesn't call it.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context; scs requires it and doesn't call it.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context; scs requires it and doesn't call it.
func (s *Sessions) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}
