package sqlstore

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/usage"
)

func newTestListing(t *testing.T, in tx, q apikey.Query) listing {
	t.Helper()
	q.Page, q.PageSize = 1, 10
	order, err := ordering(q)
	if err != nil {
		t.Fatal(err)
	}
	return listing{t: in, tenancyID: "t", q: q, order: order}
}

// matchingPlan returns the plan of the statement that finds the keys that a search matches, after running the statements in before.
func matchingPlan(t *testing.T, s *Store, explain string, q apikey.Query, before ...string) string {
	t.Helper()
	return explained(t, s, explain, func(db *gorm.DB) *gorm.DB {
		return newTestListing(t, s.tx(db), q).matching().Find(&[]keyRow{})
	}, before...)
}

// plan returns the plan of the statement that reads a page, after running the statements in before.
func plan(t *testing.T, s *Store, explain string, q apikey.Query, before ...string) string {
	t.Helper()
	return explained(t, s, explain, func(db *gorm.DB) *gorm.DB {
		l := newTestListing(t, s.tx(db), q)
		return l.page(l.keys()).Select("client_id").Find(&[]keyRow{})
	}, before...)
}

// explained returns the plan of the statement that query builds, after running the statements in before.
func explained(t *testing.T, s *Store, explain string, query func(*gorm.DB) *gorm.DB, before ...string) string {
	t.Helper()
	statement := s.reader.ToSQL(func(db *gorm.DB) *gorm.DB {
		return query(db.Session(&gorm.Session{})) // so that each part of the statement starts from a clean state
	})
	transaction, err := s.pools[0].BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = transaction.Rollback() }()
	for _, b := range before {
		if _, err := transaction.ExecContext(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := transaction.QueryContext(t.Context(), explain+" "+statement)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for rows.Next() {
		var detail string // the last column, in both dialects
		values := make([]any, len(columns))
		for i := range values {
			values[i] = &detail
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		text.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// everyOrder calls f with each order that a list can have, and the beginning of the name of the index with that order.
func everyOrder(f func(q apikey.Query, index string)) {
	for _, descending := range []bool{false, true} {
		for _, field := range []apikey.SortField{apikey.SortByName, apikey.SortByCreatedAt, apikey.SortByLastUsedAt} {
			table := "api_key"
			if field == apikey.SortByLastUsedAt {
				table = "key_use"
			}
			f(apikey.Query{SortBy: field, Descending: descending}, table+"_by_"+string(field))
			f(apikey.Query{SortBy: field, Descending: descending, Status: apikey.Inactive}, table+"_by_status_and_"+string(field))
		}
	}
}

func TestSQLiteReadsPagesInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: patience})
	everyOrder(func(q apikey.Query, index string) {
		text := plan(t, s, "EXPLAIN QUERY PLAN", q)
		if !strings.Contains(text, "INDEX "+index) || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%+v:\n%s", q, text)
		}
	})
}

// TestPostgreSQLReadsPagesInTheOrderOfAnIndex: which plan PostgreSQL prefers depends on its statistics. Disabling sorts and
// sequential scans shows whether it can do without them.
func TestPostgreSQLReadsPagesInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	everyOrder(func(q apikey.Query, index string) {
		text := plan(t, s, "EXPLAIN", q, "SET LOCAL enable_sort = off", "SET LOCAL enable_seqscan = off")
		if !strings.Contains(text, "using "+index) || strings.Contains(text, "Sort") {
			t.Errorf("%+v:\n%s", q, text)
		}
	})
}

// TestPostgreSQLLooksPartsOfNamesUp: matches are found with the index of parts of names. No more rows are read than the tenancy has
// keys with the requested status: if more than that match, the results of two indexes are intersected before any row is read.
func TestPostgreSQLLooksPartsOfNamesUp(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	for tenancy, keys := range map[string]int{"many": 20_000, "some": 600, "few": 2} {
		execute(t, s, "INSERT INTO key_search (created_at, client_id, tenancy_id, status, name_search) SELECT n, ? || n, ?, "+
			"CASE WHEN n % 50 = 1 THEN 'inactive' ELSE 'active' END, CASE WHEN n % 150 = 1 THEN 'billing ' ELSE '' END || md5(n::text) || md5(n::text) FROM generate_series(1, ?) AS n", tenancy, tenancy, keys)
	}
	execute(t, s, "VACUUM ANALYZE key_search")
	const part, tenancy = "key_search_part", "key_search_pkey"
	for _, test := range []struct {
		tenancy string
		status  apikey.Status
		steps   []string
	}{
		{"many", "", []string{part}},
		{"many", apikey.Inactive, []string{"BitmapAnd", part, tenancy}},
		{"some", "", []string{"BitmapAnd", part, tenancy}},
		{"few", "", []string{tenancy}},
	} {
		text := explained(t, s, "EXPLAIN", func(db *gorm.DB) *gorm.DB {
			l := newTestListing(t, s.tx(db), apikey.Query{SortBy: apikey.SortByName, Search: "bil", Status: test.status})
			l.tenancyID = test.tenancy
			return l.t.db.Raw("?", keySearch{l}.matchingNames()).Scan(&[]keyRow{})
		})
		if strings.Contains(text, "Seq Scan on key_search") || slices.ContainsFunc(test.steps, func(step string) bool { return !strings.Contains(text, step) }) {
			t.Errorf("%s, %q:\n%s", test.tenancy, test.status, text)
		}
	}
}

