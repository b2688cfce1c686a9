package striped_test

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/striped"
)

// atOnce calls f many times from many goroutines.
func atOnce(f func(i int)) (calls int) {
	const goroutines, each = 8, 1000
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for i := range each {
				f(i)
			}
		})
	}
	group.Wait()
	return goroutines * each
}

func TestCounterLosesNothing(t *testing.T) {
	c := striped.NewCounter()
	calls := atOnce(func(int) { c.Add() })
	if c.Load() != int64(calls) {
		t.Errorf("%d, want %d", c.Load(), calls)
	}
}

func TestHistogramLosesNothing(t *testing.T) {
	h := striped.NewHistogram([]time.Duration{10, 20, 30})
	calls := atOnce(func(i int) { h.Observe(time.Duration(i % 4 * 10)) }) // a quarter each: 0, 10, 20, 30
	h.Observe(31)
	count, sum, upTo := h.Load()
	n := int64(calls)
	if want := []int64{n / 2, 3 * n / 4, n}; count != n+1 || sum != time.Duration(15*n+31) || !reflect.DeepEqual(upTo, want) {
		t.Errorf("%d durations of %d, up to the bounds %v, want %d, %d, %v", count, sum, upTo, n+1, 15*n+31, want)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	c, h := striped.NewCounter(), striped.NewHistogram([]time.Duration{time.Millisecond})
	c.Add() // the first takes a ticket
	// AllocsPerRun rounds the average down, so a new ticket after a garbage collection does not count.
	if n := testing.AllocsPerRun(1000, func() { c.Add(); h.Observe(time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
