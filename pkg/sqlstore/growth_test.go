package sqlstore

import (
	"fmt"
	"testing"
)

// BenchmarkGrowth reports how much the database grows per row, indexes included; docs/operations/sizing.md quotes the results.
func BenchmarkGrowth(b *testing.B) {
	const rows = 2000
	for _, database := range []struct {
		name string
		open func(testing.TB, Options) *Store
		size string
	}{
		{"SQLite", newSQLite, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"},
		{"PostgreSQL", newPostgreSQL, "SELECT pg_database_size(current_database())"},
	} {
		b.Run(database.name, func(b *testing.B) {
			s := database.open(b, Options{Timeout: patience})
			tenancy := newTenancy(b, s)
			size := func() (bytes int64) {
				if err := s.writer.WithContext(b.Context()).Raw(database.size).Scan(&bytes).Error; err != nil {
					b.Fatal(err)
				}
				return bytes
			}
			grows := func(what string, add func()) {
				before := size()
				add()
				b.ReportMetric(float64(size()-before)/rows, "B/"+what)
			}
			for b.Loop() {
				var ids []string
				grows("key", func() { ids = fill(b, s, tenancy, rows) })
				grows("event", func() {
					for i := range rows {
						k := newKey(tenancy, i)
						if err := s.RecordEvent(b.Context(), newDraft(k)); err != nil {
							b.Fatal(err)
						}
					}
				})
				grows("usage-hour", func() {
					for i, id := range ids {
						insert := fmt.Sprintf("INSERT INTO usage (client_id, secret_id, hour, issued, denied) VALUES ('%s', '00000000-0000-4000-8000-%012d', %d, 10, 0)", id, i, i%24)
						if err := s.writer.WithContext(b.Context()).Exec(insert).Error; err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
