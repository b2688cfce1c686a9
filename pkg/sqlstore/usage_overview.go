package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// keyCountRow is a key in an overview.
type keyCountRow struct {
	ClientID string  `gorm:"column:client_id"`
	Name     string  `gorm:"column:name"`
	Issued   int64   `gorm:"column:issued"`
	Denied   int64   `gorm:"column:denied"`
	LastUsed instant `gorm:"column:last_used_at"`
	Created  instant `gorm:"column:created_at"`
	// Sums over all keys, where requested.
	AllIssued int64 `gorm:"column:all_issued"`
	AllDenied int64 `gorm:"column:all_denied"`
}

func (r keyCountRow) keyCount() usage.KeyCount {
	return usage.KeyCount{
		ClientID: r.ClientID, Name: r.Name, Issued: r.Issued, Denied: r.Denied, LastUsedAt: r.LastUsed.time(), CreatedAt: r.Created.time(),
	}
}

// expiringRow is a secret whose grace period is running.
type expiringRow struct {
	ClientID string  `gorm:"column:client_id"`
	Name     string  `gorm:"column:name"`
	SecretID string  `gorm:"column:secret_id"`
	LastFour string  `gorm:"column:last_four"`
	Expires  instant `gorm:"column:expires_at"`
	LastUsed instant `gorm:"column:last_used_at"`
}

// counted returns a query for what was counted for each of the tenancy's keys that were used since a time: the key's total less
// its opening of the first period of use from that time on. The arguments of the query are @from, the beginning of a period, and
// @tenancy.
//
// If openings have spans (hours), the opening to subtract is the one whose span includes @from. A span runs from since to the
// beginning of the period. Most spans consist of that beginning alone; those that include @from are found in one range of an
// index. Longer spans are in another index, which is smaller. Openings without spans (days) are looked up. Most keys are used
// every day: PostgreSQL reads the openings of the day @from from one range of an index, all at once, and looks up a later one
// only for keys without an opening on that day. SQLite looks up the opening of each key.
func (t tx) counted(o openings) string {
	var opening string
	switch {
	case o.spans:
		opening = "JOIN (SELECT client_id, issued, denied FROM %[1]s WHERE %[2]s = @from UNION ALL SELECT client_id, issued, denied FROM %[1]s " +
			"WHERE %[2]s > @from AND since <= @from AND since < %[2]s) o ON o.client_id = k.client_id "
	case t.dialect == postgresDialect:
		opening = "LEFT JOIN %[1]s e ON e.client_id = k.client_id AND e.%[2]s = @from " +
			"LEFT JOIN LATERAL (SELECT f.issued, f.denied FROM %[1]s f WHERE e.client_id IS NULL AND f.client_id = k.client_id " +
			"AND f.%[2]s > @from ORDER BY f.%[2]s LIMIT 1) l ON TRUE " +
			"JOIN LATERAL (SELECT COALESCE(e.issued, l.issued) AS issued, COALESCE(e.denied, l.denied) AS denied) o ON o.issued IS NOT NULL "
	default:
		opening = "JOIN %[1]s o ON o.client_id = k.client_id AND " +
			"o.%[2]s = (SELECT MIN(f.%[2]s) FROM %[1]s f WHERE f.client_id = k.client_id AND f.%[2]s >= @from) "
	}
	return "SELECT k.client_id, t.issued - o.issued AS issued, t.denied - o.denied AS denied FROM api_key k " +
		"JOIN usage_total t ON t.client_id = k.client_id " + fmt.Sprintf(opening, o.table, o.period) + "WHERE k.tenancy_id = @tenancy"
}

// mostUsed returns the keys with the highest counts since a time, each with the sums over all keys.
func (t tx) mostUsed(tenancyID string, from time.Time, limit int) ([]keyCountRow, error) {
	o := hourOpenings
	if from.Equal(dayOf(from)) {
		o = dayOpenings
	}
	var rows []keyCountRow
	err := t.db.Raw("WITH counted AS ("+t.counted(o)+"), most AS (SELECT * FROM counted ORDER BY issued DESC, denied DESC, client_id LIMIT @limit), "+
		"every AS (SELECT CAST(SUM(issued) AS BIGINT) AS issued, CAST(SUM(denied) AS BIGINT) AS denied FROM counted) "+
		"SELECT m.*, k.name, u.last_used_at, k.created_at, a.issued AS all_issued, a.denied AS all_denied "+
		"FROM most m JOIN api_key k ON k.client_id = m.client_id JOIN key_use u ON u.client_id = m.client_id "+
		"CROSS JOIN every a ORDER BY m.issued DESC, m.denied DESC, m.client_id",
		map[string]any{"from": newInstant(o.first(from)), "tenancy": tenancyID, "limit": limit}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the most used keys: %w", err)
	}
	return rows, nil
}

