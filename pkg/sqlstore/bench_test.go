package sqlstore

import (
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/usage"
)

// benchKeys is the number of keys of the tenancy in benchmarks.
const benchKeys = 10_000

// bench runs work on both databases, each with a tenancy full of keys.
func bench(b *testing.B, work func(b *testing.B, s *Store, tenancy string, ids []string)) {
	for _, database := range []struct {
		name string
		open func(testing.TB, Options) *Store
	}{{"SQLite", newSQLite}, {"PostgreSQL", newPostgreSQL}} {
		b.Run(database.name, func(b *testing.B) {
			s := database.open(b, Options{Timeout: patience})
			tenancy := newTenancy(b, s)
			ids := fill(b, s, tenancy, benchKeys)
			b.ReportAllocs()
			b.ResetTimer()
			work(b, s, tenancy, ids)
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, tenancy string, _ []string) {
		for i := range b.N {
			k := newKey(tenancy, benchKeys+i)
			if err := s.Create(b.Context(), k, newDraft(k), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, _ string, ids []string) {
		for i := range b.N {
			if _, err := s.Lookup(b.Context(), ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, tenancy string, ids []string) {
		for i := range b.N {
			_, err := s.Update(b.Context(), tenancy, ids[i%len(ids)], func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
				k.Version++
				event := newDraft(k)
				return k, &event, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkList(b *testing.B) {
	for _, list := range []struct {
		name string
		q    apikey.Query
	}{
		{"FirstPage", apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName}},
		{"LastPage", apikey.Query{Page: benchKeys / 10, PageSize: 10, SortBy: apikey.SortByCreatedAt, Descending: true}},
		{"RareSearch", apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName, Search: "número 004711"}},
		{"CommonSearch", apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName, Search: "integr"}},
	} {
		b.Run(list.name, func(b *testing.B) {
			bench(b, func(b *testing.B, s *Store, tenancy string, _ []string) {
				for range b.N {
					if _, err := s.List(b.Context(), tenancy, list.q); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkRecord writes batches of notes about 1,000 keys each.
func BenchmarkRecord(b *testing.B) {
	for _, use := range []struct {
		name string
		// of returns the index of the first of the thousand keys of the i-th batch, and the batch's time.
		of func(i int) (first int, at time.Time)
	}{
		{"InUse", func(i int) (int, time.Time) { return 0, epoch.Add(time.Duration(i) * usage.FlushInterval) }},
		{"FirstOfAnHour", func(i int) (int, time.Time) {
			return i * 1000 % benchKeys, epoch.Add(time.Duration(i*1000/benchKeys) * time.Hour)
		}},
	} {
		b.Run(use.name, func(b *testing.B) {
			bench(b, func(b *testing.B, s *Store, tenancy string, ids []string) {
				for i := range b.N {
					var batch usage.Batch
					first, at := use.of(i)
					for k, id := range ids[first : first+1000] {
						secret := newKey(tenancy, first+k).Secrets[0].ID
						batch.Uses = append(batch.Uses, usage.Use{ClientID: id, SecretID: secret, At: at, IP: "192.0.2.1"})
						batch.Counts = append(batch.Counts, usage.Count{ClientID: id, SecretID: secret, Hour: at.Truncate(time.Hour), Issued: 7})
					}
					if err := s.Record(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
