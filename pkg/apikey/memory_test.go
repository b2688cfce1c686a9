package apikey_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
)

// plentifulStore finds every key. Each has strings of its own that share no memory with another's, as if read from a database.
type plentifulStore struct{ apikey.Store }

func (plentifulStore) Lookup(_ context.Context, clientID string) (apikey.Client, error) {
	scopes, err := scope.ParseSet(strings.Clone("lighthouse.workspaces:readonly lighthouse.consumption-groups:editor cca:readonly"))
	return apikey.Client{
		ID: clientID, TenancyID: uuid.NewString(), Scopes: scopes, Lifespan: time.Hour, Status: apikey.Active, Generation: 1,
		Secrets: []apikey.ClientSecret{{ID: uuid.NewString()}},
	}, err
}

// BenchmarkCacheMemory reports how much memory a cached key takes; docs/operations/sizing.md quotes the result.
func BenchmarkCacheMemory(b *testing.B) {
	const count = 50_000
	for b.Loop() {
		before := heapInUse()
		cache := apikey.NewCache(plentifulStore{}, func() bool { return true })
		for i := range count {
			if _, err := cache.Lookup(b.Context(), fmt.Sprintf("ak_%022d", i)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heapInUse()-before)/count, "B/key")
		runtime.KeepAlive(cache)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
