package resourceserver

import (
	"crypto/sha256"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	revocationShards = 64 // a power of two; sharding bounds how long a reader waits for a large merge or a purge
	// revocationSlack is added to the time for which a revocation is needed, to allow for clocks that disagree or get corrected.
	revocationSlack = time.Hour
)

// digest stands for a client ID or a token ID: the first 128 bits of its SHA-256. With digests, a million IDs of any length take
// a few flat tables that contain no pointers for the garbage collector to follow.
type digest [16]byte

func digestOf(id string) digest {
	sum := sha256.Sum256([]byte(id))
	return digest(sum[:16])
}

// revocations is what is known to be revoked. It only grows, generations only rise, and entries leave by age alone. So events and
// snapshots may be applied more than once, late and in any order, and the result is as if only the newest had been applied. Safe
// for concurrent use.
type revocations struct {
	clock  clock
	leeway time.Duration
	shards [revocationShards]revocationShard
	// changes counts what was learned, starting at 1. A token that was looked up since the last change need not be looked up
	// again.
	changes atomic.Uint64
}

type revocationShard struct {
	mu      sync.RWMutex
	clients map[digest]clientRevocation
	tokens  map[digest]uint32 // until when the entry is kept
}

// clientRevocation: the client's tokens with a generation below this one are dead.
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

// seconds converts a time since the clock's start to the four bytes in which entries keep it: whole seconds, rounded up, enough
// for 136 years.
func seconds(d time.Duration) uint32 {
	return uint32(min(max(math.Ceil(d.Seconds()), 0), math.MaxUint32))
}

// revokeClient notes that the client's tokens with a generation below this one are dead. An entry's age counts from its arrival:
// tokens issued before the revocation can't outlive it by more than LifespanMax.
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

// revokeToken notes that the token is dead; expires, in Unix seconds, is when that ceases to matter.
func (r *revocations) revokeToken(token digest, expires int64) {
	now := r.clock.now()
	// No token expires later than this, and an expired one may still be accepted within the leeway.
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
	// Load the counter before looking up: a change that arrives in between has a higher number, so the next call looks up again.
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

// generation returns the lowest generation of the client whose tokens are alive; 0 if none were revoked.
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

// purge forgets entries that can't affect any token still alive.
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
