package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// searchText generates names and texts to search for in them: from a few characters, so that many searches find something, and from
// all except NUL, which no name contains.
func searchText() *rapid.Generator[string] {
	few := rapid.SampledFrom([]rune("aaaaaaabbbbÁç \"'%_\\*^:-(Iİſש\u05c1日🔑🔒\u0301\ufffd\ufffe\uffff"))
	return rapid.OneOf(rapid.StringOfN(few, 3, 12, -1), rapid.StringOfN(few, 1, 12, -1), rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 }), 1, 12, -1))
}

// searched is a store with a few changing keys of two tenancies.
type searched struct {
	*Store
	vacuum    string   // the statement that rewrites what is kept for searches
	odd       []string // further texts to search for
	tenancies []string
	keys      []apikey.Key
	names     []string // all names drawn for keys so far
	made      int

	lookedUp, found int // the number of searches that used the index, and of keys that they found
}

// step changes a key, as the service does, or runs the vacuum statement.
func (s *searched) step(r *rapid.T) error {
	do := rapid.SampledFrom([]string{"create", "create", "create", "rename", "switch", "delete", "vacuum"}).Draw(r, "do")
	ctx := r.Context()
	if do == "vacuum" {
		return s.writer.WithContext(ctx).Exec(s.vacuum).Error
	}
	if do == "create" || len(s.keys) == 0 {
		k := newKey(rapid.SampledFrom(s.tenancies).Draw(r, "tenancy"), s.made)
		k.Name = s.name(r, searchText())
		k.CreatedAt = epoch.Add(time.Duration(rapid.IntRange(0, 3).Draw(r, "created")) * time.Second)
		k.Status = rapid.SampledFrom([]apikey.Status{apikey.Active, apikey.Inactive}).Draw(r, "status")
		s.made++
		err := s.Create(ctx, k, newDraft(k), nil)
		if err == nil {
			s.keys = append(s.keys, k)
		}
		return err
	}
	i := rapid.IntRange(0, len(s.keys)-1).Draw(r, "key")
	k := s.keys[i]
	if do == "delete" {
		s.keys = slices.Delete(s.keys, i, i+1)
		return s.Delete(ctx, k.TenancyID, k.ClientID, func(k apikey.Key) (eventlog.Draft, error) { return newDraft(k), nil })
	}
	_, err := s.Update(ctx, k.TenancyID, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		event := newDraft(k)
		switch {
		case do == "rename":
			k.Name = s.name(r, rapid.OneOf(searchText(), rapid.Just("a "+k.ClientID)))
		case k.Status == apikey.Active:
			k.Status = apikey.Inactive
		default:
			k.Status = apikey.Active
		}
		return k, &event, nil
	})
	return err
}

func (s *searched) name(r *rapid.T, from *rapid.Generator[string]) string {
	name := from.Draw(r, "name")
	s.names = append(s.names, name)
	return name
}

// sought draws a text to search for: mostly a part of a name that a key has or had, sometimes a client ID or any text.
func (s *searched) sought(r *rapid.T) string {
	kind := rapid.SampledFrom([]string{"part", "part", "part", "client", "text"}).Draw(r, "kind")
	switch {
	case kind == "text" || len(s.keys) == 0:
		return rapid.OneOf(searchText(), rapid.SampledFrom(s.odd)).Draw(r, "text")
	case kind == "client":
		return rapid.SampledFrom(s.keys).Draw(r, "client").ClientID
	default:
		name := []rune(rapid.SampledFrom(s.names).Draw(r, "name"))
		from := rapid.IntRange(0, max(len(name)-partMin, 0)).Draw(r, "from")
		return string(name[from:min(from+rapid.IntRange(partMin-1, 6).Draw(r, "length"), len(name))])
	}
}

