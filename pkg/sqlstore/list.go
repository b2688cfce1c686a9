package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// List implements [apikey.Store].
func (s *Store) List(ctx context.Context, tenancyID string, q apikey.Query) (apikey.Page, error) {
	var page apikey.Page
	err := s.snapshot(ctx, func(t tx) error {
		order, err := ordering(q)
		if err != nil {
			return err
		}
		head, err := t.headRow()
		if err != nil {
			return err
		}
		l := listing{t: t, tenancyID: tenancyID, q: q, order: order, seq: head.Seq, totals: s.totals}
		found, err := l.find()
		if err != nil {
			return err
		}
		page = apikey.Page{Total: min(found.total, apikey.TotalMax), TotalCapped: found.total > apikey.TotalMax}
		page.Keys, err = t.keysOf(found.ids)
		return err
	})
	if err != nil {
		return apikey.Page{}, err
	}
	return page, nil
}

// listing reads one page. It first finds the client IDs on the page, from indexes where possible, so that pages far from the
// first cost little more than the first; then it reads the keys themselves.
type listing struct {
	t         tx
	tenancyID string
	q         apikey.Query
	order     string
	seq       int64 // of the log's head, in the listing's snapshot
	totals    totals
}

// found holds the client IDs on a page and the number of matching keys, which may have been counted only up to [countMax].
type found struct {
	ids   []string
	total int
}

func (l listing) find() (found, error) {
	if l.q.Search == "" {
		return l.all()
	}
	return l.search()
}

// all finds the page of a list without a search.
func (l listing) all() (found, error) {
	total, err := l.count(l.keys())
	if err != nil {
		return found{}, err
	}
	ids, err := l.pluck(l.page(l.keys()))
	return found{ids, total}, err
}

// search finds the page of a search. Which statement is fast depends on how many keys match and on where they are in the order.
// For a search text that is only part of a word the databases estimate both badly, so search chooses the statements itself.
//
// On SQLite no index finds a text of one or two characters. If many keys match, a walk in sort order soon finds the page, and
// then the matches only have to be counted. If the walk finds too few, all matches are found by reading the index of names, and
// sorted: usually they are few, or there are many of them at the end of the order.
func (l listing) search() (found, error) {
	if l.t.dialect == postgresDialect {
		return keySearch{l}.find()
	}
	if part, ok := l.indexed(); ok {
		return l.searchParts(part)
	}
	ids, err := l.walk(l.reach())
	if err != nil {
		return found{}, err
	}
	if len(ids) < l.q.PageSize {
		sorted, err := l.sorted()
		if err != nil || len(sorted.ids) > 0 {
			return sorted, err
		}
		// The page is past the last one: there are no rows, and so none that carries the total.
	}
	total, err := l.count(l.matching())
	return found{ids, total}, err
}

// walk finds a page of a search, or its beginning, among the first reach keys in sort order.
func (l listing) walk(reach int) ([]string, error) {
	walked := l.keys().Order(l.order).Limit(reach)
	if l.q.SortBy == apikey.SortByLastUsedAt {
		// Not a join, which PostgreSQL might start from all keys.
		walked = l.t.db.Table("(?) AS u", walked.Select("client_id, last_used_at")).
			Select("u.client_id, u.last_used_at, (SELECT name_search FROM api_key k WHERE k.client_id = u.client_id) AS name_search")
	} else {
		walked = walked.Select(l.columns())
	}
	return l.pluck(l.page(l.contains(l.t.db.Table("(?) AS walked", walked))))
}

// sorted finds a page by sorting all matches. For a page without keys it returns no total.
func (l listing) sorted() (found, error) {
	var rows []struct {
		ClientID string
		Total    int
	}
	page := l.page(l.t.db.Table("matching").Select("client_id, (SELECT COUNT(*) FROM matching) AS total"))
	if err := l.t.db.Raw("WITH matching AS MATERIALIZED (?) ?", l.sortable(l.matching()), page).Scan(&rows).Error; err != nil {
		return found{}, fmt.Errorf("search keys: %w", err)
	}
	var f found
	for _, r := range rows {
		f.ids, f.total = append(f.ids, r.ClientID), r.Total
	}
	return f, nil
}

