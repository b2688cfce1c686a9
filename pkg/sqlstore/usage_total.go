package sqlstore

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// dayCount is what a batch counts for a key in a day.
type dayCount struct {
	clientID       string
	day            time.Time
	issued, denied int64
}

// dayOf returns the beginning of a day, UTC.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// addTotals adds to the totals of keys that are still there, and notes what the total was before the first use of a day.
// The caller has locked the keys.
func (t tx) addTotals(counts []usage.Count) error {
	days := map[time.Time]map[string]dayCount{}
	for _, c := range counts {
		day := dayOf(c.Hour)
		if days[day] == nil {
			days[day] = map[string]dayCount{}
		}
		sum := days[day][c.ClientID]
		days[day][c.ClientID] = dayCount{c.ClientID, day, sum.issued + c.Issued, sum.denied + c.Denied}
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		inOrder := slices.SortedFunc(maps.Values(days[day]), func(a, b dayCount) int { return cmp.Compare(a.clientID, b.clientID) })
		for batch := range slices.Chunk(inOrder, usesPerStatement) {
			if err := t.addDay(batch); err != nil {
				return fmt.Errorf("add totals of %d keys: %w", len(batch), err)
			}
		}
	}
	return nil
}

// addDay adds the counts of one day. Later days have begun already where a batch comes late: what it counts was there when
// they began.
func (t tx) addDay(counts []dayCount) error {
	args := make([]any, 0, 4*len(counts))
	for _, c := range counts {
		args = append(args, c.clientID, c.day.UnixMicro(), c.issued, c.denied)
	}
	noted := "WITH noted (client_id, day, issued, denied) AS (VALUES " +
		repeated("(CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT))", len(counts)) + ") "
	later := "(SELECT l.%s FROM usage_opening l WHERE l.client_id = n.client_id AND l.day > n.day ORDER BY l.day LIMIT 1)"
	for _, statement := range []string{
		"INSERT INTO usage_opening (client_id, day, issued, denied) SELECT n.client_id, n.day, " +
			"COALESCE(" + fmt.Sprintf(later, "issued") + ", t.issued, 0), COALESCE(" + fmt.Sprintf(later, "denied") + ", t.denied, 0) " +
			"FROM noted n JOIN api_key k ON k.client_id = n.client_id LEFT JOIN usage_total t ON t.client_id = n.client_id WHERE TRUE " +
			"ON CONFLICT (client_id, day) DO NOTHING",
		"UPDATE usage_opening SET issued = usage_opening.issued + n.issued, denied = usage_opening.denied + n.denied FROM noted n " +
			"WHERE usage_opening.client_id = n.client_id AND usage_opening.day > n.day",
		"INSERT INTO usage_total (client_id, issued, denied) SELECT n.client_id, n.issued, n.denied " +
			"FROM noted n JOIN api_key k ON k.client_id = n.client_id WHERE TRUE " +
			"ON CONFLICT (client_id) DO UPDATE SET issued = usage_total.issued + excluded.issued, denied = usage_total.denied + excluded.denied",
	} {
		if err := t.db.Exec(noted+statement, args...).Error; err != nil {
			return err
		}
	}
	return nil
}
