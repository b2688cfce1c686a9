package sqlstore

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// benchDays is for how many days each of a benchmark's keys has been used in every hour: BENCH_USAGE_DAYS, or two.
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

// fillUsage gives every key of the tenancy a count in every hour of the given days before epoch.
func fillUsage(b *testing.B, s *Store, days int) {
	b.Helper()
	hours := "SELECT value FROM generate_series(0, ?)"
	if s.dialect == postgresDialect {
		hours = "SELECT value FROM generate_series(0, CAST(? AS BIGINT)) AS value"
	}
	last := epoch.Truncate(time.Hour).UnixMicro()
	err := s.writer.WithContext(b.Context()).Exec("INSERT INTO usage (client_id, secret_id, hour, issued, denied) "+
		"SELECT k.client_id, k.client_id, CAST(? AS BIGINT) - h.value * CAST(3600000000 AS BIGINT), 7, 1 "+
		"FROM api_key k CROSS JOIN ("+hours+") h", last, days*24-1).Error
	if err != nil {
		b.Fatal(err)
	}
	if err := s.writer.WithContext(b.Context()).Exec("ANALYZE usage").Error; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkUsage reads what the console's screens ask for, over 10,000 keys.
func BenchmarkUsage(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, tenancy string, ids []string) {
		fillUsage(b, s, benchDays(b))
		until := epoch.Add(time.Hour)
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
		b.Run("Overview", func(b *testing.B) {
			for range b.N {
				if _, err := s.Overview(b.Context(), tenancy, until.AddDate(0, 0, -30), until.AddDate(0, 0, -30), 20); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
