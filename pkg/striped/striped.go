// Package striped owns counters that every request adds to. The memory of a single shared counter would move from processor to
// processor with each addition; here each processor mostly uses its own part, and readers add the parts up.
package striped

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// cacheLine is the unit, in bytes, in which processors exchange memory; 128 for those that fetch two lines at once.
const cacheLine = 128

// tickets say which stripe to use. A pool hands them out per processor, without a lock.
var (
	tickets = sync.Pool{New: func() any {
		ticket := int(next.Add(1)) % stripes
		return &ticket
	}}
	next    atomic.Uint32
	stripes = stripesFor(runtime.NumCPU())
)

func stripesFor(processors int) int { return min(max(processors, 1), 64) }

// stripe returns the number of a stripe that probably nobody else is using at this moment.
func stripe() int {
	ticket, _ := tickets.Get().(*int)
	defer tickets.Put(ticket)
	return *ticket
}

// Counter is a count that only grows. The zero Counter is not usable; see [NewCounter]. It is safe for concurrent use.
type Counter struct{ parts []part }

type part struct {
	n atomic.Int64
	_ [cacheLine - 8]byte
}

// NewCounter returns a counter that starts at 0.
func NewCounter() *Counter { return &Counter{make([]part, stripes)} }

// Add adds one. It takes no lock and allocates nothing.
func (c *Counter) Add() { c.parts[stripe()].n.Add(1) }

// Load returns the count. Concurrent additions may or may not be included.
func (c *Counter) Load() int64 {
	var n int64
	for i := range c.parts {
		n += c.parts[i].n.Load()
	}
	return n
}

// Histogram counts durations by size. It is safe for concurrent use.
type Histogram struct {
	bounds []time.Duration
	parts  [][]atomic.Int64 // by stripe: a count for each bound, one for what exceeds them all, and the sum in nanoseconds
}

// NewHistogram returns an empty histogram. bounds are the inclusive upper bounds of its buckets, in order.
func NewHistogram(bounds []time.Duration) *Histogram {
	h := &Histogram{bounds: bounds, parts: make([][]atomic.Int64, stripes)}
	const perLine = cacheLine / 8
	for i := range h.parts {
		h.parts[i] = make([]atomic.Int64, len(bounds)+2, len(bounds)+2+perLine) // the spare capacity keeps neighbours out of the cache line
	}
	return h
}

// Observe counts a duration. It takes no lock and allocates nothing.
func (h *Histogram) Observe(d time.Duration) {
	bucket := 0
	for bucket < len(h.bounds) && d > h.bounds[bucket] {
		bucket++
	}
	part := h.parts[stripe()]
	part[bucket].Add(1)
	part[len(part)-1].Add(int64(d))
}

// Load returns how many durations there were, their sum, and, for each bound, how many did not exceed it.
func (h *Histogram) Load() (count int64, sum time.Duration, upTo []int64) {
	upTo = make([]int64, len(h.bounds))
	for i := range len(h.bounds) + 1 {
		for _, part := range h.parts {
			count += part[i].Load()
		}
		if i < len(upTo) {
			upTo[i] = count
		}
	}
	for _, part := range h.parts {
		sum += time.Duration(part[len(part)-1].Load())
	}
	return count, sum, upTo
}
