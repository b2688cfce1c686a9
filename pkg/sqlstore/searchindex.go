package sqlstore

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// partSearch reads one page of a search with the index of parts of names, which triggers maintain on SQLite: see the migration
// search_index.
type partSearch struct {
	listing
	part            string
	before, through int64 // the bounds of the tenancy's document IDs, or of those with the requested status; before is exclusive
}

// partMin is the minimum length, in characters, of a text that can be looked up: the index consists of sequences of three
// characters.
const partMin = 3

// indexed returns the search text, and whether SQLite's index of parts can look it up. It can't look up a text with a NUL, where
// SQLite's query would end, or with a character that its tokenizer doesn't distinguish from U+FFFD.
func (l listing) indexed() (part string, ok bool) {
	part = apikey.SearchForm(l.q.Search)
	return part, utf8.RuneCountInString(part) >= partMin && !strings.ContainsAny(part, "\x00\ufffd\ufffe\uffff")
}

// searchParts finds the page of a search with the index. The index quickly tells how many keys match, and so how far a walk in
// sort order is worthwhile: as far as takes no longer than sorting the matches would.
func (l listing) searchParts(part string) (found, error) {
	var numbers []int64
	if err := l.t.db.Table("search_tenancy").Where("tenancy_id = ?", l.tenancyID).Pluck("number", &numbers).Error; err != nil {
		return found{}, fmt.Errorf("search keys: %w", err)
	}
	if len(numbers) == 0 {
		return found{}, nil // the tenancy has never had a key
	}
	s := partSearch{listing: l, part: part}
	s.before, s.through = documentIDs(numbers[0], l.q.Status)
	total, err := s.count(s.matchingDocuments())
	if err != nil || total <= min(s.offset(), apikey.TotalMax) {
		return found{total: total}, err // there is no such page
	}
	ids, err := s.walk(int(worth[s.q.SortBy] * float64(total)))
	if err == nil && len(ids) < s.q.PageSize {
		ids, err = s.pluck(s.sortedDocuments())
	}
	return found{ids, total}, err
}

// worth is roughly how many keys can be walked through in the time that sorting one match takes.
var worth = map[apikey.SortField]float64{apikey.SortByName: 2, apikey.SortByCreatedAt: .3, apikey.SortByLastUsedAt: 2}

// documentIDs returns the bounds of the IDs of a tenancy's documents; the lower one is exclusive.
func documentIDs(tenancy int64, status apikey.Status) (before, through int64) {
	active, inactive, next := tenancy<<33, tenancy<<33+1<<32, (tenancy+1)<<33
	switch status {
	case apikey.Active:
		return active, inactive
	case apikey.Inactive:
		return inactive, next
	default:
		return active, next
	}
}

// matchingDocuments selects the IDs of the documents whose names contain the search text, and of the one whose client ID equals
// it, unless that is among them already.
func (s partSearch) matchingDocuments() *gorm.DB {
	phrase := `"` + strings.ReplaceAll(s.part, `"`, `""`) + `"`
	return s.t.db.Table("(SELECT rowid AS id FROM search_index WHERE search_index MATCH ? AND rowid > ? AND rowid <= ? "+
		"UNION ALL SELECT id FROM search_document WHERE client_id = ? AND id > ? AND id <= ? AND instr(name_search, ?) = 0) AS matching",
		phrase, s.before, s.through, s.q.Search, s.before, s.through, s.part)
}

// sortedDocuments selects the page by sorting all matches. The time of last use changes constantly, so documents don't contain
// it.
func (s partSearch) sortedDocuments() *gorm.DB {
	documents := s.matchingDocuments().Joins("CROSS JOIN search_document AS document ON document.id = matching.id").Select("document.*")
	if s.q.SortBy == apikey.SortByLastUsedAt {
		documents = documents.Joins("CROSS JOIN key_use AS u ON u.client_id = document.client_id").Select("u.client_id, u.last_used_at")
	}
	return s.page(s.t.db.Table("(?) AS sortable", documents))
}
