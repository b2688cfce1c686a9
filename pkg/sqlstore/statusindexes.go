package sqlstore

import (
	"context"
	"fmt"

	"github.com/piercloud/apikeys/pkg/statuslist"
)

var _ statuslist.Store = (*Store)(nil)

// nextStatusIndex assigns a status list index. The change has locked the log's head, which counts the indexes, so no other change
// gets the same one.
func (t tx) nextStatusIndex() (index int64, err error) {
	err = t.db.Raw("UPDATE log_head SET status_indexes = status_indexes + 1 WHERE id = ? RETURNING status_indexes", headID).Scan(&index).Error
	if err != nil {
		return 0, fmt.Errorf("give out a status index: %w", err)
	}
	return index, nil
}

// StatusIndexes implements [statuslist.Store].
func (s *Store) StatusIndexes(ctx context.Context, first, count int64) (statuslist.Indexes, error) {
	var found statuslist.Indexes
	err := s.snapshot(ctx, func(t tx) (err error) {
		head, err := t.headRow()
		if err != nil {
			return err
		}
		found.Given = head.StatusIndexes
		held := t.db.Model(&keyRow{}).Where("status_index >= ? AND status_index < ?", first, first+count)
		if err := held.Pluck("status_index", &found.Held).Error; err != nil {
			return fmt.Errorf("read the status indexes from %d on: %w", first, err)
		}
		return nil
	})
	return found, err
}

// indexBatch is how many keys one transaction of GiveStatusIndexes changes, so that it does not block others for long.
const indexBatch = 5000

// GiveStatusIndexes assigns an index to each key that has none. Such keys were stored by a version of the service without status
// lists, or lost their index when the database was restored. If there are none, it runs a statement that finds nothing. It is not
// recorded in the log as a change of a key: no token issued so far refers to the new index.
func (s *Store) GiveStatusIndexes(ctx context.Context) error {
	for {
		var given int64
		err := s.writeAll(ctx, func(t tx) error {
			if _, err := t.lockHead(); err != nil {
				return err
			}
			// Uses are recorded meanwhile, which locks keys in this order, too.
			lock := map[dialect]string{postgresDialect: " FOR UPDATE"}[t.dialect]
			changed := t.db.Exec(`UPDATE api_key SET status_index = numbered.status_index FROM (
					SELECT client_id, (SELECT status_indexes FROM log_head) + ROW_NUMBER() OVER (ORDER BY client_id) AS status_index
					FROM (SELECT client_id FROM api_key WHERE status_index IS NULL ORDER BY client_id LIMIT ?`+lock+`) locked
				) numbered WHERE api_key.client_id = numbered.client_id`, indexBatch)
			if changed.Error != nil {
				return fmt.Errorf("give status indexes to keys: %w", changed.Error)
			}
			given = changed.RowsAffected
			moved := t.db.Exec("UPDATE log_head SET status_indexes = status_indexes + ? WHERE id = ?", given, headID)
			if moved.Error != nil {
				return fmt.Errorf("count the status indexes: %w", moved.Error)
			}
			return nil
		})
		if err != nil || given < indexBatch {
			return err
		}
	}
}
