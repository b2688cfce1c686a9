package usage_test

import (
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
	"github.com/piercloud/apikeys/pkg/usage"
)

const tenancy = "00000000-0000-4000-8000-000000000001"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock returns the time that the test has set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture holds a recorder and the service on a SQLite database with two keys. Their client IDs are a and b, the IDs of their
// secrets sa and sb.
type fixture struct {
	*usage.Recorder
	*clock
	service *usage.Service
	store   *sqlstore.Store
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	store := sqlstoretest.Open(t, sqlstoretest.SQLite(t))
	event := eventlog.Draft{At: start, TenancyID: tenancy}
	if err := store.CreateTenancy(t.Context(), operator.Tenancy{ID: tenancy, Name: "Test", CreatedAt: start}, event); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		key := apikey.Key{
			TenancyID: tenancy, ClientID: id, Name: id, Scopes: scope.Set{"cca:admin"}, Lifespan: apikey.DefaultLifespan, Status: apikey.Active,
			Generation: 1, Version: 1, CreatedAt: start, UpdatedAt: start, Secrets: []apikey.Secret{{ID: "s" + id, CreatedAt: start}},
		}
		if err := store.Create(t.Context(), key, event, nil); err != nil {
			t.Fatal(err)
		}
	}
	c := &clock{now: start.Add(123456789).In(time.FixedZone("elsewhere", 3600))}
	return &fixture{usage.NewRecorder(store, c.Now), c, usage.NewService(store, c.Now), store}
}

func (f *fixture) flush(t testing.TB) {
	t.Helper()
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) key(t testing.TB, clientID string) apikey.Key {
	t.Helper()
	key, err := f.store.Get(t.Context(), tenancy, clientID)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// totals returns how many tokens a key was issued and denied.
func (f *fixture) totals(t testing.TB, clientID string) (issued, denied int64) {
	t.Helper()
	hours, err := f.store.Hours(t.Context(), tenancy, []string{clientID}, start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hours {
		issued += h.Issued
		denied += h.Denied
	}
	return issued, denied
}
