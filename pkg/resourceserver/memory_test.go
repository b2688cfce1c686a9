//go:build !race

// The race detector can find nothing here, because a single goroutine reads the million entries, and makes that take ten times as
// long. `make test-go` therefore runs these tests without it.

package resourceserver

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"
)

const (
	manyRevocations = 1_000_000
	megabytesMax    = 150
)

func TestAMillionRevocationsStayBelow150MB(t *testing.T) {
	before := heapInUse()
	revoked := newRevocations(newClock(time.Now), 0)
	expires := time.Now().Add(time.Hour).Unix()
	id := []byte("ak_0000000000000000000000")
	for i := range manyRevocations {
		binary.BigEndian.PutUint32(id[3:], uint32(i))
		if i%2 == 0 {
			revoked.revokeClient(digestOf(string(id)), int64(i+1))
		} else {
			revoked.revokeToken(digestOf(string(id)), expires)
		}
	}
	megabytes := (heapInUse() - before) >> 20
	if clients, tokens := revoked.count(); clients+tokens != manyRevocations {
		t.Fatalf("%d clients and %d tokens", clients, tokens)
	}
	t.Logf("%d MB", megabytes)
	if megabytes > megabytesMax {
		t.Errorf("%d MB, want at most %d", megabytes, megabytesMax)
	}
}

// TestReadingAMillionRevocationsStaysBelow150MB: at the start, the snapshot that the revocations come in takes memory, too.
func TestReadingAMillionRevocationsStaysBelow150MB(t *testing.T) {
	loading, after := loadMillion(t)
	t.Logf("%d MB while the snapshot is read, %d MB after", loading>>20, after>>20)
	if loading>>20 > megabytesMax {
		t.Errorf("%d MB while the snapshot is read, want at most %d", loading>>20, megabytesMax)
	}
}

func BenchmarkLoadMillionRevocations(b *testing.B) {
	for b.Loop() {
		loading, after := loadMillion(b)
		b.ReportMetric(float64(loading)/(1<<20), "MB-loading")
		b.ReportMetric(float64(after)/(1<<20), "MB-after")
	}
}

// loadMillion reads a million revocations from a snapshot, as happens at the start. It returns the memory taken, in bytes, while
// the snapshot is still held and after it has been freed.
func loadMillion(t testing.TB) (loading, after int64) {
	t.Helper()
	before := heapInUse()
	payload := millionRevocations()
	read, err := parseSnapshot(payload, "https://keys.example")
	if err != nil {
		t.Fatal(err)
	}
	clock := newClock(time.Now)
	f := &feed{revoked: newRevocations(clock, 0), fresh: newFreshness(KeepAccepting, FeedLossMaxDefault), clock: clock}
	f.apply(read)
	loading = heapInUse() - before
	runtime.KeepAlive(payload)
	runtime.KeepAlive(read)
	after = heapInUse() - before
	if clients, tokens := f.revoked.count(); clients+tokens != manyRevocations {
		t.Fatalf("%d clients and %d tokens", clients, tokens)
	}
	return loading, after
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func millionRevocations() []byte {
	const count = manyRevocations
	expires := time.Now().Add(time.Hour).Unix()
	var document bytes.Buffer
	document.WriteString(`{"iss":"https://keys.example","iat":1,"seq":1,"clients":{`)
	for i := range count / 2 {
		if i > 0 {
			document.WriteByte(',')
		}
		fmt.Fprintf(&document, `"ak_%022d":%d`, i, i+1)
	}
	document.WriteString(`},"tokens":{`)
	for i := range count / 2 {
		if i > 0 {
			document.WriteByte(',')
		}
		fmt.Fprintf(&document, `"0197d3c5-8a4b-7c3e-9f00-%012d":%d`, i, expires)
	}
	document.WriteString(`}}`)
	return []byte(base64.RawURLEncoding.EncodeToString(document.Bytes()))
}
