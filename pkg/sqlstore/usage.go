package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

var _ usage.Store = (*Store)(nil)

// Record implements [usage.Store].
func (s *Store) Record(ctx context.Context, b usage.Batch) error {
	return s.writeAll(ctx, func(t tx) error { return t.record(b) })
}

func (t tx) record(b usage.Batch) error {
	if err := t.lookRowsUp(); err != nil {
		return err
	}
	b, err := t.lockKeys(b)
	if err != nil {
		return err
	}
	if err := t.recordUses(b.Uses); err != nil {
		return err
	}
	if err := t.addCounts(b.Counts); err != nil {
		return err
	}
	if err := t.addTotals(b.Counts); err != nil {
		return err
	}
	return t.keepDenials(b.Denials)
}

// lookRowsUp makes the statements of this transaction look up rows in indexes, one by one. Going by its estimates, PostgreSQL
// would rather read a whole table of a hundred thousand keys for the thousand keys of a batch, which takes several times as long.
// So does compiling a statement that it considers costly.
func (t tx) lookRowsUp() error {
	if t.dialect == sqliteDialect {
		return nil
	}
	err := t.db.Exec("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), " +
		"set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)").Error
	if err != nil {
		return fmt.Errorf("configure the planner: %w", err)
	}
	return nil
}

// clientColumns are the columns of [clientRows].
var clientColumns = []notedColumn{{"client_id", "TEXT"}}

// clientRows returns client IDs as rows, sorted and without duplicates. It sorts the slice it is given.
func clientRows(ids []string) [][]any {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id}
	}
	return rows
}

// lockKeys locks the keys that a batch is about, in the order of their client IDs, before anything that belongs to a key is
// written, and returns the part of the batch whose keys still exist. Other batches and changes of these keys wait, so that no key
// is deleted in the middle of a batch, and nobody holds some keys while waiting for others. On SQLite the transaction has already
// locked the whole database.
func (t tx) lockKeys(b usage.Batch) (usage.Batch, error) {
	ids := make([]string, 0, len(b.Uses)+len(b.Counts)+len(b.Denials))
	for _, u := range b.Uses {
		ids = append(ids, u.ClientID)
	}
	for _, c := range b.Counts {
		ids = append(ids, c.ClientID)
	}
	for _, d := range b.Denials {
		ids = append(ids, d.ClientID)
	}
	rows := clientRows(ids)
	lock := map[dialect]string{postgresDialect: " FOR NO KEY UPDATE"}[t.dialect]
	there, err := queryNoted[string](t, rows, clientColumns,
		"SELECT client_id FROM api_key WHERE client_id IN (SELECT client_id FROM noted) ORDER BY client_id"+lock)
	if err != nil {
		return usage.Batch{}, fmt.Errorf("lock %d keys: %w", len(rows), err)
	}
	if len(there) == len(rows) {
		return b, nil
	}
	gone := func(id string) bool {
		_, found := slices.BinarySearch(there, id)
		return !found
	}
	return usage.Batch{
		Uses:    slices.DeleteFunc(slices.Clone(b.Uses), func(u usage.Use) bool { return gone(u.ClientID) }),
		Counts:  slices.DeleteFunc(slices.Clone(b.Counts), func(c usage.Count) bool { return gone(c.ClientID) }),
		Denials: slices.DeleteFunc(slices.Clone(b.Denials), func(d usage.Denial) bool { return gone(d.ClientID) }),
	}, nil
}

// addCounts adds to the hourly counts of keys.
func (t tx) addCounts(counts []usage.Count) error {
	rows := make([][]any, len(counts))
	for i, c := range counts {
		rows[i] = []any{c.ClientID, c.SecretID, c.Hour.UnixMicro(), c.Issued, c.Denied}
	}
	err := t.execNoted(rows, []notedColumn{{"client_id", "TEXT"}, {"secret_id", "TEXT"}, {"hour", "BIGINT"}, {"issued", "BIGINT"}, {"denied", "BIGINT"}},
		"INSERT INTO usage (client_id, secret_id, hour, issued, denied) SELECT client_id, secret_id, hour, issued, denied FROM noted WHERE TRUE "+
			"ON CONFLICT (client_id, hour, secret_id) DO UPDATE SET issued = usage.issued + excluded.issued, denied = usage.denied + excluded.denied")
	if err != nil {
		return fmt.Errorf("add %d counts: %w", len(counts), err)
	}
	return nil
}

// keepDenials stores the denials of keys and deletes those that are no longer among the newest.
func (t tx) keepDenials(denials []usage.Denial) error {
	rows := make([][]any, len(denials))
	ids := make([]string, len(denials))
	for i, d := range denials {
		rows[i] = []any{d.ClientID, d.At.UnixMicro(), d.Reason, d.IP, d.RequestID}
		ids[i] = d.ClientID
	}
	err := t.execNoted(rows, []notedColumn{{"client_id", "TEXT"}, {"at", "BIGINT"}, {"reason", "TEXT"}, {"ip", "TEXT"}, {"request_id", "TEXT"}},
		"INSERT INTO denial (client_id, at, reason, ip, request_id) SELECT client_id, at, reason, ip, request_id FROM noted")
	if err != nil {
		return fmt.Errorf("add %d denials: %w", len(denials), err)
	}
	err = t.execNoted(clientRows(ids), clientColumns, fmt.Sprintf("DELETE FROM denial WHERE id IN (SELECT id FROM (SELECT id, "+
		"ROW_NUMBER() OVER (PARTITION BY client_id ORDER BY at DESC, id DESC) AS place "+
		"FROM denial WHERE client_id IN (SELECT client_id FROM noted)) ranked WHERE place > %d)", usage.DenialsKept))
	if err != nil {
		return fmt.Errorf("drop old denials: %w", err)
	}
	return nil
}

