package sqlstore

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/usage"
)

// benchDays returns for how many days each key of a benchmark has been used in every hour: BENCH_USAGE_DAYS, by default two.
func benchDays(b *testing.B) int {
	b.Helper()
	text := os.Getenv("BENCH_USAGE_DAYS")
	if text == "" {
		return 2
	}
	days, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return days
}

// fillUsage gives every key of the tenancy a count in every hour of the given days before epoch, and the data kept for sums. It
// creates the index at the end, and spares PostgreSQL from checking millions of times that the key exists.
func fillUsage(b *testing.B, s *Store, days int) {
	b.Helper()
	unchecked, checked, settle := "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON", "ANALYZE"
	if s.dialect == postgresDialect {
		unchecked, checked, settle = "SET session_replication_role = replica", "SET session_replication_role = DEFAULT", "VACUUM ANALYZE"
	}
	hours := "(WITH RECURSIVE h (value) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT value + 1 FROM h WHERE value < ?) SELECT value FROM h) h"
	fill := "INSERT INTO usage (client_id, secret_id, hour, issued, denied) " +
		"SELECT client_id, client_id, CAST(? AS BIGINT) - value * CAST(3600000000 AS BIGINT), 7, 1 FROM api_key, " + hours + " ORDER BY 1, 3"
	last := epoch.Truncate(time.Hour)
	first := last.Add(-time.Duration(days*24-1) * time.Hour)
	// Each hour before it counts 7 issued and 1 denied for each key.
	opened := func(o openings, column, since string) string {
		return fmt.Sprintf("INSERT INTO %s (client_id, %s, issued, denied%s) SELECT client_id, begin, (begin - %d) / 3600000000 * 7, (begin - %[4]d) / 3600000000%s "+
			"FROM (SELECT client_id, CAST(%d AS BIGINT) - value * CAST(%d AS BIGINT) AS begin FROM api_key, %s) b ORDER BY 2, 1",
			o.table, o.period, column, first.UnixMicro(), since, last.Truncate(o.length).UnixMicro(), o.length.Microseconds(), hours)
	}
	totals := "INSERT INTO usage_total (client_id, issued, denied) SELECT client_id, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM api_key"
	err := s.writer.WithContext(b.Context()).Connection(func(one *gorm.DB) error {
		for _, statement := range []struct {
			text string
			args []any
		}{
			{unchecked, nil},
			{"DROP INDEX usage_hour", nil},
			{fill, []any{last.UnixMicro(), days*24 - 1}},
			{opened(dayOpenings, "", ""), []any{days - 1}},
			{opened(hourOpenings, ", since", ", begin"), []any{int(usage.Lately/time.Hour) - 1}},
			{totals, []any{days * 24 * 7, days * 24}},
			{"CREATE INDEX usage_hour ON usage (hour)", nil},
			{checked, nil},
			{settle, nil},
		} {
			if err := one.Exec(statement.text, statement.args...).Error; err != nil {
				return fmt.Errorf("%s: %w", statement.text, err)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkUsage makes the queries of the console's screens, with 10,000 keys.
func BenchmarkUsage(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, tenancy string, ids []string) {
		fillUsage(b, s, benchDays(b))
		until := epoch.Truncate(time.Hour).Add(time.Hour)
		b.Run("DayOfTenKeys", func(b *testing.B) {
			for i := range b.N {
				first := (10 * i) % (len(ids) - 10)
				hours, err := s.Hours(b.Context(), tenancy, ids[first:first+10], until.Add(-24*time.Hour), until)
				if err != nil || len(hours) != 240 {
					b.Fatalf("got %d, %v", len(hours), err)
				}
			}
		})
		b.Run("QuarterOfOneKey", func(b *testing.B) {
			for i := range b.N {
				if _, err := s.Hours(b.Context(), tenancy, ids[i%len(ids):i%len(ids)+1], until.AddDate(0, 0, -90), until); err != nil {
					b.Fatal(err)
				}
			}
		})
		overview := func(from time.Time) func(b *testing.B) {
			want := int64(until.Sub(from)/time.Hour) * 7 * int64(len(ids))
			return func(b *testing.B) {
				for range b.N {
					o, err := s.Overview(b.Context(), tenancy, from, until.AddDate(0, 0, -30), 20)
					if err != nil || len(o.Top) != 20 || o.Issued != want {
						b.Fatal(o, err)
					}
				}
			}
		}
		b.Run("Overview", overview(dayOf(epoch).AddDate(0, 0, 1-benchDays(b))))
		b.Run("OverviewOfADay", overview(until.Add(-24*time.Hour)))
	})
}
