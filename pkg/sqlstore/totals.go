package sqlstore

import (
	"github.com/maypok86/otter/v2"

	"github.com/piercloud/apikeys/pkg/apikey"
)

const (
	// totalsKept is how many totals a store remembers.
	totalsKept = 1_000
	// countMax is how far keys are counted: beyond the bound of a total by as many changes as such a total then outlives.
	countMax = apikey.TotalMax + 1_000
)

// totals remembers how many keys lists had, as counting ten thousand takes longer than to find the page of them that is
// asked for. It is safe for concurrent use.
type totals struct {
	counted *otter.Cache[totalOf, total]
}

// totalOf is what a total is of.
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

// at returns a total as it is where the log's head is at seq, as far as that is known.
func (t totals) at(of totalOf, seq int64) (keys int, known bool) {
	counted, ok := t.counted.GetIfPresent(of)
	if !ok {
		return 0, false
	}
	return counted.at(seq)
}

// set remembers a total.
func (t totals) set(of totalOf, counted total) { t.counted.Set(of, counted) }

// at returns the total as it is at a later place in the log. Each change takes at most one key out of a list, so of what was
// far beyond the bound of a total it is known for as many changes that it is beyond it still; any other total is known as long
// as nothing has changed.
func (t total) at(seq int64) (keys int, known bool) {
	changes := seq - t.seq
	switch {
	case changes == 0:
		return t.keys, true
	case changes > 0 && int64(t.keys)-changes > apikey.TotalMax:
		return apikey.TotalMax + 1, true
	default: // or a database that was restored from a copy
		return 0, false
	}
}
