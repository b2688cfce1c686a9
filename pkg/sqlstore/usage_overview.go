package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// keyCountRow is a key of an overview.
type keyCountRow struct {
	ClientID string  `gorm:"column:client_id"`
	Name     string  `gorm:"column:name"`
	Issued   int64   `gorm:"column:issued"`
	Denied   int64   `gorm:"column:denied"`
	LastUsed instant `gorm:"column:last_used_at"`
	Created  instant `gorm:"column:created_at"`
	// Over all keys, where that was asked for.
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

// counted says what was counted for each key k from a time on: what to join, with that time as the argument @from, and the
// expressions of the two sums. From the beginning of a day, UTC, that is the difference of the key's total and its opening of
// the first day of use. Most keys are used every day: PostgreSQL has the openings of that very day from a range of an index,
// all at once, and looks for a later one only where there is none. SQLite looks into an index for each key. From another time
// all hours are added up, so let that be few.
func (t tx) counted(from time.Time) (join, issued, denied string) {
	if !from.Equal(dayOf(from)) {
		return "JOIN (SELECT client_id, CAST(SUM(issued) AS BIGINT) AS issued, CAST(SUM(denied) AS BIGINT) AS denied " +
			"FROM usage WHERE hour >= @from GROUP BY client_id) u ON u.client_id = k.client_id ", "u.issued", "u.denied"
	}
	join = "JOIN usage_total t ON t.client_id = k.client_id JOIN usage_opening o ON o.client_id = k.client_id AND " +
		"o.day = (SELECT MIN(f.day) FROM usage_opening f WHERE f.client_id = k.client_id AND f.day >= @from) "
	if t.dialect == postgresDialect {
		join = "JOIN usage_total t ON t.client_id = k.client_id LEFT JOIN usage_opening e ON e.client_id = k.client_id AND e.day = @from " +
			"CROSS JOIN LATERAL (SELECT e.issued, e.denied WHERE e.client_id IS NOT NULL UNION ALL " +
			"(SELECT f.issued, f.denied FROM usage_opening f WHERE e.client_id IS NULL AND f.client_id = k.client_id AND f.day > @from " +
			"ORDER BY f.day LIMIT 1)) o "
	}
	return join, "t.issued - o.issued", "t.denied - o.denied"
}

// Overview implements [usage.Store].
func (s *Store) Overview(ctx context.Context, tenancyID string, from, unusedSince time.Time, limit int) (usage.Overview, error) {
	var o usage.Overview
	err := s.snapshot(ctx, func(t tx) error {
		var top, unused []keyCountRow
		var expiring []expiringRow
		join, issued, denied := t.counted(from)
		err := t.db.Raw("SELECT k.client_id, k.name, k.last_used_at, k.created_at, "+issued+" AS issued, "+denied+" AS denied, "+
			"CAST(SUM("+issued+") OVER () AS BIGINT) AS all_issued, CAST(SUM("+denied+") OVER () AS BIGINT) AS all_denied FROM api_key k "+join+
			"WHERE k.tenancy_id = @tenancy ORDER BY issued DESC, denied DESC, k.client_id LIMIT @limit",
			map[string]any{"from": newInstant(from), "tenancy": tenancyID, "limit": limit}).Scan(&top).Error
		if err != nil {
			return fmt.Errorf("read the most used keys: %w", err)
		}
		err = t.db.Table("api_key").
			Where("tenancy_id = ? AND status = 'active' AND created_at < ? AND (last_used_at IS NULL OR last_used_at < ?)",
				tenancyID, newInstant(unusedSince), newInstant(unusedSince)).
			Select("client_id, name, last_used_at, created_at").
			Order("COALESCE(last_used_at, created_at), client_id").Limit(limit).Scan(&unused).Error
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

// attentionRow is the answer to one statement.
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
			"FROM api_key WHERE status = 'active' AND created_at < @month AND COALESCE(last_used_at, created_at) < @month) k",
			map[string]any{"now": newInstant(now), "day": at(1), "yesterday": at(-1), "week": at(7), "month": at(-30), "quarter": at(-90)}).
			Scan(&row).Error
		if err != nil {
			return fmt.Errorf("count what deserves attention: %w", err)
		}
		return nil
	})
	return usage.Attention(row), err
}
