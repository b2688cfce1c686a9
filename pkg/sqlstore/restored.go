package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/statuslist"
)

// statusIndexesLostMax is how many status list indexes may have been assigned since a backup was made. After a restore they are
// skipped, and read as revoked. It is a whole number of lists.
const statusIndexesLostMax = 16 * statuslist.Size

// Restored makes a database safe to use that was restored from a backup, in one transaction that is also recorded in the log. It
// invalidates everything issued so far, even what was issued after the backup was made, and makes sure that nothing is assigned a
// second time. Generations of keys and positions of the feed continue from at, in microseconds, which is higher than any assigned
// before. All signing keys except the given one, all sessions and all one-time links end.
func (s *Store) Restored(ctx context.Context, at time.Time, signingKey signing.Record, event eventlog.Draft) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		now := at.UnixMicro()
		row := newSigningKeyRow(signingKey)
		statements := []struct {
			doing, statement string
			values           []any
		}{
			{"raise generations", "UPDATE api_key SET generation = CASE WHEN generation < ? THEN ? ELSE generation + 1 END", []any{now, now}},
			{"end places in status lists", "UPDATE api_key SET status_index = NULL", nil}, // keys get new ones at the next start
			{"pass over places in status lists", "UPDATE log_head SET status_indexes = status_indexes + ?", []any{statusIndexesLostMax}},
			{"end signing keys", "UPDATE signing_key SET retire_at = ? WHERE retire_at IS NULL OR retire_at > ?", []any{now, now}},
			{"end sessions", "DELETE FROM session", nil},
			{"end one-time links", "UPDATE operator SET link_digest = NULL, link_expires_at = NULL, session_generation = session_generation + 1", nil},
			{"move the feed", "UPDATE log_head SET feed_base = CASE WHEN feed_base < ? THEN ? ELSE feed_base + seq + 1 END", []any{now, now}},
		}
		if t.dialect == sqliteDialect {
			statements = append(statements, struct {
				doing, statement string
				values           []any
			}{"take the mark of a backup away", fmt.Sprintf("PRAGMA user_version = %d", inService), nil})
		}
		for _, st := range statements {
			if err := t.db.Exec(st.statement, st.values...).Error; err != nil {
				return nil, fmt.Errorf("%s: %w", st.doing, err)
			}
		}
		if err := t.db.Create(&row).Error; err != nil {
			return nil, fmt.Errorf("store signing key %s: %w", row.KID, err)
		}
		return &event, nil
	})
}
