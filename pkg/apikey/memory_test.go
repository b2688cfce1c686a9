package apikey_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
)

// plentifulStore has every key that it is asked for, each with texts of its own, as they come from a database.
type plentifulStore struct{ apikey.Store }

func (plentifulStore) Lookup(_ context.Context, clientID string) (apikey.Key, error) {
	scopes, err := scope.ParseSet(strings.Clone("lighthouse.workspaces:readonly lighthouse.consumption-groups:editor cca:readonly"))
	return apikey.Key{
		ClientID: clientID, TenancyID: uuid.NewString(), Name: "Integration " + clientID, Description: strings.Clone("Reads every night"), Scopes: scopes,
		Lifespan: apikey.DefaultLifespan, Status: apikey.Active, Generation: 1, CreatedBy: strings.Clone("ana@example.com"), UpdatedBy: strings.Clone("ana@example.com"),
		Secrets: []apikey.Secret{{ID: uuid.NewString(), LastFour: strings.Clone("x9Kf"), LastUsedIP: strings.Clone("192.0.2.1")}},
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
