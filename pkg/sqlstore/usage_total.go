package sqlstore

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// openings describes a table that holds, for each period of use of a key, the key's total at the beginning of the period. The sum
// of what was counted from a period on is then the difference of two rows.
type openings struct {
	table, period string        // the table, and its column with the beginning of the period
	length        time.Duration // of a period, a divisor of the day: periods begin at midnight UTC, and each begins when the previous one ends
	newest        func(keyTotal) instant
	spans         bool // whether there also is a column since: the end of the key's previous period of use, 0 if none is known
}

var (
	dayOpenings = openings{"usage_opening", "day", 24 * time.Hour, func(t keyTotal) instant { return t.Day }, false}
	// hourOpenings are kept only for the last [usage.Lately].
	hourOpenings = openings{"usage_hour_opening", "hour", time.Hour, func(t keyTotal) instant { return t.Hour }, true}
)

// first returns the beginning of the first period that begins at or after a time.
func (o openings) first(from time.Time) time.Time {
	begin := from.UTC().Truncate(o.length)
	if begin.Before(from) {
		begin = begin.Add(o.length)
	}
	return begin
}

// dayOf returns the beginning of the day in UTC.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(dayOpenings.length) }

// keyTotal is a key's total, with the beginnings of its newest day and of its newest hour that have an opening.
type keyTotal struct {
	ClientID string  `gorm:"column:client_id"`
	Issued   int64   `gorm:"column:issued"`
	Denied   int64   `gorm:"column:denied"`
	Day      instant `gorm:"column:day"`
	Hour     instant `gorm:"column:hour"`
}

// byKey returns the counts grouped by key, in the order of the client IDs, and of the hours within a key.
func byKey(counts []usage.Count) [][]usage.Count {
	sorted := slices.Clone(counts)
	slices.SortFunc(sorted, func(a, b usage.Count) int {
		return cmp.Or(strings.Compare(a.ClientID, b.ClientID), a.Hour.Compare(b.Hour))
	})
	var keys [][]usage.Count
	for len(sorted) > 0 {
		others := slices.IndexFunc(sorted, func(c usage.Count) bool { return c.ClientID != sorted[0].ClientID })
		if others < 0 {
			others = len(sorted)
		}
		keys, sorted = append(keys, sorted[:others]), sorted[others:]
	}
	return keys
}

// sum returns how many tokens were issued and how many requests denied.
func sum(counts []usage.Count) (issued, denied int64) {
	for _, c := range counts {
		issued, denied = issued+c.Issued, denied+c.Denied
	}
	return issued, denied
}

// addTotals adds to the totals of keys and stores the openings of their periods. The caller has locked the keys, and has added
// the counts to their hours.
func (t tx) addTotals(counts []usage.Count) error {
	keys := byKey(counts)
	totals, err := t.addToTotals(keys)
	if err != nil {
		return fmt.Errorf("add to the totals of %d keys: %w", len(keys), err)
	}
	for _, o := range []openings{dayOpenings, hourOpenings} {
		opened, late := o.openedBy(totals, keys)
		if err := t.addLate(o, late); err != nil {
			return fmt.Errorf("add %d late counts to %s: %w", len(late), o.table, err)
		}
		if err := t.open(o, opened); err != nil {
			return fmt.Errorf("keep the %s of %d periods: %w", o.table, len(opened), err)
		}
	}
	return nil
}

// addToTotals adds the counts to each key's total, and returns the totals in the order of the keys.
func (t tx) addToTotals(keys [][]usage.Count) ([]keyTotal, error) {
	rows := make([][]any, len(keys))
	for i, counts := range keys {
		issued, denied := sum(counts)
		rows[i] = []any{counts[0].ClientID, issued, denied}
	}
	newest := func(o openings) string {
		return fmt.Sprintf("(SELECT MAX(o.%s) FROM %s o WHERE o.client_id = usage_total.client_id) AS %[1]s", o.period, o.table)
	}
	totals, err := queryNoted[keyTotal](t, rows, []notedColumn{{"client_id", "TEXT"}, {"issued", "BIGINT"}, {"denied", "BIGINT"}},
		"INSERT INTO usage_total (client_id, issued, denied) SELECT client_id, issued, denied FROM noted WHERE TRUE "+
			"ON CONFLICT (client_id) DO UPDATE SET issued = usage_total.issued + excluded.issued, denied = usage_total.denied + excluded.denied "+
			"RETURNING client_id, issued, denied, "+newest(dayOpenings)+", "+newest(hourOpenings))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(totals, func(a, b keyTotal) int { return strings.Compare(a.ClientID, b.ClientID) })
	return totals, nil
}

// opening is the total of a key at the beginning of one of its periods of use.
type opening struct {
	clientID       string
	begin, since   instant // since is the end of the previous period of use, 0 if there is none
	issued, denied int64
}

