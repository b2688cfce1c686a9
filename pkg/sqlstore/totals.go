package sqlstore

import (
	"github.com/maypok86/otter/v2"

	"github.com/piercloud/apikeys/pkg/apikey"
)

const (
	// totalsKept is how many totals a store remembers.
	totalsKept = 1_000
	// countMax is how far keys are counted. It exceeds the maximum of a reported total by the number of changes that such a count
	// then remains useful for.
	countMax = apikey.TotalMax + 1_000
)

// totals remembers how many keys lists had, because counting ten thousand keys takes longer than finding the requested page. It
// is safe for concurrent use.
type totals struct {
	counted *otter.Cache[totalOf, total]
}

// totalOf identifies what was counted.
type totalOf struct {
	tenancyID string
	status    apikey.Status
	search    string
}

// total is how many keys there were, at most [countMax], when the log's head was at seq.
type total struct {
	keys int
	seq  int64
}

func newTotals() totals {
	return totals{otter.Must(&otter.Options[totalOf, total]{MaximumSize: totalsKept})}
}

// at returns the total as of the log's head at seq, if it is known.
func (t totals) at(of totalOf, seq int64) (keys int, known bool) {
	counted, ok := t.counted.GetIfPresent(of)
	if !ok {
		return 0, false
	}
	return counted.at(seq)
}

// set remembers a total.
func (t totals) set(of totalOf, counted total) { t.counted.Set(of, counted) }

// at returns the total as of a later position in the log. Each change removes at most one key from a list, so a total far above
// the maximum is known to stay above it for that many changes; any other total is known only as long as nothing has changed.
func (t total) at(seq int64) (keys int, known bool) {
	changes := seq - t.seq
	switch {
	case changes == 0:
		return t.keys, true
	case changes > 0 && int64(t.keys)-changes > apikey.TotalMax:
		return apikey.TotalMax + 1, true
	default: // also if the database was restored from a copy
		return 0, false
	}
}
