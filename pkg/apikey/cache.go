package apikey

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/striped"
	"github.com/piercloud/apikeys/pkg/token"
)

// cacheSize is how many keys are kept in memory, one to two kilobytes each, with what their tokens have in common.
const cacheSize = 100_000

// Cache keeps keys by client id in memory, also the knowledge that there is none, so that an unknown client costs the same
// work as a known one. What changes is dropped as the ordered log tells it; while the log can't be read in time the cache
// is not used. It is safe for concurrent use.
type Cache struct {
	store   Store
	fresh   func() bool
	entries *otter.Cache[string, *Key] // nil: there is no such key

	// A key that was read before a change must not be cached after it. drops counts what was dropped; a reading that
	// overlaps a drop is used but not kept. The lock is never held around a call to the store.
	mu    sync.Mutex
	drops uint64

	hits             *striped.Counter
	misses, bypasses atomic.Int64
}

// CacheStats count lookups since the start.
type CacheStats struct {
	Hits     int64
	Misses   int64
	Bypasses int64 // while what is cached could not be trusted
}

// Stats returns how lookups went.
func (c *Cache) Stats() CacheStats {
	return CacheStats{Hits: c.hits.Load(), Misses: c.misses.Load(), Bypasses: c.bypasses.Load()}
}

// NewCache returns a cache in front of a store. fresh reports whether the log has been read recently enough to trust what
// is cached.
func NewCache(store Store, fresh func() bool) *Cache {
	return &Cache{store: store, fresh: fresh, hits: striped.NewCounter(), entries: otter.Must(&otter.Options[string, *Key]{MaximumSize: cacheSize})}
}

// Lookup returns a key of whichever tenancy; the caller must not change it. Errors: [ErrNotFound], [ErrUnavailable].
func (c *Cache) Lookup(ctx context.Context, clientID string) (*Key, error) {
	fresh := c.fresh()
	if fresh {
		if k, ok := c.entries.GetIfPresent(clientID); ok {
			c.hits.Add()
			return found(k)
		}
		c.misses.Add(1)
	} else {
		c.bypasses.Add(1)
	}
	c.mu.Lock()
	before := c.drops
	c.mu.Unlock()

	var read *Key
	switch k, err := c.store.Lookup(ctx, clientID); {
	case err == nil:
		read = newEntry(k)
		clientID = read.ClientID // which is kept anyway
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	if fresh {
		c.keep(clientID, read, before)
	}
	return found(read)
}

// entry is a key in memory, and room for what its tokens have in common.
type entry struct {
	key  Key
	room atomic.Pointer[token.Prepared]
}

// newEntry returns a key as it is kept. Its texts are parts of one: there are very many keys, and the collector has to visit each piece
// of each of them.
func newEntry(k Key) *Key {
	e := &entry{key: k}
	e.key.prepared = &e.room
	e.key.Scopes, e.key.Secrets = slices.Clone(k.Scopes), slices.Clone(k.Secrets)
	var room [16]*string
	texts := append(room[:0], &e.key.TenancyID, &e.key.ClientID, &e.key.Name, &e.key.Description,
		(*string)(&e.key.Lifespan.Unit), &e.key.CreatedBy, &e.key.UpdatedBy)
	for i := range e.key.Scopes {
		texts = append(texts, (*string)(&e.key.Scopes[i]))
	}
	for i := range e.key.Secrets {
		texts = append(texts, &e.key.Secrets[i].ID, &e.key.Secrets[i].LastFour, &e.key.Secrets[i].LastUsedIP)
	}
	parts := make([]string, len(texts))
	for i, text := range texts {
		parts[i] = *text
	}
	rest := strings.Join(parts, "")
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
	return &e.key
}

func found(k *Key) (*Key, error) {
	if k == nil {
		return nil, ErrNotFound
	}
	return k, nil
}

// keep caches what was read, unless something was dropped since.
func (c *Cache) keep(clientID string, entry *Key, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops == drops {
		c.entries.Set(clientID, entry)
	}
}

// Drop forgets a key, and what is being read of it at this moment.
func (c *Cache) Drop(clientID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	c.entries.Invalidate(clientID)
}

// Apply drops what an event changed. It is for [eventlog.Tailer.Subscribe].
func (c *Cache) Apply(e eventlog.Event) {
	if e.Subject.Kind == eventlog.SubjectAPIKey {
		c.Drop(e.Subject.ID)
	}
}
