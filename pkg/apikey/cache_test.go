package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
)

func always() bool { return true }

func TestAFreshCacheAsksTheStoreOnce(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	store := &failingStore{Store: f.store}
	cache := apikey.NewCache(store, always)
	for range 5 {
		if client, err := cache.Lookup(t.Context(), id); err != nil || client.ID != id {
			t.Fatalf("%v, %v", client, err)
		}
	}
	unknown := apikey.NewClientID()
	for range 5 {
		if _, err := cache.Lookup(t.Context(), unknown); !errors.Is(err, apikey.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if store.lookups != 2 {
		t.Errorf("the store was asked %d times for two keys, one of them unknown", store.lookups)
	}
}

func TestAClientInMemoryIsWhatTheStoreHas(t *testing.T) {
	stored := apikey.Client{
		ID: "ak_1", TenancyID: "tenancy", Scopes: scope.Set{"cca:admin", "cca:readonly"}, Lifespan: 2 * time.Hour, RateLimit: 5,
		Status: apikey.Active, Generation: 3, StatusIndex: 4,
		Secrets: []apikey.ClientSecret{{ID: "s1", Digest: [32]byte{1}}, {ID: "é2", Digest: [32]byte{2}, ExpiresAt: start}},
	}
	cache := apikey.NewCache(oneClientStore{client: stored}, always)
	got, err := cache.Lookup(t.Context(), "ak_1")
	if err != nil {
		t.Fatal(err)
	}
	want := reflect.ValueOf(stored)
	for i := range want.NumField() {
		field := want.Type().Field(i)
		if value := reflect.ValueOf(*got).Field(i); field.IsExported() && !reflect.DeepEqual(value.Interface(), want.Field(i).Interface()) {
			t.Errorf("%s is %#v, want %#v", field.Name, value, want.Field(i))
		}
	}
	got.Scopes[0], got.Secrets[0].ID = "", ""
	if stored.Scopes[0] != "cca:admin" || stored.Secrets[0].ID != "s1" {
		t.Error("what is in memory is the store's own")
	}
}

func TestACacheThatMayBeStaleIsNotUsed(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	fresh := true
	store := &failingStore{Store: f.store}
	cache := apikey.NewCache(store, func() bool { return fresh })
	lookup := func() (limit int, err error) {
		client, err := cache.Lookup(t.Context(), id)
		if err != nil {
			return 0, err
		}
		return client.RateLimit, nil
	}
	if limit, err := lookup(); err != nil || limit != 0 {
		t.Fatal(limit, err)
	}
	// Another replica changes the key while this one can't read the log.
	fresh = false
	if _, err := f.store.Update(t.Context(), tenancy, id, limitTo(7)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if limit, err := lookup(); err != nil || limit != 7 {
			t.Errorf("while stale: %d, %v", limit, err)
		}
	}
	if store.lookups != 3 {
		t.Errorf("the store was asked %d times", store.lookups)
	}
	store.err = apikey.ErrUnavailable
	if _, err := lookup(); !errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("with the store down: %v", err)
	}
	// Once it reads the log again, it learns of the change before it trusts the cache.
	store.err = nil
	cache.Apply(eventlog.Event{Draft: eventlog.Draft{Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: id}}})
	fresh = true
	if limit, err := lookup(); err != nil || limit != 7 {
		t.Errorf("fresh again: %d, %v", limit, err)
	}
}

// TestWhatIsReadBeforeTheLogIsIsNotKept: a replica starts following the log at its head, so it is never told of earlier changes. A
// key that it read before then must not stay in the cache.
func TestWhatIsReadBeforeTheLogIsIsNotKept(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	fresh := false
	cache := apikey.NewCache(f.store, func() bool { return fresh })
	if _, err := cache.Lookup(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Update(t.Context(), tenancy, id, limitTo(7)); err != nil {
		t.Fatal(err)
	}
	fresh = true
	if client, err := cache.Lookup(t.Context(), id); err != nil || client.RateLimit != 7 {
		t.Errorf("got %+v, %v", client, err)
	}
}

func limitTo(requests int) func(apikey.Key) (apikey.Key, *eventlog.Draft, error) {
	return func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		k.RateLimit, k.Version = requests, k.Version+1
		return k, &eventlog.Draft{
			At: start, TenancyID: k.TenancyID, Action: eventlog.APIKeyUpdated,
			Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: k.ClientID},
		}, nil
	}
}