// TestSQLiteSearchesNamesInAnIndex: a text that is too short for the search index is looked for in the names in another index,
// without reading the keys whose names don't match.
func TestSQLiteSearchesNamesInAnIndex(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: patience})
	for _, test := range []struct {
		status apikey.Status
		index  string
	}{{"", "api_key_by_name"}, {apikey.Inactive, "api_key_by_status_and_name"}} {
		text := matchingPlan(t, s, "EXPLAIN QUERY PLAN", apikey.Query{SortBy: apikey.SortByCreatedAt, Search: "ab", Status: test.status})
		if !strings.Contains(text, "USING INDEX "+test.index+" (") {
			t.Errorf("status %q:\n%s", test.status, text)
		}
	}
}

// TestSQLiteLooksPartsOfNamesUp: only matches are read, and of these the time of last use only if the list is sorted by it.
func TestSQLiteLooksPartsOfNamesUp(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: patience})
	everyOrder(func(q apikey.Query, _ string) {
		q.Search = "abc"
		text := explained(t, s, "EXPLAIN QUERY PLAN", func(db *gorm.DB) *gorm.DB {
			return partSearch{listing: newTestListing(t, s.tx(db), q), part: "abc", through: 1}.sortedDocuments().Pluck("client_id", new([]string))
		})
		// M1 is the phrase, > and < are the bounds of the row IDs.
		if !strings.Contains(text, "search_index VIRTUAL TABLE INDEX 0:M1><") || strings.Contains(text, "SCAN document") || strings.Contains(text, "SCAN search_document") ||
			strings.Contains(text, "SCAN u") || strings.Contains(text, "SEARCH u") != (q.SortBy == apikey.SortByLastUsedAt) {
			t.Errorf("%+v:\n%s", q, text)
		}
	})
}

func TestSQLiteSearchesTheLogInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: patience})
	for _, search := range searches {
		text := searchPlan(t, s, "EXPLAIN QUERY PLAN", search.q)
		if !strings.Contains(text, "USING INDEX "+search.index+" (") {
			t.Errorf("%s:\n%s", search.name, text)
		}
	}
}

func TestPostgreSQLSearchesTheLogInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	for _, search := range searches {
		// In an empty table, every index costs the same, so even the primary key's may be chosen.
		text := searchPlan(t, s, "EXPLAIN", search.q, "SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off",
			"SET LOCAL enable_sort = off")
		if strings.Contains(text, "Seq Scan") {
			t.Errorf("%s:\n%s", search.name, text)
		}
	}
}

// TestPostgreSQLReadsNoTableForABatchOfUses: the keys of a batch are few among all keys, but more than PostgreSQL would look up one
// by one if the choice were its own.
func TestPostgreSQLReadsNoTableForABatchOfUses(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	ids := fill(t, s, newTenancy(t, s), 3000)[:500]
	var b usage.Batch
	for _, id := range ids {
		b.Uses = append(b.Uses, usage.Use{ClientID: id, SecretID: strings.TrimPrefix(id, "ak_"), At: epoch})
		for _, hour := range []time.Time{epoch, epoch.Add(-26 * time.Hour)} { // the second one arrives late
			b.Counts = append(b.Counts, usage.Count{ClientID: id, SecretID: "s", Hour: hour.Truncate(time.Hour), Issued: 1})
		}
		b.Denials = append(b.Denials, usage.Denial{ClientID: id, At: epoch, Reason: "r"})
	}
	for range 2 { // when nothing has been counted yet, and when it has
		execute(t, s, "VACUUM ANALYZE")
		var read []string
		err := s.writeAll(t.Context(), func(t tx) error {
			if err := t.record(b); err != nil {
				return err
			}
			return t.db.Raw("SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0").Scan(&read).Error
		})
		if err != nil || len(read) > 0 {
			t.Errorf("%v; read as a whole: %q", err, read)
		}
	}
}

func TestABatchOfUsesIsLookedUpAndNotCompiledAndLeavesNoSettingsBehind(t *testing.T) {
	s := newPostgreSQL(t, Options{})
	isOff := func(in tx, setting string) (off bool) {
		t.Helper()
		if err := in.db.Raw("SELECT current_setting(?) = 'off'", setting).Scan(&off).Error; err != nil {
			t.Fatal(err)
		}
		return off
	}
	err := s.writeAll(t.Context(), func(in tx) error {
		for _, setting := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"} {
			if err := in.db.Exec("SELECT set_config(?, 'on', false)", setting).Error; err != nil {
				return err
			}
			if err := in.lookRowsUp(); err != nil {
				return err
			}
			if !isOff(in, setting) {
				t.Errorf("%s is on in a batch", setting)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if isOff(s.tx(s.writer.WithContext(t.Context())), "enable_seqscan") {
		t.Error("enable_seqscan is off after a batch")
	}
}
