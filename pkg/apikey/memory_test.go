package apikey_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
)

// plentifulStore has every key that it is asked for.
type plentifulStore struct{ apikey.Store }

func (plentifulStore) Lookup(_ context.Context, clientID string) (apikey.Key, error) {
	scopes, err := scope.ParseSet("lighthouse.workspaces:readonly lighthouse.consumption-groups:editor cca:readonly")
	return apikey.Key{
		ClientID: clientID, TenancyID: uuid.NewString(), Name: "Integration " + clientID, Description: "Reads every night", Scopes: scopes,
		Lifespan: apikey.DefaultLifespan, Status: apikey.Active, Generation: 1, CreatedBy: "ana@example.com",
		Secrets: []apikey.Secret{{ID: uuid.NewString(), LastFour: "x9Kf"}},
	}, err
}

// BenchmarkCacheMemory reports what a key in the cache costs in memory: docs/operations/sizing.md.
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