// TestTheSearchIndexFindsWhatReadingAllNamesDoes compares pages of searches with the result of LIKE and ORDER BY, while keys come,
// go and change, and the file is rewritten.
func TestTheSearchIndexFindsWhatReadingAllNamesDoes(t *testing.T) {
	t.Parallel()
	s := &searched{Store: newSQLite(t, Options{Timeout: patience}), vacuum: "VACUUM", odd: []string{"a\x00b", "ab\x00cd", "abc\xff", strings.Repeat("a", 100)}}
	if err := s.writer.Exec("PRAGMA synchronous = OFF").Error; err != nil { // a power loss does not matter here
		t.Fatal(err)
	}
	s.compare(t, func(r *rapid.T) {
		if err := s.writer.Exec("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)").Error; err != nil {
			r.Fatal("the index differs from its documents:", err)
		}
	})
	if s.lookedUp < 100 || s.found < 20 {
		t.Errorf("%d searches used the index, and %d keys were found", s.lookedUp, s.found)
	}
}

// TestTheSearchTableFindsWhatReadingAllKeysDoes is the same for PostgreSQL. Parts of names can only be found with the index there,
// because PostgreSQL would otherwise read all keys if there are few.
func TestTheSearchTableFindsWhatReadingAllKeysDoes(t *testing.T) {
	t.Parallel()
	url := postgreSQLURL(t)
	s := &searched{Store: newStore(t, Options{URL: url + "&enable_seqscan=off&jit=off", Timeout: patience}), vacuum: "VACUUM key_search", odd: []string{strings.Repeat("a", 100)}}
	if err := s.writer.Exec("ALTER TABLE key_search DROP CONSTRAINT key_search_pkey").Error; err != nil {
		t.Fatal(err)
	}
	s.compare(t, func(r *rapid.T) {
		if differing := differingRows(t, s.Store); differing > 0 {
			r.Fatalf("%d rows differ from their keys", differing)
		}
	})
	if s.found < 100 {
		t.Errorf("%d keys were found", s.found)
	}
}

// differingRows counts the rows of key_search that differ from the keys, and the keys without a row.
func differingRows(t testing.TB, s *Store) int {
	t.Helper()
	const of = "SELECT client_id, tenancy_id, status, created_at, name_search FROM "
	var rows int
	err := s.reader.WithContext(t.Context()).Raw("SELECT COUNT(*) FROM ((" + of + "key_search EXCEPT ALL " + of + "api_key) UNION ALL (" +
		of + "api_key EXCEPT ALL " + of + "key_search)) AS differing").Scan(&rows).Error
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// compare repeatedly makes changes, checks the data kept for searches, and searches.
func (s *searched) compare(t *testing.T, check func(*rapid.T)) {
	most, few := newTenancy(t, s.Store), newTenancy(t, s.Store)
	s.tenancies = []string{most, most, most, few}
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(r, "steps") {
			if err := s.step(r); err != nil && !errors.Is(err, apikey.ErrNameTaken) {
				r.Fatal(err)
			}
		}
		check(r)
		for range 8 {
			s.search(r)
		}
	})
}

// search makes a search and compares its result with that of reading all keys.
func (s *searched) search(r *rapid.T) {
	q := apikey.Query{
		Search: s.sought(r), Page: rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(r, "page"), PageSize: rapid.IntRange(1, 5).Draw(r, "size"),
		Status:     rapid.SampledFrom([]apikey.Status{"", "", apikey.Active, apikey.Inactive}).Draw(r, "status"),
		SortBy:     rapid.SampledFrom([]apikey.SortField{apikey.SortByName, apikey.SortByCreatedAt, apikey.SortByLastUsedAt}).Draw(r, "field"),
		Descending: rapid.Bool().Draw(r, "descending"),
	}
	tenancy := rapid.SampledFrom(s.tenancies).Draw(r, "of")
	order, err := ordering(q)
	if err != nil {
		r.Fatal(err)
	}
	l := listing{t: s.tx(s.reader.WithContext(r.Context())), tenancyID: tenancy, q: q, order: order, totals: newTotals()}
	keys := l.of(l.t.db.Table("(SELECT k.client_id, k.tenancy_id, k.status, k.name_search, k.created_at, u.last_used_at " +
		"FROM api_key k JOIN key_use u ON u.client_id = k.client_id) AS k"))
	want, err := l.pluck(l.page(l.contains(keys.Session(&gorm.Session{}))))
	if err != nil {
		r.Fatal(err)
	}
	total, err := l.count(l.contains(keys))
	if err != nil {
		r.Fatal(err)
	}
	page, err := s.List(r.Context(), tenancy, q)
	if err != nil {
		r.Fatalf("%+v: %v", q, err)
	}
	got := make([]string, 0, len(want))
	for _, k := range page.Keys {
		got = append(got, k.ClientID)
	}
	if !slices.Equal(got, want) || page.Total != total {
		r.Fatalf("%+v: found %q of %d, and not %q of %d", q, got, page.Total, want, total)
	}
	if _, ok := l.indexed(); ok || s.dialect == postgresDialect {
		s.lookedUp++
		s.found += len(got)
	}
}