// openedBy returns the openings of the periods that begin with a batch, and the batch's late counts: those of periods before the
// newest one that has an opening. It is given the total of each key, including the batch, and the key's counts in the order of
// their hours. If a period has no opening, nothing was counted in it before; its opening is therefore the total before the batch,
// plus the batch's own earlier counts.
func (o openings) openedBy(totals []keyTotal, keys [][]usage.Count) (opened []opening, late []usage.Count) {
	for i, counts := range keys {
		newest := o.newest(totals[i])
		issued, denied := sum(counts)
		issued, denied = totals[i].Issued-issued, totals[i].Denied-denied
		for _, c := range counts {
			begin := newInstant(c.Hour.Truncate(o.length))
			switch {
			case begin < newest:
				late = append(late, c)
			case begin > newest:
				p := opening{clientID: c.ClientID, begin: begin, issued: issued, denied: denied}
				if newest != 0 {
					p.since = newest + instant(o.length.Microseconds())
				}
				opened = append(opened, p)
				newest = begin
			}
			issued, denied = issued+c.Issued, denied+c.Denied
		}
	}
	return opened, late
}

// open stores openings.
func (t tx) open(o openings, opened []opening) error {
	rows := make([][]any, len(opened))
	for i, p := range opened {
		rows[i] = []any{p.clientID, p.begin, p.since, p.issued, p.denied}
	}
	var since string
	if o.spans {
		since = ", since"
	}
	return t.execNoted(rows, []notedColumn{{"client_id", "TEXT"}, {"period", "BIGINT"}, {"since", "BIGINT"}, {"issued", "BIGINT"}, {"denied", "BIGINT"}},
		fmt.Sprintf("INSERT INTO %[1]s (client_id, %[2]s, issued, denied%[3]s) SELECT client_id, period, issued, denied%[3]s FROM noted", o.table, o.period, since))
}

// addLate handles counts of periods before the newest one of their key. They are rare: they come from processes that were cut off
// from the database. The counts are in the order of the client IDs.
func (t tx) addLate(o openings, counts []usage.Count) error {
	for _, rows := range lateRows(counts, o.length) {
		if err := t.addToLater(o, rows); err != nil {
			return err
		}
		if err := t.openLate(o, rows); err != nil {
			return err
		}
	}
	return nil
}

// lateColumns are a key, one of its periods, and what was counted in it.
var lateColumns = []notedColumn{{"client_id", "TEXT"}, {"period", "BIGINT"}, {"issued", "BIGINT"}, {"denied", "BIGINT"}}

// lateRows returns rows of [lateColumns], grouped by period, in the order of the periods.
func lateRows(counts []usage.Count, length time.Duration) [][][]any {
	periods := map[instant][]usage.Count{} // at most one count per key and period
	for _, c := range counts {
		begin := newInstant(c.Hour.Truncate(length))
		sums := periods[begin]
		if last := len(sums) - 1; last >= 0 && sums[last].ClientID == c.ClientID {
			sums[last].Issued, sums[last].Denied = sums[last].Issued+c.Issued, sums[last].Denied+c.Denied
			continue
		}
		periods[begin] = append(sums, c)
	}
	all := make([][][]any, 0, len(periods))
	for _, begin := range slices.Sorted(maps.Keys(periods)) {
		rows := make([][]any, len(periods[begin]))
		for i, c := range periods[begin] {
			rows[i] = []any{c.ClientID, begin, c.Issued, c.Denied}
		}
		all = append(all, rows)
	}
	return all
}

// addToLater adds the counts of a period to the openings of the later ones, because they belong to the totals at which those
// began.
func (t tx) addToLater(o openings, rows [][]any) error {
	var split string
	if o.spans { // the period may lie between a later one and the one preceding that
		split = fmt.Sprintf(", since = CASE WHEN %[1]s.since <= n.period THEN n.period + %[2]d ELSE %[1]s.since END", o.table, o.length.Microseconds())
	}
	return t.execNoted(rows, lateColumns, fmt.Sprintf("UPDATE %[1]s SET issued = %[1]s.issued + n.issued, denied = %[1]s.denied + n.denied%[3]s FROM noted n "+
		"WHERE %[1]s.client_id = n.client_id AND %[1]s.%[2]s > n.period", o.table, o.period, split))
}

// openLate stores the openings of a period for keys that have none yet: the total less what was counted since the period began.
func (t tx) openLate(o openings, rows [][]any) error {
	var column, since string
	if o.spans {
		column = ", since"
		since = fmt.Sprintf(", COALESCE((SELECT MAX(p.%[2]s) FROM %[1]s p WHERE p.client_id = n.client_id AND p.%[2]s < n.period) + %[3]d, 0)",
			o.table, o.period, o.length.Microseconds())
	}
	counted := "(SELECT SUM(u.%s) FROM usage u WHERE u.client_id = n.client_id AND u.hour >= n.period)"
	return t.execNoted(rows, lateColumns, fmt.Sprintf("INSERT INTO %[1]s (client_id, %[2]s, issued, denied%[3]s) SELECT n.client_id, n.period, "+
		"t.issued - "+fmt.Sprintf(counted, "issued")+", t.denied - "+fmt.Sprintf(counted, "denied")+"%[4]s "+
		"FROM noted n JOIN usage_total t ON t.client_id = n.client_id "+
		"WHERE NOT EXISTS (SELECT 1 FROM %[1]s o WHERE o.client_id = n.client_id AND o.%[2]s = n.period)",
		o.table, o.period, column, since))
}
