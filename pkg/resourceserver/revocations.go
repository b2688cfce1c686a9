package resourceserver

import (
	"crypto/sha256"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	revocationShards = 64 // a power of two: shards bound how long a reader waits for a large merge or a purge
	// revocationSlack is kept on top of the time that a revocation is needed for, for clocks that disagree or get corrected.
	revocationSlack = time.Hour
)

// digest stands for a client id or a token id: 128 bits of its SHA-256. A million of them are a few flat tables without a
// pointer for the garbage collector to follow, whatever the ids' lengths.
type digest [16]byte

func digestOf(id string) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:16])
}

// revocations is what is known to be revoked. It only grows, generations only rise, and entries leave by age alone: so events
// and snapshots may be applied twice, late and in any order, and the result is that of having applied the newest. Safe for
// concurrent use.
type revocations struct {
	clock  clock
	leeway time.Duration
	shards [revocationShards]revocationShard
	// changes counts what was learned, from 1. It lets tokens that were looked up since the last change skip the lookup.
	changes atomic.Uint64
}

type revocationShard struct {
	mu      sync.RWMutex
	clients map[digest]clientRevocation
	tokens  map[digest]uint32 // until
}

// clientRevocation: tokens of the client with a generation below this one are dead.
type clientRevocation struct {
	generation int64
	until      uint32
}

func newRevocations(clock clock, leeway time.Duration) *revocations {
	r := &revocations{clock: clock, leeway: leeway}
	r.changes.Store(1)
	for i := range r.shards {
		r.shards[i].clients = make(map[digest]clientRevocation)
		r.shards[i].tokens = make(map[digest]uint32)
	}
	return r
}

func (r *revocations) shard(d digest) *revocationShard {
	return &r.shards[d[0]%revocationShards]
}

// seconds is a time since the clock's start as entries keep it: four bytes, rounded up, 136 years.
func seconds(d time.Duration) uint32 {
	return uint32(min(max(math.Ceil(d.Seconds()), 0), math.MaxUint32))
}

// revokeClient notes that tokens of the client below the generation are dead. The age of an entry counts from its arrival:
// tokens issued before the revocation can't outlive that by more than LifespanMax.
func (r *revocations) revokeClient(client digest, generation int64) {
	until := seconds(r.clock.elapsed() + LifespanMax + r.leeway + revocationSlack)
	shard := r.shard(client)
	shard.mu.Lock()
	changed := generation > shard.clients[client].generation
	if changed {
		shard.clients[client] = clientRevocation{generation: generation, until: until}
	}
	shard.mu.Unlock()
	if changed {
		r.changes.Add(1)
	}
}

// revokeToken notes that the token is dead; expires, in unix seconds, says until when that matters.
func (r *revocations) revokeToken(token digest, expires int64) {
	now := r.clock.now()
	// No token expires later than this, and one that has expired may still be within its leeway.
	left := min(max(expires-now.Unix(), 0), int64(LifespanMax/time.Second))
	until := seconds(now.Sub(r.clock.start) + time.Duration(left)*time.Second + r.leeway + revocationSlack)
	shard := r.shard(token)
	shard.mu.Lock()
	known, ok := shard.tokens[token]
	if !ok || until > known {
		shard.tokens[token] = until
	}
	shard.mu.Unlock()
	if !ok {
		r.changes.Add(1)
	}
}

// revokes reports whether the token is dead.
func (r *revocations) revokes(t *verifiedToken) bool {
	// Read before looking up: what arrives in between has a higher number and is looked up the next time.
	changes := r.changes.Load()
	if t.checked.Load() == changes {
		return false
	}
	if t.identity.Generation < r.generation(t.client) || r.hasToken(t.token) {
		return true
	}
	t.checked.Store(changes)
	return false
}

// generation returns the lowest generation of the client whose tokens live, 0 when nothing of it was revoked.
func (r *revocations) generation(client digest) int64 {
	shard := r.shard(client)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.clients[client].generation
}

func (r *revocations) hasToken(token digest) bool {
	shard := r.shard(token)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	_, ok := shard.tokens[token]
	return ok
}

// purge forgets what no living token can be concerned by.
func (r *revocations) purge() {
	now := uint32(max(r.clock.elapsed().Seconds(), 0))
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		for client, entry := range shard.clients {
			if entry.until < now {
				delete(shard.clients, client)
			}
		}
		for token, until := range shard.tokens {
			if until < now {
				delete(shard.tokens, token)
			}
		}
		shard.mu.Unlock()
	}
}

// count returns how many clients and tokens are known to be revoked.
func (r *revocations) count() (clients, tokens int) {
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.RLock()
		clients += len(shard.clients)
		tokens += len(shard.tokens)
		shard.mu.RUnlock()
	}
	return clients, tokens
}
