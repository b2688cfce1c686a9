package sqlstore

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// keySearch reads one page of a search on PostgreSQL. It uses a table that holds little more than names and is maintained by
// triggers: see the migration key_search.
type keySearch struct{ listing }

// sortedAtOnce is the largest number of matching keys that are sorted by the statement that counts them. If more match, the keys
// on a page are found faster by walking in sort order. For names that pays off later, because the matches lie in a few runs, one
// per customer. For sorting by last use, that time has to be looked up for each match.
var sortedAtOnce = map[apikey.SortField]int{
	apikey.SortByName: 16_000, apikey.SortByCreatedAt: apikey.TotalMax, apikey.SortByLastUsedAt: 3_000,
}

// walkedAtMost is how many keys are walked through, when more than [sortedAtOnce] match, before all the matches are sorted after
// all. The index of names alone is enough to test a key; in any other order the key's row has to be read.
var walkedAtMost = map[apikey.SortField]int{
	apikey.SortByName: 50_000, apikey.SortByCreatedAt: 20_000, apikey.SortByLastUsedAt: 10_000,
}

// find finds the page. Most of the work is finding the matches, so if there are few of them, the statement that counts them sorts
// them as well. If there are many, a walk soon meets enough of them, unless all of them are at the end of the order.
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

// sortFew counts the matches, as far as the count is of use, and if there are no more than most, finds the page by sorting them.
// The search for the matches is planned as if all of them were wanted: for only a part of them PostgreSQL would read the whole
// table, hoping to come across enough of them soon.
func (s keySearch) sortFew(most int) (found, error) {
	sortable := s.t.db.Table("matching")
	if s.q.SortBy == apikey.SortByLastUsedAt {
		// Not a join, which PostgreSQL might start from all keys. Without the limit it would expect so much work that it compiles
		// the statement.
		sortable = s.t.db.Table("(SELECT client_id FROM matching LIMIT ?) AS m", most).
			Select("m.client_id, (SELECT last_used_at FROM key_use u WHERE u.client_id = m.client_id) AS last_used_at")
	}
	var rows []struct {
		Keys     int
		ClientID *string // NULL if the page has no keys
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

// sortAll selects the page by sorting all matches.
func (s keySearch) sortAll() *gorm.DB {
	return s.page(s.t.db.Table("(?) AS matching", s.sortable(s.matchingNames())))
}

// matchingNames selects the keys whose names contain the search text, and the key whose client ID equals it, unless that is among
// them already.
func (s keySearch) matchingNames() *gorm.DB {
	const columns = "client_id, name_search, created_at"
	named := s.of(s.t.db.Table("key_search")).Where(`name_search LIKE ? ESCAPE '\'`, s.pattern()).Select(columns)
	identified := s.of(s.t.db.Table("api_key")).Where(`client_id = ? AND name_search NOT LIKE ? ESCAPE '\'`, s.q.Search, s.pattern()).Select(columns)
	return s.t.db.Raw("? UNION ALL ?", named, identified)
}
