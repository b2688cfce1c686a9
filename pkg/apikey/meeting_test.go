package apikey_test

import (
	"context"
	"sync"
	"testing"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
)

// meeting is a store whose readers wait for each other, so that all of them have read a key before any of them changes it.
type meeting struct {
	apikey.Store
	mu      sync.Mutex
	missing int
	met     chan struct{}
}

func newMeeting(store apikey.Store, readers int) *meeting {
	return &meeting{Store: store, missing: readers, met: make(chan struct{})}
}

func (m *meeting) Get(ctx context.Context, tenancyID, clientID string) (apikey.Key, error) {
	key, err := m.Store.Get(ctx, tenancyID, clientID)
	m.arrive()
	return key, err
}

func (m *meeting) arrive() {
	m.mu.Lock()
	m.missing--
	if m.missing == 0 {
		close(m.met)
	}
	m.mu.Unlock()
	<-m.met
}

// withStore returns the use cases on another store.
func (f *fixture) withStore(t testing.TB, store apikey.Store) *apikey.Service {
	t.Helper()
	return apikey.NewService(store, scope.DefaultCatalogue(), newBox(t), f.changed, f.Now)
}