// hourRow is the sum of the counts of a key's hour, or of some of them.
type hourRow struct {
	ClientID string  `gorm:"column:client_id"`
	SecretID string  `gorm:"column:secret_id"`
	Hour     instant `gorm:"column:hour"`
	Issued   int64   `gorm:"column:issued"`
	Denied   int64   `gorm:"column:denied"`
}

// ownKey limits a statement on usage or denial to the keys of a tenancy.
const ownKey = "EXISTS (SELECT 1 FROM api_key k WHERE k.client_id = %s.client_id AND k.tenancy_id = ?)"

// Hours implements [usage.Store].
func (s *Store) Hours(ctx context.Context, tenancyID string, clientIDs []string, from, until time.Time) ([]usage.Hour, error) {
	var rows []hourRow
	err := s.read(ctx, func(t tx) error {
		err := t.db.Table("usage").
			Where("client_id IN ? AND hour >= ? AND hour < ?", clientIDs, newInstant(from), newInstant(until)).
			Where(fmt.Sprintf(ownKey, "usage"), tenancyID).
			Select("client_id, hour, CAST(SUM(issued) AS BIGINT) AS issued, CAST(SUM(denied) AS BIGINT) AS denied").
			Group("client_id, hour").Order("client_id, hour").Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("read usage: %w", err)
		}
		return nil
	})
	hours := make([]usage.Hour, len(rows))
	for i, r := range rows {
		hours[i] = usage.Hour{ClientID: r.ClientID, Start: r.Hour.time(), Issued: r.Issued, Denied: r.Denied}
	}
	return hours, err
}

// IssuedBySecret implements [usage.Store].
func (s *Store) IssuedBySecret(ctx context.Context, tenancyID, clientID string, since time.Time) (map[string]int64, error) {
	var rows []hourRow
	err := s.read(ctx, func(t tx) error {
		err := t.db.Table("usage").Where("client_id = ? AND hour >= ? AND secret_id <> ''", clientID, newInstant(since)).
			Where(fmt.Sprintf(ownKey, "usage"), tenancyID).
			Select("secret_id, CAST(SUM(issued) AS BIGINT) AS issued").Group("secret_id").Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("read usage by secret: %w", err)
		}
		return nil
	})
	issued := make(map[string]int64, len(rows))
	for _, r := range rows {
		issued[r.SecretID] = r.Issued
	}
	return issued, err
}

// denialRow is a row of denial.
type denialRow struct {
	ClientID  string  `gorm:"column:client_id"`
	At        instant `gorm:"column:at"`
	Reason    string  `gorm:"column:reason"`
	IP        string  `gorm:"column:ip"`
	RequestID string  `gorm:"column:request_id"`
}

// Denials implements [usage.Store].
func (s *Store) Denials(ctx context.Context, tenancyID, clientID string) ([]usage.Denial, error) {
	var rows []denialRow
	err := s.read(ctx, func(t tx) error {
		err := t.db.Table("denial").Where("client_id = ?", clientID).Where(fmt.Sprintf(ownKey, "denial"), tenancyID).
			Order("at DESC, id DESC").Limit(usage.DenialsKept).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("read denials: %w", err)
		}
		return nil
	})
	denials := make([]usage.Denial, len(rows))
	for i, r := range rows {
		denials[i] = usage.Denial{ClientID: r.ClientID, At: r.At.time(), Reason: r.Reason, IP: r.IP, RequestID: r.RequestID}
	}
	return denials, err
}

// PurgeHours implements [usage.Store].
func (s *Store) PurgeHours(ctx context.Context, before, late time.Time) error {
	for _, outlived := range []struct {
		table, key, at string
		before         time.Time
	}{
		{"usage", "client_id, hour, secret_id", "hour", before},
		{"usage_opening", "client_id, day", "day", dayOf(before)},
		{"usage_hour_opening", "client_id, hour", "hour", late},
	} {
		statement := fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s < ? LIMIT ?)", outlived.table, outlived.key, outlived.at)
		if err := s.purge(ctx, statement, outlived.before); err != nil {
			return err
		}
	}
	return nil
}

// purgeBatch is how many rows one transaction removes: few enough for SQLite's only writer to be free again in a moment, even if
// months have to be removed.
const purgeBatch = 10_000

// purge repeats a statement that removes up to [purgeBatch] rows from before a time, until it finds fewer.
func (s *Store) purge(ctx context.Context, statement string, before time.Time) error {
	for removed := int64(purgeBatch); removed == purgeBatch; {
		err := s.write(ctx, func(t tx) error {
			deleted := t.db.Exec(statement, newInstant(before), purgeBatch)
			removed = deleted.RowsAffected
			return deleted.Error
		})
		if err != nil {
			return fmt.Errorf("purge uses: %w", err)
		}
	}
	return nil
}