// TestMigratingFillsTheSearchIndex runs the migration on a database that has keys already.
func TestMigratingFillsTheSearchIndex(t *testing.T) {
	t.Parallel()
	migratingFills(t, newSQLite(t, Options{Timeout: patience}), "migrations/sqlite/00018_search_index.sql")
}

func TestMigratingFillsTheSearchTable(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	migratingFills(t, s, "migrations/postgres/00020_key_search.sql")
	if differing := differingRows(t, s); differing > 0 {
		t.Errorf("%d rows differ from their keys", differing)
	}
}

func migratingFills(t *testing.T, s *Store, migration string) {
	text, err := migrations.ReadFile(migration)
	if err != nil {
		t.Fatal(err)
	}
	up, down, _ := strings.Cut(string(text), "-- +goose Down")
	run := func(statements string) {
		t.Helper()
		if _, err := s.pools[0].ExecContext(t.Context(), statements); err != nil {
			t.Fatal(err)
		}
	}
	run(down)
	tenancies := []string{newTenancy(t, s), newTenancy(t, s)}
	for i, tenancy := range tenancies {
		fill(t, s, tenancy, 3+i)
		run(fmt.Sprintf("UPDATE api_key SET status = 'inactive' WHERE client_id = '%s'", newKey(tenancy, 1).ClientID))
	}
	run(up)
	want := func(tenancy string, status apikey.Status, total int) {
		t.Helper()
		page, err := s.List(t.Context(), tenancy, apikey.Query{Search: "numero", Status: status, SortBy: apikey.SortByName, Page: 1, PageSize: 10})
		if err != nil || page.Total != total || len(page.Keys) != total {
			t.Errorf("%s: found %d of %d, %v; want %d", status, len(page.Keys), page.Total, err, total)
		}
	}
	for i, tenancy := range tenancies {
		want(tenancy, "", 3+i)
		want(tenancy, apikey.Inactive, 1)
		k := newKey(tenancy, 10) // gets a number after those that the migration has assigned
		if err := s.Create(t.Context(), k, newDraft(k), nil); err != nil {
			t.Fatal(err)
		}
		want(tenancy, apikey.Active, 3+i)
	}
}

// searchesFindWhatAnOlderReleaseWrites writes as a replica of a release without the data kept for searches does, several keys in
// one statement.
func searchesFindWhatAnOlderReleaseWrites(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	ids := fill(t, s, tenancy, 4)
	execute(t, s, "UPDATE api_key SET name_search = 'numero um', status = 'inactive', version = version + 1 WHERE client_id IN ?", ids[:2])
	execute(t, s, "DELETE FROM api_key WHERE client_id IN ?", ids[1:3])
	for search, want := range map[apikey.Query][]string{
		{Search: "numero"}:                            {ids[3], ids[0]},
		{Search: "ero um"}:                            {ids[0]},
		{Search: "numero", Status: apikey.Inactive}:   {ids[0]},
		{Search: "numero", Status: apikey.Active}:     {ids[3]},
		{Search: "numero 0", Status: apikey.Inactive}: nil,
	} {
		search.SortBy, search.Page, search.PageSize = apikey.SortByName, 1, 10
		page, err := s.List(t.Context(), tenancy, search)
		got := make([]string, 0, len(want))
		for _, k := range page.Keys {
			got = append(got, k.ClientID)
		}
		if err != nil || !slices.Equal(got, want) || page.Total != len(want) {
			t.Errorf("%+v: found %q of %d, %v; want %q", search, got, page.Total, err, want)
		}
	}
}
