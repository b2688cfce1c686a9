package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"
)

// heapFloor is how many bytes the garbage collector counts as in use on top of what really is. It runs when the heap has doubled.
// This service's heap is so small that under load the collector would run hundreds of times a second, and take a fifth of the
// time of every token. The bytes are never touched, so they take up address space but no memory. Once many cached keys have made
// the heap large, they change little, unlike a higher GOGC.
const heapFloor = 48 << 20

// newFloor returns what the collector is to count. It is not a slice: make clears memory that was in use before, which makes all
// of it resident. What a Builder reserves is not cleared.
func newFloor() *strings.Builder {
	var floor strings.Builder
	floor.Grow(heapFloor)
	return &floor
}

// settleInterval is how long the service must have had little to do before it gives memory back.
const settleInterval = 30 * time.Second

// settleMemory gives unused memory back to the system. After the start, that is mostly what hashing passwords and reading the
// contract took.
func settleMemory() { debug.FreeOSMemory() }

// settle gives back the memory that a load leaves behind, and the garbage of following the log, which otherwise would not be
// collected before it is as much as the floor. It runs until ctx ends.
func (a *App) settle(ctx context.Context) {
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	settleWhenIdle(ctx, ticker.C, collections, settleMemory)
}

// settleWhenIdle calls settle at each tick if there was no garbage collection since the tick before. Under load there always is
// one.
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

// collections returns how many garbage collections there have been.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
