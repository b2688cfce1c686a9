package revocation

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// recentMax is how many of the newest revocations are kept in order, for followers that are nearly up to date.
const recentMax = 4096

// Set is the revocations that matter now. It is safe for concurrent use.
type Set struct {
	store Store
	now   func() time.Time

	mu       sync.RWMutex
	position int64                 // everything up to here is in the set
	newest   int64                 // seq of the newest revocation
	clients  map[string]Revocation // by client id
	tokens   map[string]Revocation // by token id
	recent   []Revocation          // the newest, in order
	recentAt int64                 // everything after this seq is in recent
	changed  chan struct{}         // closed when there is a new revocation
}

// NewSet returns an empty set; call [Set.Load] and let a tailer feed [Set.Apply].
func NewSet(store Store, now func() time.Time) *Set {
	return &Set{store: store, now: now, clients: map[string]Revocation{}, tokens: map[string]Revocation{}, changed: make(chan struct{})}
}

// Load reads what the log holds. It must run after the tailer that feeds the set has its place in the log, so that nothing
// falls between the two; what both bring is the same. Errors: those of the store.
func (s *Set) Load(ctx context.Context) error {
	past, err := s.store.Revocations(ctx, s.now().Add(-Horizon))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range past.Revocations {
		s.add(r)
	}
	s.position = max(s.position, past.Seq)
	s.recent, s.recentAt = nil, s.position
	return nil
}

// Apply adds what an event revokes. It is for [eventlog.Tailer.Subscribe].
func (s *Set) Apply(e eventlog.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Seq <= s.position {
		return // Load has brought it
	}
	s.position = e.Seq
	if e.Revokes == nil {
		return
	}
	r := Revocation{Seq: e.Seq, At: e.At, Revocation: *e.Revokes}
	s.add(r)
	if len(s.recent) >= recentMax {
		half := len(s.recent) / 2
		s.recentAt = s.recent[half-1].Seq
		s.recent = append(make([]Revocation, 0, recentMax), s.recent[half:]...)
	}
	s.recent = append(s.recent, r)
	close(s.changed)
	s.changed = make(chan struct{})
}

// add keeps the newest entry of a client. The caller holds the lock.
func (s *Set) add(r Revocation) {
	s.newest = max(s.newest, r.Seq)
	if r.TokenID != "" {
		s.tokens[r.TokenID] = r
		return
	}
	if r.Generation > s.clients[r.ClientID].Generation {
		s.clients[r.ClientID] = r
	}
}

// note adds a token that this process has just revoked, before the log brings it back, so that the next answer of this
// process knows. It has no place in the order until then.
func (s *Set) note(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.tokens[t.ID]; !known {
		s.tokens[t.ID] = Revocation{At: s.now(), Revocation: eventlog.Revocation{ClientID: t.ClientID, TokenID: t.ID, ExpiresAt: t.ExpiresAt}}
	}
}

// Purge forgets what no longer matters.
func (s *Set) Purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.clients {
		if s.now().Sub(r.At) > Horizon {
			delete(s.clients, id)
		}
	}
	for id, r := range s.tokens {
		if s.now().After(r.ExpiresAt.Add(Margin)) {
			delete(s.tokens, id)
		}
	}
}

// TokenRevoked reports whether the set holds a token's id.
func (s *Set) TokenRevoked(tokenID string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, revoked := s.tokens[tokenID]
	return revoked
}

// Position returns the place in the log up to which the set is complete.
func (s *Set) Position() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.position
}

// Changed returns a channel that is closed at the next revocation. Take it before [Set.Since], so that none is missed.
func (s *Set) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Since returns, in order, the revocations after a position of the log that still matter, and the position up to which
// they are complete. ok is false when the log has not come to that position: then it is of another log. The caller must
// not change what is returned.
func (s *Set) Since(seq int64) (revocations []Revocation, upTo int64, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if seq > s.position {
		return nil, s.position, false
	}
	if seq >= s.recentAt {
		first := sort.Search(len(s.recent), func(i int) bool { return s.recent[i].Seq > seq })
		return s.recent[first:len(s.recent):len(s.recent)], s.position, true
	}
	for _, entries := range []map[string]Revocation{s.clients, s.tokens} {
		for _, r := range entries {
			if r.Seq > seq {
				revocations = append(revocations, r)
			}
		}
	}
	sort.Slice(revocations, func(i, j int) bool { return revocations[i].Seq < revocations[j].Seq })
	return revocations, s.position, true
}
