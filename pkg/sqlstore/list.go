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

// listing is the reading of one page: first the client ids on it, from indexes where that is possible, so that pages far
// behind the first cost little more than that; then the keys themselves.
type listing struct {
	t         tx
	tenancyID string
	q         apikey.Query
	order     string
	seq       int64 // of the log's head, at the moment that the listing sees
	totals    totals
}

// found is the client ids on a page and how many keys match, which may be counted no further than to [countMax].
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

// search finds the page of a search. Which statement is fast depends on how many keys match and on where in the order they
// are, and the databases guess both badly for a part of a word; so it does not leave it to them.
//
// On SQLite nothing has an index of one or two characters. What many keys match is soon found by walking along the order, and
// then only has to be counted. Where the walk finds too few, all that match are found by reading the index of names, and
// sorted: few in most cases, or many that are all at the order's end.
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
		// The page is behind the last one, and its rows are what would have told the total.
	}
	total, err := l.count(l.matching())
	return found{ids, total}, err
}

// walk finds a page of a search, or its beginning, among as many keys as reach says, from the first in the order on.
func (l listing) walk(reach int) ([]string, error) {
	walked := l.keys().Order(l.order).Limit(reach)
	if l.q.SortBy == apikey.SortByLastUsedAt {
		// A join PostgreSQL might begin with all keys.
		walked = l.t.db.Table("(?) AS u", walked.Select("client_id, last_used_at")).
			Select("u.client_id, u.last_used_at, (SELECT name_search FROM api_key k WHERE k.client_id = u.client_id) AS name_search")
	} else {
		walked = walked.Select(l.columns())
	}
	return l.pluck(l.page(l.contains(l.t.db.Table("(?) AS walked", walked))))
}

// sorted finds a page by sorting everything that matches. One without keys has no total.
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

// sortable adds to what a search finds when that was last used, if it is to be sorted by it.
func (l listing) sortable(matching *gorm.DB) *gorm.DB {
	if l.q.SortBy != apikey.SortByLastUsedAt {
		return matching
	}
	return l.t.db.Table("(?) AS m", matching).Joins("JOIN key_use u ON u.client_id = m.client_id").Select("u.client_id, u.last_used_at")
}

// How many keys a search looks at in the list's order before it sorts all that match: as many as cost no more than that
// would. The index of names has what it takes to look at a key; of others the key itself has to be read.
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

// count counts what the listing selects, unless it is known.
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

// keys selects the tenancy's keys of the status that is asked for, from the table that has the list's order.
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

// columns returns the client id and what keys are searched and ordered by, as far as it is in their table: when they were used
// is not. All may be in an index.
func (l listing) columns() string {
	if l.q.SortBy == apikey.SortByCreatedAt {
		return "client_id, name_search, created_at"
	}
	return "client_id, name_search"
}

// matching selects what the search finds, in no order. In the index of names what does not match is passed over without being
// read. SQLite would take any index that begins with the tenancy.
func (l listing) matching() *gorm.DB {
	index := "api_key_by_name"
	if l.q.Status != "" {
		index = "api_key_by_status_and_name"
	}
	return l.contains(l.of(l.t.db.Table("api_key INDEXED BY " + index)).Select(l.columns()))
}

// contains restricts a selection to what the search finds.
func (l listing) contains(selection *gorm.DB) *gorm.DB {
	return selection.Where(`(name_search LIKE ? ESCAPE '\' OR client_id = ?)`, l.pattern(), l.q.Search)
}

// pattern is what LIKE compares names with.
func (l listing) pattern() string {
	return "%" + likeEscaper.Replace(apikey.SearchForm(l.q.Search)) + "%"
}

// offset is how many keys are before the page.
func (l listing) offset() int { return (l.q.Page - 1) * l.q.PageSize }

// page puts a selection in order and restricts it to the page.
func (l listing) page(selection *gorm.DB) *gorm.DB {
	return selection.Order(l.order).Limit(l.q.PageSize).Offset(l.offset())
}

// pluck reads the client ids of a selection.
func (l listing) pluck(selection *gorm.DB) ([]string, error) {
	var ids []string
	if err := selection.Pluck("client_id", &ids).Error; err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return ids, nil
}

// likeEscaper makes every character of a search stand for itself.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// ordering returns the ORDER BY of the query. The dialects disagree on where NULLs belong unless they are told.
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
