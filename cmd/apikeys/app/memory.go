package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"
)

// heapFloor is how many bytes the collector counts as in use beyond what is: its next collection comes when the heap has
// doubled, and that of this service is so small that it would come hundreds of times a second under load, and take a
// fifth of the time of every token. The bytes are never touched, so they take address space and no memory. With a heap
// that many cached keys have made large they change little, which a higher GOGC would not.
const heapFloor = 48 << 20

// newFloor returns what the collector is to count. It is no slice: where memory was in use before, make clears it, and all of it
// is resident then. What a Builder reserves is not cleared.
func newFloor() *strings.Builder {
	var floor strings.Builder
	floor.Grow(heapFloor)
	return &floor
}

// settleInterval is how long a service must have had little to do before it gives memory back.
const settleInterval = 30 * time.Second

// settleMemory gives back what only the start has needed, most of it for hashing passwords and reading the contract.
func settleMemory() { debug.FreeOSMemory() }

// settle gives back what a load has left and what following the log leaves, which nobody would collect before it is as much as
// the floor. It goes on until ctx ends.
func (a *App) settle(ctx context.Context) {
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	settleWhenIdle(ctx, ticker.C, collections, settleMemory)
}

// settleWhenIdle calls settle at each tick when nothing was collected since the one before: under load something always is.
func settleWhenIdle(ctx context.Context, ticks <-chan time.Time, collections func() uint64, settle func()) {
	for before := collections(); ; before = collections() {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		if collections() == before {
			settle()
		}
	}
}

// collections returns how often garbage was collected.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