// sortable adds the time of last use to the matches if they are to be sorted by it.
func (l listing) sortable(matching *gorm.DB) *gorm.DB {
	if l.q.SortBy != apikey.SortByLastUsedAt {
		return matching
	}
	return l.t.db.Table("(?) AS m", matching).Joins("JOIN key_use u ON u.client_id = m.client_id").Select("u.client_id, u.last_used_at")
}

// How many keys a search looks at in sort order before it sorts all matches: as many as cost no more than the sorting would. The
// index of names alone is enough to test a key; in any other order the key's row has to be read.
const (
	reachByName = 20_000
	reachByTime = 2_000
)

func (l listing) reach() int {
	if l.q.SortBy == apikey.SortByName {
		return reachByName
	}
	return reachByTime
}

// count counts what the listing selects, unless the total is known.
func (l listing) count(selection *gorm.DB) (int, error) {
	if known, ok := l.totals.at(l.totalOf(), l.seq); ok {
		return known, nil
	}
	var counted int64
	if err := l.t.db.Table("(?) AS counted", selection.Select("1").Limit(countMax)).Count(&counted).Error; err != nil {
		return 0, fmt.Errorf("count keys: %w", err)
	}
	l.totals.set(l.totalOf(), total{int(counted), l.seq})
	return int(counted), nil
}

func (l listing) totalOf() totalOf { return totalOf{l.tenancyID, l.q.Status, l.q.Search} }

// keys selects the tenancy's keys with the requested status, from the table that can be read in the list's order.
func (l listing) keys() *gorm.DB {
	if l.q.SortBy == apikey.SortByLastUsedAt {
		return l.of(l.t.db.Table("key_use"))
	}
	return l.of(l.t.db.Table("api_key"))
}

func (l listing) of(keys *gorm.DB) *gorm.DB {
	keys = keys.Where("tenancy_id = ?", l.tenancyID)
	if l.q.Status != "" {
		keys = keys.Where("status = ?", string(l.q.Status))
	}
	return keys
}

// columns returns the client ID and the columns that keys are searched and sorted by, as far as their table has them: it doesn't
// have the time of last use. An index may contain all of them.
func (l listing) columns() string {
	if l.q.SortBy == apikey.SortByCreatedAt {
		return "client_id, name_search, created_at"
	}
	return "client_id, name_search"
}

// matching selects the keys that the search finds, in no order. Reading the index of names skips keys that don't match without
// reading their rows. Left to itself, SQLite would use any index that begins with the tenancy.
func (l listing) matching() *gorm.DB {
	index := "api_key_by_name"
	if l.q.Status != "" {
		index = "api_key_by_status_and_name"
	}
	return l.contains(l.of(l.t.db.Table("api_key INDEXED BY " + index)).Select(l.columns()))
}

// contains restricts a selection to the keys that match the search.
func (l listing) contains(selection *gorm.DB) *gorm.DB {
	return selection.Where(`(name_search LIKE ? ESCAPE '\' OR client_id = ?)`, l.pattern(), l.q.Search)
}

// pattern is the LIKE pattern that names are compared with.
func (l listing) pattern() string {
	return "%" + likeEscaper.Replace(apikey.SearchForm(l.q.Search)) + "%"
}

// offset is how many keys precede the page.
func (l listing) offset() int { return (l.q.Page - 1) * l.q.PageSize }

// page puts a selection in order and restricts it to the page.
func (l listing) page(selection *gorm.DB) *gorm.DB {
	return selection.Order(l.order).Limit(l.q.PageSize).Offset(l.offset())
}

// pluck reads the client IDs of a selection.
func (l listing) pluck(selection *gorm.DB) ([]string, error) {
	var ids []string
	if err := selection.Pluck("client_id", &ids).Error; err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return ids, nil
}

// likeEscaper makes every character of a search text match itself.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// ordering returns the ORDER BY of the query. It says where NULLs go because the dialects' defaults differ.
func ordering(q apikey.Query) (string, error) {
	direction := "ASC"
	if q.Descending {
		direction = "DESC"
	}
	switch q.SortBy {
	case apikey.SortByName:
		return "name_search " + direction + ", client_id " + direction, nil
	case apikey.SortByCreatedAt:
		return "created_at " + direction + ", client_id " + direction, nil
	case apikey.SortByLastUsedAt:
		return "last_used_at " + direction + " NULLS LAST, client_id " + direction, nil
	default:
		return "", fmt.Errorf("keys can't be sorted by %q", q.SortBy)
	}
}