func TestEventsDropWhatTheyChanged(t *testing.T) {
	f := newFixture(t)
	one, two := f.create(t, "One").Key.ClientID, f.create(t, "Two").Key.ClientID
	store := &failingStore{Store: f.store}
	cache := apikey.NewCache(store, always)
	lookup := func(id string) {
		if _, err := cache.Lookup(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	lookup(one)
	lookup(two)
	apply := func(kind eventlog.SubjectKind, id string) {
		cache.Apply(eventlog.Event{Draft: eventlog.Draft{Subject: eventlog.Subject{Kind: kind, ID: id}}})
	}
	apply(eventlog.SubjectOperator, one) // another kind of thing with the same id
	apply(eventlog.SubjectAPIKey, one)
	store.lookups = 0
	lookup(two)
	if store.lookups != 0 {
		t.Error("the event of one key dropped another")
	}
	lookup(one)
	if store.lookups != 1 {
		t.Error("a changed key was not read again")
	}
}

func TestAFailureIsNotCached(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	store := &failingStore{Store: f.store, err: apikey.ErrUnavailable}
	cache := apikey.NewCache(store, always)
	if _, err := cache.Lookup(t.Context(), id); !errors.Is(err, apikey.ErrUnavailable) {
		t.Fatal(err)
	}
	store.err = nil
	if client, err := cache.Lookup(t.Context(), id); err != nil || client.ID != id {
		t.Errorf("after recovery: %v, %v", client, err)
	}
}

func TestCreationDropsTheKnowledgeThatThereIsNoKey(t *testing.T) {
	f := newFixture(t)
	for _, idempotencyKey := range []string{"", "once"} {
		created, err := f.Create(t.Context(), ana(), draft("Acme"+idempotencyKey), idempotencyKey)
		if err != nil {
			t.Fatal(err)
		}
		if last := f.changes[len(f.changes)-1]; last != created.Key.ClientID {
			t.Errorf("creation told of %q", last)
		}
	}
	// changed is meant to call Drop, which also forgets that there was no such key.
	id := apikey.NewClientID()
	store := &failingStore{Store: f.store}
	cache := apikey.NewCache(store, always)
	if _, err := cache.Lookup(t.Context(), id); !errors.Is(err, apikey.ErrNotFound) {
		t.Fatal(err)
	}
	key := f.create(t, "Template").Key
	key.ClientID, key.Name, key.Secrets = id, "Late", nil
	if err := f.store.Create(t.Context(), key, eventlog.Draft{At: start, TenancyID: tenancy, Action: eventlog.APIKeyCreated}, nil); err != nil {
		t.Fatal(err)
	}
	cache.Drop(id)
	if found, err := cache.Lookup(t.Context(), id); err != nil || found.ID != id {
		t.Errorf("after creation: %v, %v", found, err)
	}
}

// slowStore lets the test act between the moment a key is read and the moment it is returned.
type slowStore struct {
	apikey.Store
	read, proceed chan struct{}
}

func (s *slowStore) Lookup(ctx context.Context, clientID string) (apikey.Client, error) {
	client, err := s.Store.Lookup(ctx, clientID)
	s.read <- struct{}{}
	<-s.proceed
	return client, err
}

func TestAReadingThatOverlapsAChangeIsNotKept(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	slow := &slowStore{Store: f.store, read: make(chan struct{}), proceed: make(chan struct{})}
	cache := apikey.NewCache(slow, always)
	limits := make(chan int)
	lookup := func() {
		client, err := cache.Lookup(t.Context(), id)
		if err != nil {
			t.Error(err)
			client = &apikey.Client{}
		}
		limits <- client.RateLimit
	}
	go lookup()
	<-slow.read // the old state has been read
	if _, err := f.store.Update(t.Context(), tenancy, id, limitTo(7)); err != nil {
		t.Fatal(err)
	}
	cache.Drop(id)
	slow.proceed <- struct{}{}
	if limit := <-limits; limit != 0 {
		t.Fatalf("the reading that began before the change returned %d", limit)
	}
	go lookup()
	select {
	case limit := <-limits:
		t.Fatalf("%d was kept", limit)
	case <-slow.read:
	}
	slow.proceed <- struct{}{}
	if limit := <-limits; limit != 7 {
		t.Errorf("the next reading returned %d", limit)
	}
	go lookup()
	if limit := <-limits; limit != 7 {
		t.Errorf("from the cache: %d", limit)
	}
}

// busyStore is a store in which another key changes during each lookup.
type busyStore struct {
	apikey.Store
	lookups int
	change  func(clientID string)
}

func (s *busyStore) Lookup(_ context.Context, clientID string) (apikey.Client, error) {
	s.lookups++
	s.change(fmt.Sprint("another ", s.lookups))
	return apikey.Client{ID: clientID}, nil
}

// TestChangesOfOthersKeepNoKeyOutOfMemory: with many changes and a slow database, each lookup of a key overlaps a change of another
// key, and the key must be cached nevertheless.
func TestChangesOfOthersKeepNoKeyOutOfMemory(t *testing.T) {
	store := &busyStore{}
	cache := apikey.NewCache(store, always)
	store.change = cache.Drop
	for range 100 {
		if _, err := cache.Lookup(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
	}
	if store.lookups > 5 { // one in 256 is dropped together with this key
		t.Errorf("the store was asked %d times", store.lookups)
	}
}

// memoryStore looks keys up in memory, so that a race test runs through enough iterations.
type memoryStore struct {
	apikey.Store
	generation atomic.Int64
}

func (s *memoryStore) Lookup(_ context.Context, clientID string) (apikey.Client, error) {
	return apikey.Client{ID: clientID, Generation: s.generation.Load()}, nil
}

func TestAfterDropNoLookupReturnsTheOldKey(t *testing.T) {
	store := &memoryStore{}
	cache := apikey.NewCache(store, always)
	const keys, writes, readers = 3, 400, 6
	ids := make([]string, keys)
	for i := range ids {
		ids[i] = fmt.Sprint("key-", i)
	}
	var dropped atomic.Int64 // every key has been dropped since this generation was stored
	done := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				floor := dropped.Load()
				client, err := cache.Lookup(t.Context(), ids[i%keys])
				if err != nil || client.Generation < floor {
					t.Errorf("generation %d was returned after %d had been dropped: %v", client.Generation, floor, err)
					return
				}
			}
		})
	}
	for range writes {
		generation := store.generation.Add(1)
		for _, id := range ids {
			cache.Drop(id)
		}
		dropped.Store(generation)
	}
	close(done)
	group.Wait()
}
