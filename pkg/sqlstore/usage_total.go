package sqlstore

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// openings is a table of what the total of a key was when each of its periods of use began, less what was counted since, so
// that the sum from a period on is a difference of two rows.
type openings struct {
	table, period string        // and the column with the beginning of the period
	length        time.Duration // of a period, a divisor of the day: periods begin at midnight UTC, and each when the one before ends
	newest        func(newestRow) instant
	spans         bool // whether there is a column since as well: the end of the key's period of use before, 0 where none is known
}

var (
	dayOpenings = openings{"usage_opening", "day", 24 * time.Hour, func(r newestRow) instant { return r.Day }, false}
	// hourOpenings are kept for [usage.Lately] alone.
	hourOpenings = openings{"usage_hour_opening", "hour", time.Hour, func(r newestRow) instant { return r.Hour }, true}
)

// first returns the beginning of the first period that does not begin before a time.
func (o openings) first(from time.Time) time.Time {
	begin := from.UTC().Truncate(o.length)
	if begin.Before(from) {
		begin = begin.Add(o.length)
	}
	return begin
}

// dayOf returns the beginning of a day, UTC.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(dayOpenings.length) }

// periodCount is what a batch counts for a key in a period.
type periodCount struct {
	clientID       string
	begin          time.Time
	issued, denied int64
}

// inPeriods sums up counts by period and key, in the order of the periods, in chunks of one period that fit into a statement.
func inPeriods(counts []usage.Count, length time.Duration) [][]periodCount {
	periods := map[time.Time]map[string]periodCount{}
	for _, c := range counts {
		begin := c.Hour.UTC().Truncate(length)
		if periods[begin] == nil {
			periods[begin] = map[string]periodCount{}
		}
		sum := periods[begin][c.ClientID]
		periods[begin][c.ClientID] = periodCount{c.ClientID, begin, sum.issued + c.Issued, sum.denied + c.Denied}
	}
	var chunks [][]periodCount
	for _, begin := range slices.SortedFunc(maps.Keys(periods), time.Time.Compare) {
		inOrder := slices.SortedFunc(maps.Values(periods[begin]), func(a, b periodCount) int { return cmp.Compare(a.clientID, b.clientID) })
		chunks = slices.AppendSeq(chunks, slices.Chunk(inOrder, usesPerStatement))
	}
	return chunks
}

// newestRow is when the newest periods of a key began that have an opening.
type newestRow struct {
	ClientID string  `gorm:"column:client_id"`
	Day      instant `gorm:"column:day"`
	Hour     instant `gorm:"column:hour"`
}

// addTotals adds to the totals of keys that are still there, and keeps the openings of their periods. The caller has locked
// the keys, and has added the counts to their hours.
func (t tx) addTotals(counts []usage.Count) error {
	newest := map[string]newestRow{}
	for _, chunk := range inPeriods(counts, dayOpenings.length) {
		rows, err := t.addToTotals(chunk)
		if err != nil {
			return fmt.Errorf("add to the totals of %d keys: %w", len(chunk), err)
		}
		for _, r := range rows {
			newest[r.ClientID] = r
		}
	}
	for _, o := range []openings{dayOpenings, hourOpenings} {
		// Nearly always the newest period goes on: it is open, and none is later.
		rest := slices.DeleteFunc(slices.Clone(counts), func(c usage.Count) bool {
			row, there := newest[c.ClientID]
			return !there || o.newest(row) == newInstant(c.Hour.Truncate(o.length))
		})
		for _, chunk := range inPeriods(rest, o.length) {
			late := slices.ContainsFunc(chunk, func(c periodCount) bool { return o.newest(newest[c.clientID]) > newInstant(c.begin) })
			if late {
				if err := t.addToLater(o, chunk); err != nil {
					return fmt.Errorf("add to the later %s of %d keys: %w", o.table, len(chunk), err)
				}
			}
			if err := t.open(o, chunk); err != nil {
				return fmt.Errorf("keep the %s of %d keys: %w", o.table, len(chunk), err)
			}
		}
	}
	return nil
}

// addToTotals adds to the totals of keys that are still there, and returns these keys with their newest openings.
func (t tx) addToTotals(counts []periodCount) (rows []newestRow, err error) {
	newest := func(o openings) string {
		return fmt.Sprintf("(SELECT MAX(o.%s) FROM %s o WHERE o.client_id = usage_total.client_id) AS %[1]s", o.period, o.table)
	}
	noted, err := t.noted(rowsOf(counts), periodColumns)
	if err != nil {
		return nil, err
	}
	err = t.db.Raw(noted.with+"INSERT INTO usage_total (client_id, issued, denied) SELECT n.client_id, n.issued, n.denied "+
		"FROM noted n JOIN api_key k ON k.client_id = n.client_id WHERE TRUE "+
		"ON CONFLICT (client_id) DO UPDATE SET issued = usage_total.issued + excluded.issued, denied = usage_total.denied + excluded.denied "+
		"RETURNING client_id, "+newest(dayOpenings)+", "+newest(hourOpenings), noted.list).Scan(&rows).Error
	return rows, err
}

// addToLater adds what was counted in a period to the openings of those after it, which have begun already where a batch comes late:
// it was there when they began.
func (t tx) addToLater(o openings, counts []periodCount) error {
	var split string
	if o.spans { // it may be between a later period and the one before that
		split = fmt.Sprintf(", since = CASE WHEN %[1]s.since <= n.period THEN n.period + %[2]d ELSE %[1]s.since END", o.table, o.length.Microseconds())
	}
	return t.execNoted(rowsOf(counts), periodColumns, fmt.Sprintf("UPDATE %[1]s SET issued = %[1]s.issued + n.issued, denied = %[1]s.denied + n.denied%[3]s FROM noted n "+
		"WHERE %[1]s.client_id = n.client_id AND %[1]s.%[2]s > n.period", o.table, o.period, split))
}

// open keeps the openings of keys that were counted in a period. Periods come in their order.
func (t tx) open(o openings, counts []periodCount) error {
	var column, since string
	if o.spans {
		column = ", since"
		since = fmt.Sprintf(", COALESCE((SELECT MAX(p.%[2]s) FROM %[1]s p WHERE p.client_id = n.client_id AND p.%[2]s < n.period) + %[3]d, 0)",
			o.table, o.period, o.length.Microseconds())
	}
	counted := "(SELECT SUM(u.%s) FROM usage u WHERE u.client_id = n.client_id AND u.hour >= n.period)"
	return t.execNoted(rowsOf(counts), periodColumns, fmt.Sprintf("INSERT INTO %[1]s (client_id, %[2]s, issued, denied%[3]s) SELECT n.client_id, n.period, "+
		"t.issued - "+fmt.Sprintf(counted, "issued")+", t.denied - "+fmt.Sprintf(counted, "denied")+"%[4]s "+
		"FROM noted n JOIN usage_total t ON t.client_id = n.client_id "+
		"WHERE NOT EXISTS (SELECT 1 FROM %[1]s o WHERE o.client_id = n.client_id AND o.%[2]s = n.period)",
		o.table, o.period, column, since))
}

var periodColumns = []notedColumn{{"client_id", "TEXT"}, {"period", "BIGINT"}, {"issued", "BIGINT"}, {"denied", "BIGINT"}}

// rowsOf returns counts as rows of [periodColumns].
func rowsOf(counts []periodCount) [][]any {
	rows := make([][]any, len(counts))
	for i, c := range counts {
		rows[i] = []any{c.clientID, c.begin.UnixMicro(), c.issued, c.denied}
	}
	return rows
}
