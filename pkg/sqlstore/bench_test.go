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

func BenchmarkRecordUses(b *testing.B) {
	bench(b, func(b *testing.B, s *Store, tenancy string, ids []string) {
		uses := make([]usage.Use, 1000)
		for i := range uses {
			uses[i] = usage.Use{ClientID: ids[i], SecretID: newKey(tenancy, i).Secrets[0].ID, IP: "192.0.2.1"}
		}
		for i := range b.N {
			for u := range uses {
				uses[u].At = epoch.Add(time.Duration(i) * time.Second)
			}
			if err := s.Record(b.Context(), usage.Batch{Uses: uses}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
