package sqlstore

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// plan returns how the database would read a page.
func plan(t *testing.T, s *Store, explain, tenancy string, q apikey.Query) string {
	t.Helper()
	statement := s.reader.ToSQL(func(db *gorm.DB) *gorm.DB {
		order, err := ordering(q)
		if err != nil {
			t.Fatal(err)
		}
		return tx{db, s.dialect}.matching(tenancy, q).Order(order).Limit(10).Find(&[]keyRow{})
	})
	rows, err := s.pools[len(s.pools)-1].QueryContext(t.Context(), explain+" "+statement)
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
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(string)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		text.WriteString(*values[len(values)-1].(*string) + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// everyOrder calls f with each order that a list can have.
func everyOrder(f func(q apikey.Query)) {
	for _, field := range []apikey.SortField{apikey.SortByName, apikey.SortByCreatedAt, apikey.SortByLastUsedAt} {
		for _, descending := range []bool{false, true} {
			f(apikey.Query{SortBy: field, Descending: descending})
		}
	}
}

func TestSQLiteReadsPagesInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: patience})
	everyOrder(func(q apikey.Query) {
		if text := plan(t, s, "EXPLAIN QUERY PLAN", "t", q); !strings.Contains(text, "USING INDEX api_key_by_"+string(q.SortBy)) || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%+v:\n%s", q, text)
		}
	})
}

func TestPostgreSQLReadsPagesInTheOrderOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	fill(t, s, tenancy, 5000)
	if _, err := s.pools[0].ExecContext(t.Context(), "VACUUM ANALYZE api_key"); err != nil {
		t.Fatal(err)
	}
	everyOrder(func(q apikey.Query) {
		if text := plan(t, s, "EXPLAIN", tenancy, q); !strings.Contains(text, "using api_key_by_"+string(q.SortBy)) || strings.Contains(text, "Sort") {
			t.Errorf("%+v:\n%s", q, text)
		}
	})
	search := apikey.Query{SortBy: apikey.SortByName, Search: "numero 004711"}
	if text := plan(t, s, "EXPLAIN", tenancy, search); !strings.Contains(text, "api_key_name_part") {
		t.Errorf("a search does not use its index:\n%s", text)
	}
}
