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
		l, err := newListing(t, tenancyID, q)
		if err != nil {
			return err
		}
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
}

// found is the client ids on a page and how many keys match, counted up to one more than the total's bound.
type found struct {
	ids   []string
	total int
}

func newListing(t tx, tenancyID string, q apikey.Query) (listing, error) {
	order, err := ordering(q)
	return listing{t, tenancyID, q, order}, err
}

func (l listing) find() (found, error) {
	if l.q.Search == "" {
		return l.all()
	}
	return l.search()
}

// all finds the page of a list without a search.
func (l listing) all() (found, error) {
	var total int64
	counted := l.keys().Select("1").Limit(apikey.TotalMax + 1)
	if err := l.t.db.Table("(?) AS counted", counted).Count(&total).Error; err != nil {
		return found{}, fmt.Errorf("count keys: %w", err)
	}
	ids, err := l.pluck(l.page(l.keys()))
	return found{ids, int(total)}, err
}

// walkMax is how many keys a search looks at in the list's order, before it sorts all that match.
const walkMax = 10_000

// search finds the page of a search. Which statement is fast depends on how many keys match and on where in the order they
// are, and the databases guess both badly for a part of a word; so it does not leave it to them.
//
// What few keys match is found by the index of the names' parts, or on SQLite by reading the index of names, and sorted as a
// whole: that also gives the total. What many keys match, on the other hand, is mostly soon found by walking along the
// order. Where that walk finds too few, as for names that all are at the order's end, all matches are sorted after all.
func (l listing) search() (found, error) {
	few := l.matching().Limit(apikey.TotalMax + 1)
	ids, err := l.pluck(l.t.db.Table("(?) AS few", few).Order(l.order))
	if err != nil {
		return found{}, err
	}
	if total := len(ids); total <= apikey.TotalMax {
		start := min((l.q.Page-1)*l.q.PageSize, total)
		return found{ids[start:min(start+l.q.PageSize, total)], total}, nil
	}
	walked := l.keys().Select(orderedColumns).Order(l.order).Limit(walkMax)
	ids, err = l.pluck(l.page(l.contains(l.t.db.Table("(?) AS walked", walked))))
	if err != nil || len(ids) == l.q.PageSize {
		return found{ids, apikey.TotalMax + 1}, err
	}
	ids, err = l.pluck(l.t.db.Raw("WITH matching AS MATERIALIZED (?) ?", l.matching(), l.page(l.t.db.Table("matching").Select("client_id"))))
	return found{ids, apikey.TotalMax + 1}, err
}

// keys selects the tenancy's keys of the status that is asked for.
func (l listing) keys() *gorm.DB {
	table := "api_key"
	if l.q.Search != "" && l.t.dialect == sqliteDialect {
		// In which the names are: what does not match is not read. SQLite would take any that begins with the tenancy.
		table += " INDEXED BY " + nameIndex(l.q.Status)
	}
	keys := l.t.db.Table(table).Where("tenancy_id = ?", l.tenancyID)
	if l.q.Status != "" {
		keys = keys.Where("status = ?", string(l.q.Status))
	}
	return keys
}

func nameIndex(status apikey.Status) string {
	if status != "" {
		return "api_key_by_status_and_name"
	}
	return "api_key_by_name"
}

// orderedColumns are the client id and what keys are searched and ordered by.
const orderedColumns = "client_id, name_search, created_at, last_used_at"

// matching selects what the search finds, in no order.
func (l listing) matching() *gorm.DB { return l.contains(l.keys().Select(orderedColumns)) }

// contains restricts a selection to what the search finds. On PostgreSQL both halves have an index.
func (l listing) contains(selection *gorm.DB) *gorm.DB {
	part := "%" + likeEscaper.Replace(apikey.SearchForm(l.q.Search)) + "%"
	return selection.Where(`(name_search LIKE ? ESCAPE '\' OR client_id = ?)`, part, l.q.Search)
}

// page puts a selection in order and restricts it to the page.
func (l listing) page(selection *gorm.DB) *gorm.DB {
	return selection.Order(l.order).Limit(l.q.PageSize).Offset((l.q.Page - 1) * l.q.PageSize)
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