// Overview implements [usage.Store].
func (s *Store) Overview(ctx context.Context, tenancyID string, from, unusedSince time.Time, limit int) (usage.Overview, error) {
	var o usage.Overview
	err := s.snapshot(ctx, func(t tx) error {
		var unused []keyCountRow
		var expiring []expiringRow
		top, err := t.mostUsed(tenancyID, from, limit)
		if err != nil {
			return err
		}
		longest := t.db.Table("key_use").
			Where("tenancy_id = ? AND status = 'active' AND created_at < ? AND (last_used_at IS NULL OR last_used_at < ?)",
				tenancyID, newInstant(unusedSince), newInstant(unusedSince)).
			Order("COALESCE(last_used_at, created_at), client_id").Limit(limit)
		err = t.db.Table("(?) AS u", longest).Joins("JOIN api_key k ON k.client_id = u.client_id").
			Select("u.client_id, k.name, u.last_used_at, u.created_at").
			Order("COALESCE(u.last_used_at, u.created_at), u.client_id").Scan(&unused).Error
		if err != nil {
			return fmt.Errorf("read unused keys: %w", err)
		}
		err = t.db.Table("client_secret s").Joins("JOIN api_key k ON k.client_id = s.client_id").
			Where("k.tenancy_id = ? AND s.expires_at IS NOT NULL AND s.retired_at IS NULL", tenancyID).
			Select("k.client_id, k.name, s.id AS secret_id, s.last_four, s.expires_at, s.last_used_at").
			Order("s.expires_at, s.id").Limit(limit).Scan(&expiring).Error
		if err != nil {
			return fmt.Errorf("read expiring secrets: %w", err)
		}
		for _, r := range top {
			o.Issued, o.Denied = r.AllIssued, r.AllDenied
			o.Top = append(o.Top, r.keyCount())
		}
		for _, r := range unused {
			o.Unused = append(o.Unused, r.keyCount())
		}
		for _, r := range expiring {
			o.Expiring = append(o.Expiring, usage.ExpiringSecret{
				ClientID: r.ClientID, Name: r.Name, SecretID: r.SecretID, LastFour: r.LastFour, ExpiresAt: r.Expires.time(), LastUsedAt: r.LastUsed.time(),
			})
		}
		return nil
	})
	return o, err
}

// attentionRow is the result of one statement.
type attentionRow struct {
	EndingInDay  int64 `gorm:"column:ending_in_day"`
	EndingInWeek int64 `gorm:"column:ending_in_week"`
	EndingInUse  int64 `gorm:"column:ending_in_use"`
	Unused30Days int64 `gorm:"column:unused_30_days"`
	Unused90Days int64 `gorm:"column:unused_90_days"`
}

// Attention implements [usage.Store].
func (s *Store) Attention(ctx context.Context, now time.Time) (usage.Attention, error) {
	var row attentionRow
	at := func(days int) instant { return newInstant(now.AddDate(0, 0, days)) }
	err := s.read(ctx, func(t tx) error {
		err := t.db.Raw("SELECT s.ending_in_day, s.ending_in_week, s.ending_in_use, k.unused_30_days, k.unused_90_days FROM ("+
			"SELECT COUNT(CASE WHEN expires_at <= @day THEN 1 END) AS ending_in_day, COUNT(*) AS ending_in_week, "+
			"COUNT(CASE WHEN expires_at <= @day AND last_used_at > @yesterday THEN 1 END) AS ending_in_use "+
			"FROM client_secret WHERE expires_at IS NOT NULL AND retired_at IS NULL AND expires_at > @now AND expires_at <= @week"+
			") s CROSS JOIN ("+
			"SELECT COUNT(*) AS unused_30_days, COUNT(CASE WHEN COALESCE(last_used_at, created_at) < @quarter THEN 1 END) AS unused_90_days "+
			"FROM key_use WHERE status = 'active' AND created_at < @month AND COALESCE(last_used_at, created_at) < @month) k",
			map[string]any{"now": newInstant(now), "day": at(1), "yesterday": at(-1), "week": at(7), "month": at(-30), "quarter": at(-90)}).
			Scan(&row).Error
		if err != nil {
			return fmt.Errorf("count keys that need attention: %w", err)
		}
		return nil
	})
	return usage.Attention(row), err
}
