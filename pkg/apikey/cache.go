package apikey

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/striped"
)

// cacheSize is how many clients are kept in memory, at about a kilobyte each, including what their tokens have in common.
const cacheSize = 100_000

// Cache keeps clients in memory by their ID. It also remembers that there is no such client, so that an unknown client costs the
// same work as a known one. Entries are dropped when the ordered log reports a change; while the log can't be read in time, the
// cache is not used. It is safe for concurrent use.
type Cache struct {
	store   Store
	fresh   func() bool
	entries *otter.Cache[string, *Client] // nil means that there is no such key

	seed  maphash.Seed
	parts [dropParts]dropPart

	hits             *striped.Counter
	misses, bypasses atomic.Int64
}

// dropParts is the number of parts that keys are divided into by their IDs. A drop rarely coincides with a read of another key in
// the same part.
const dropParts = 256

// dropPart is one part of the keys. A key that was read before a change must not be cached after it: the result of a read that
// overlaps a drop in its part is used but not kept. The lock is never held during a call to the store.
type dropPart struct {
	mu    sync.Mutex
	drops uint64
}

// CacheStats counts lookups since the start.
type CacheStats struct {
	Hits     int64
	Misses   int64
	Bypasses int64 // while the cached entries could not be trusted
}

// Stats returns the counts of lookups.
func (c *Cache) Stats() CacheStats {
	return CacheStats{Hits: c.hits.Load(), Misses: c.misses.Load(), Bypasses: c.bypasses.Load()}
}

// NewCache returns a cache in front of a store. fresh reports whether the log has been read recently enough to trust what is
// cached.
func NewCache(store Store, fresh func() bool) *Cache {
	return &Cache{
		store: store, fresh: fresh, hits: striped.NewCounter(), seed: maphash.MakeSeed(),
		entries: otter.Must(&otter.Options[string, *Client]{MaximumSize: cacheSize}),
	}
}

// Lookup returns the client with this ID, of any tenancy; the caller must not change it. Errors: [ErrNotFound], [ErrUnavailable].
func (c *Cache) Lookup(ctx context.Context, clientID string) (*Client, error) {
	fresh := c.fresh()
	if fresh {
		if kept, ok := c.entries.GetIfPresent(clientID); ok {
			c.hits.Add()
			return found(kept)
		}
		c.misses.Add(1)
	} else {
		c.bypasses.Add(1)
	}
	part := c.part(clientID)
	part.mu.Lock()
	before := part.drops
	part.mu.Unlock()

	var read *Client
	switch stored, err := c.store.Lookup(ctx, clientID); {
	case err == nil:
		read = newEntry(stored)
		clientID = read.ID // that string is kept anyway
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	if fresh {
		part.mu.Lock()
		defer part.mu.Unlock()
		if part.drops == before {
			c.entries.Set(clientID, read)
		}
	}
	return found(read)
}

func found(kept *Client) (*Client, error) {
	if kept == nil {
		return nil, ErrNotFound
	}
	return kept, nil
}

func (c *Cache) part(clientID string) *dropPart {
	return &c.parts[maphash.String(c.seed, clientID)%dropParts]
}

// Drop forgets a key, and keeps a read of it that is in progress from being cached.
func (c *Cache) Drop(clientID string) {
	part := c.part(clientID)
	part.mu.Lock()
	defer part.mu.Unlock()
	part.drops++
	c.entries.Invalidate(clientID)
}

// Apply drops the key that an event changed. It is for [eventlog.Tailer.Subscribe].
func (c *Cache) Apply(e eventlog.Event) {
	if e.Subject.Kind == eventlog.SubjectAPIKey {
		c.Drop(e.Subject.ID)
	}
}
