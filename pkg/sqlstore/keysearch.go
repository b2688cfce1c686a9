package sqlstore

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// keySearch is the reading of one page of a search on PostgreSQL, by a table of little more than names that triggers keep: see
// the migration key_search.
type keySearch struct{ listing }

// sortedAtOnce is how many keys that match are sorted as soon as they are counted. Where there are more, those on a page are sooner
// found by walking along the order. By name that takes longer, as what matches comes in few runs, each of a customer. When a key
// was last used is looked up for each.
var sortedAtOnce = map[apikey.SortField]int{
	apikey.SortByName: 16_000, apikey.SortByCreatedAt: apikey.TotalMax, apikey.SortByLastUsedAt: 3_000,
}

// walkedAtMost is how many keys are walked along where more match, before all of those are sorted after all. The index
// of names has what it takes to look at a key; of others the key itself has to be read.
var walkedAtMost = map[apikey.SortField]int{
	apikey.SortByName: 50_000, apikey.SortByCreatedAt: 20_000, apikey.SortByLastUsedAt: 10_000,
}

// find finds the page. Most of the work is to find what matches, so the statement that counts it sorts it, too, if it is few. If
// it is many a walk soon meets some of it, except where all of it is at the order's end.
func (s keySearch) find() (found, error) {
	most := sortedAtOnce[s.q.SortBy]
	total, known := s.totals.at(s.totalOf(), s.seq)
	if !known || total <= min(most, apikey.TotalMax) {
		f, err := s.sortFew(most)
		if err != nil || f.total <= most {
			return f, err
		}
		total = f.total
	}
	ids, err := s.walk(walkedAtMost[s.q.SortBy])
	if err == nil && len(ids) < s.q.PageSize {
		ids, err = s.pluck(s.sortAll())
	}
	return found{ids, total}, err
}

// sortFew counts what matches, no further than is of use, and if it is not more than most finds the page by sorting it. How to
// find what matches is planned for as if all of it were asked for: for a part of it PostgreSQL would read the whole table, in
// the hope that it soon comes by enough.
func (s keySearch) sortFew(most int) (found, error) {
	sortable := s.t.db.Table("matching")
	if s.q.SortBy == apikey.SortByLastUsedAt {
		// A join PostgreSQL might begin with all keys. Without the limit it would expect so much to do that it compiles the statement.
		sortable = s.t.db.Table("(SELECT client_id FROM matching LIMIT ?) AS m", most).
			Select("m.client_id, (SELECT last_used_at FROM key_use u WHERE u.client_id = m.client_id) AS last_used_at")
	}
	var rows []struct {
		Keys     int
		ClientID *string // NULL where the page has none
	}
	err := s.t.db.Raw("WITH matching AS MATERIALIZED (?), "+
		"total AS MATERIALIZED (SELECT COUNT(*) AS keys FROM (SELECT FROM matching LIMIT ?) AS counted) "+
		"SELECT total.keys, page.client_id FROM total LEFT JOIN (?) AS page ON TRUE ORDER BY "+s.order,
		s.matchingNames(), max(countMax, most+1), s.page(sortable.Where("(SELECT keys FROM total) <= ?", most))).Scan(&rows).Error
	if err != nil {
		return found{}, fmt.Errorf("search keys: %w", err)
	}
	var f found
	for _, r := range rows {
		if f.total = r.Keys; r.ClientID != nil {
			f.ids = append(f.ids, *r.ClientID)
		}
	}
	s.totals.set(s.totalOf(), total{min(f.total, countMax), s.seq})
	return f, nil
}

// sortAll selects the page by sorting all that matches.
func (s keySearch) sortAll() *gorm.DB {
	return s.page(s.t.db.Table("(?) AS matching", s.sortable(s.matchingNames())))
}

// matchingNames selects what has the part in its name, and the key whose client id is searched for, unless it is one of them.
func (s keySearch) matchingNames() *gorm.DB {
	const columns = "client_id, name_search, created_at"
	named := s.of(s.t.db.Table("key_search")).Where(`name_search LIKE ? ESCAPE '\'`, s.pattern()).Select(columns)
	identified := s.of(s.t.db.Table("api_key")).Where(`client_id = ? AND name_search NOT LIKE ? ESCAPE '\'`, s.q.Search, s.pattern()).Select(columns)
	return s.t.db.Raw("? UNION ALL ?", named, identified)
}
