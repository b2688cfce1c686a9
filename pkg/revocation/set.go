package revocation

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// slack is how many entries that others have superseded are kept at least before they are dropped.
const slack = 4096

// Set is the revocations that matter now. It is safe for concurrent use.
type Set struct {
	store Store
	now   func() time.Time

	mu       sync.RWMutex
	base     int64                 // what is added to a sequence number of the log: positions here are those of the feed
	position int64                 // everything up to here is in the set
	entries  []Revocation          // in order; those that are superseded are dropped now and then. Only ever appended to or replaced
	clients  map[string]generation // by client id
	tokens   map[string]time.Time  // by token id: when it expires
	keys     map[string]time.Time  // by kid of a signing key: when it was revoked
	changed  chan struct{}         // closed when there is a new revocation

	// singles is how many tokens there are. Nearly always there are none, and then whoever verifies takes no lock.
	singles atomic.Int64
}

// generation is what is revoked of a client, and the seq of the entry that says so.
type generation struct{ below, seq int64 }

// NewSet returns an empty set; call [Set.Load] and let a tailer feed [Set.Apply].
func NewSet(store Store, now func() time.Time) *Set {
	return &Set{store: store, now: now, clients: map[string]generation{}, tokens: map[string]time.Time{}, keys: map[string]time.Time{}, changed: make(chan struct{})}
}

// Load reads what the log holds. It must run after the tailer that feeds the set has its place in the log, so that nothing
// falls between the two; what both bring is the same. Errors: those of the store.
func (s *Set) Load(ctx context.Context) error {
	past, err := s.store.Revocations(ctx, s.now().Add(-Horizon))
	if err != nil {
		return err
	}
	slices.SortFunc(past.Revocations, func(a, b Revocation) int { return cmp.Compare(a.Seq, b.Seq) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = past.FeedBase
	past.Seq += s.base
	for i := range past.Revocations {
		past.Revocations[i].Seq += s.base
	}
	later := s.entries[s.after(past.Seq):]
	s.entries = make([]Revocation, 0, len(past.Revocations)+len(later))
	for _, r := range slices.Concat(past.Revocations, later) {
		s.add(r)
	}
	s.position = max(s.position, past.Seq)
	return nil
}

// Apply adds what an event revokes. It is for [eventlog.Tailer.Subscribe].
func (s *Set) Apply(e eventlog.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	position := s.base + e.Seq
	if position <= s.position {
		return // Load has brought it
	}
	s.position = position
	entry := Revocation{Seq: position, At: e.At}
	switch {
	case e.Revokes != nil:
		entry.Revocation = *e.Revokes
	case e.Action == eventlog.SigningKeyRevoked:
		entry.KID = e.Subject.ID
	default:
		return
	}
	s.add(entry)
	if len(s.entries) > 2*(len(s.clients)+len(s.tokens))+slack {
		s.purge()
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// add puts an entry at the end. The caller holds the lock.
func (s *Set) add(r Revocation) {
	s.entries = append(s.entries, r)
	switch {
	case r.KID != "":
		s.keys[r.KID] = r.At
	case r.TokenID != "":
		s.keepToken(r.TokenID, r.ExpiresAt)
	case r.Generation >= s.clients[r.ClientID].below:
		s.clients[r.ClientID] = generation{r.Generation, r.Seq}
	}
}

// note adds a token that this process has just revoked, before the log brings it back, so that the next answer of this
// process knows. It has no place in the order until then.
func (s *Set) note(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepToken(t.ID, t.ExpiresAt)
}

// keepToken adds a token. The caller holds the lock.
func (s *Set) keepToken(id string, expires time.Time) {
	s.tokens[id] = expires
	s.singles.Store(int64(len(s.tokens)))
}

// Purge forgets what no longer matters.
func (s *Set) Purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purge()
}

func (s *Set) purge() {
	now := s.now()
	kept := make([]Revocation, 0, len(s.clients)+len(s.tokens))
	for _, r := range s.entries {
		switch {
		case r.KID != "":
			if now.Sub(r.At) <= Horizon {
				kept = append(kept, r)
			} else {
				delete(s.keys, r.KID)
			}
		case r.TokenID != "":
			if !now.After(r.ExpiresAt.Add(Margin)) {
				kept = append(kept, r)
			}
		case s.clients[r.ClientID].seq != r.Seq: // superseded
		case now.Sub(r.At) > Horizon:
			delete(s.clients, r.ClientID)
		default:
			kept = append(kept, r)
		}
	}
	s.entries = kept
	maps.DeleteFunc(s.tokens, func(_ string, expires time.Time) bool { return now.After(expires.Add(Margin)) })
	s.singles.Store(int64(len(s.tokens)))
}

// TokenRevoked reports whether the set holds a token's id.
func (s *Set) TokenRevoked(tokenID string) bool {
	if s.singles.Load() == 0 {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, revoked := s.tokens[tokenID]
	return revoked
}

// Base returns what makes a position of one in the log.
func (s *Set) Base() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base
}

// Position returns the place in the feed up to which the set is complete: that in the log, or when the database was restored
// from a backup, one above all that were given out before.
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

// Since returns, in order, at most limit revocations after a position of the feed that still matter, and the position up to
// which they are complete. ok is false when the feed has not come to that position, or has it from before the database was
// restored from a backup: then it is of another log. The caller must not change what is returned, which is no copy.
func (s *Set) Since(seq int64, limit int) (revocations []Revocation, upTo int64, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if seq > s.position || seq < s.base {
		return nil, s.position, false
	}
	revocations = s.entries[s.after(seq):]
	if len(revocations) > limit {
		return revocations[:limit:limit], revocations[limit-1].Seq, true
	}
	return slices.Clip(revocations), s.position, true
}

// after returns the index of the first entry after a position. The caller holds the lock.
func (s *Set) after(seq int64) int {
	first, _ := slices.BinarySearchFunc(s.entries, seq, func(r Revocation, seq int64) int { return cmp.Compare(r.Seq, seq+1) })
	return first
}

// newest returns the seq of the newest revocation. The caller holds the lock.
func (s *Set) newest() int64 {
	if len(s.entries) == 0 {
		return 0
	}
	return s.entries[len(s.entries)-1].Seq
}
