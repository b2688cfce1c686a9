package apikey_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlitetest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

const (
	tenancy      = "00000000-0000-4000-8000-000000000001"
	otherTenancy = "00000000-0000-4000-8000-000000000002"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock returns the time that the test has set. Like a real clock, and unlike any store, it has nanoseconds and a time zone.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: start.Add(123456789).In(time.FixedZone("elsewhere", -3*3600))}
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

// fixture holds the use cases on a SQLite database with two tenancies.
type fixture struct {
	*apikey.Service
	*clock
	store *sqlstore.Store
	cache *apikey.Cache
	auth  *apikey.Authenticator
	path  string // of the database

	mu      sync.Mutex
	changes []string // the client IDs that changed was called with, in order
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	url := emptyDatabase.URL(t)
	f := &fixture{clock: newClock(), path: strings.TrimPrefix(url, "sqlite://")}
	f.store = sqlstoretest.Open(t, url)
	f.cache = apikey.NewCache(f.store, func() bool { return true })
	f.auth = apikey.NewAuthenticator(f.cache, f.Now)
	f.Service = apikey.NewService(f.store, scope.DefaultCatalogue(), newBox(t), f.changed, f.Now)
	return f
}

// emptyDatabase is a database with the schema and both tenancies. It is made once, since every test begins with it.
var emptyDatabase = sqlitetest.NewTemplate(func(url string) error {
	ctx := context.Background()
	store, err := sqlstore.Open(sqlstore.Options{URL: url, Timeout: time.Minute})
	if err != nil {
		return err
	}
	err = store.Migrate(ctx)
	for _, id := range []string{tenancy, otherTenancy} {
		event := eventlog.Draft{At: start, TenancyID: id, Action: eventlog.TenancyCreated}
		err = errors.Join(err, store.CreateTenancy(ctx, operator.Tenancy{ID: id, Name: id, CreatedAt: start}, event))
	}
	return errors.Join(err, store.Close())
})

func newBox(t testing.TB) *sealed.Box {
	t.Helper()
	box, err := sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func (f *fixture) changed(clientID string) {
	f.cache.Drop(clientID)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes = append(f.changes, clientID)
}

// events returns the events about API keys.
func (f *fixture) events(t testing.TB) []eventlog.Event {
	t.Helper()
	all, err := f.store.After(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var events []eventlog.Event
	for _, e := range all {
		if e.Subject.Kind == eventlog.SubjectAPIKey {
			events = append(events, e)
		}
	}
	return events
}

// lastEvent returns the newest event about an API key and the number of such events.
func (f *fixture) lastEvent(t testing.TB) (eventlog.Event, int) {
	t.Helper()
	events := f.events(t)
	if len(events) == 0 {
		t.Fatal("the log is empty")
	}
	return events[len(events)-1], len(events)
}

// ana is an operator.
func ana() apikey.Caller {
	return apikey.Caller{
		TenancyID: tenancy,
		Actor:     eventlog.Actor{Kind: eventlog.ActorOperator, ID: "operator-1", Name: "ana@example.com"},
		Origin:    eventlog.Origin{IP: "192.0.2.1", UserAgent: "test", RequestID: "request-1"},
	}
}

// program is a caller that uses an access token with these scopes.
func program(scopes ...scope.Scope) apikey.Caller {
	return apikey.Caller{
		TenancyID: tenancy, Scopes: scope.NewSet(scopes...),
		Actor: eventlog.Actor{Kind: eventlog.ActorAPIKey, ID: "ak_program", Name: "ak_program"},
	}
}

// stranger is an operator of the other tenancy.
func stranger() apikey.Caller {
	c := ana()
	c.TenancyID = otherTenancy
	return c
}

func draft(name string, scopes ...string) apikey.Draft {
	if len(scopes) == 0 {
		scopes = []string{"cca:readonly"}
	}
	return apikey.Draft{Name: name, Description: "for tests", Scopes: scopes, Lifespan: apikey.DefaultLifespan}
}

func (f *fixture) create(t testing.TB, name string, scopes ...string) apikey.Created {
	t.Helper()
	created, err := f.Create(t.Context(), ana(), draft(name, scopes...), "")
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// stored returns the current time as a store keeps it: in UTC and whole microseconds.
func (f *fixture) stored() time.Time { return f.Now().UTC().Truncate(time.Microsecond) }

// withCatalogue returns the use cases on the same store with another scope catalogue.
func (f *fixture) withCatalogue(t testing.TB, text string) *apikey.Service {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scopes.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	catalogue, err := scope.LoadCatalogue(path)
	if err != nil {
		t.Fatal(err)
	}
	return apikey.NewService(f.store, catalogue, newBox(t), f.changed, f.Now)
}

// assertKey compares all fields except StatusIndex, which the store assigns.
func assertKey(t testing.TB, got, want apikey.Key) {
	t.Helper()
	got.StatusIndex = want.StatusIndex
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the key is\n%+v\nwant\n%+v", got, want)
	}
}
