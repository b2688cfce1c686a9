package sqlstore

import (
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/usage"
)

// benchKeys is how many keys the tenancy has in benchmarks.
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

// BenchmarkRecord writes what is noted of 1,000 keys that are in use, batch after batch.
func BenchmarkRecord(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, tenancy string, ids []string) {
		var batch usage.Batch
		for i, id := range ids[:1000] {
			secret := newKey(tenancy, i).Secrets[0].ID
			batch.Uses = append(batch.Uses, usage.Use{ClientID: id, SecretID: secret, IP: "192.0.2.1"})
			batch.Counts = append(batch.Counts, usage.Count{ClientID: id, SecretID: secret, Issued: 7})
		}
		for i := range b.N {
			at := epoch.Add(time.Duration(i) * usage.FlushInterval)
			for k := range batch.Uses {
				batch.Uses[k].At, batch.Counts[k].Hour = at, at.Truncate(time.Hour)
			}
			if err := s.Record(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}
