package revocation_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/revocation"
)

// BenchmarkMemory reports how much memory a revocation takes. Half of them are of generations, half of single tokens.
func BenchmarkMemory(b *testing.B) {
	const count = 200_000
	for b.Loop() {
		l := &log{now: epoch}
		before := heapInUse()
		set := revocation.NewSet(l, l.clock)
		for i := range int64(count) {
			revokes := &eventlog.Revocation{ClientID: fmt.Sprintf("ak_%022d", i), Generation: 2}
			if i%2 == 0 {
				revokes = &eventlog.Revocation{ClientID: "ak_0000000000000000000000", TokenID: fmt.Sprintf("%026d", i), ExpiresAt: epoch.Add(revocation.Horizon)}
			}
			set.Apply(eventlog.Event{Seq: i + 1, Draft: eventlog.Draft{At: epoch, Revokes: revokes}})
		}
		b.ReportMetric(float64(heapInUse()-before)/count, "B/revocation")
		runtime.KeepAlive(set)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
