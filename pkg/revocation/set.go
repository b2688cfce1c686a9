package revocation

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// slack is how many superseded entries may always be kept before they are dropped.
const slack = 4096

// Set holds the revocations that matter now. It is safe for concurrent use.
type Set struct {
	store Store
	now   func() time.Time
	start time.Time

	mu       sync.RWMutex
	base     int64                 // is added to a sequence number of the log: positions in the set are those of the feed
	position int64                 // everything up to here is in the set
	entries  []Revocation          // in order; superseded ones are dropped now and then. The slice is only ever appended to or replaced
	clients  map[string]generation // by client ID
	tokens   map[string]struct{}   // by token ID
	noted    map[string]Revocation // those of the tokens that have no place in the order yet
	changed  chan struct{}         // closed when there is a new revocation

	// singles is the number of tokens. It is nearly always 0, and then verifying takes no lock.
	singles atomic.Int64
}

// generation is the generation of a client below which tokens are revoked, and the seq of the entry that says so.
type generation struct{ below, seq int64 }

// end is when an entry ceases to matter, as the time since the set's start on the monotonic clock. If the wall clock were used
// and were ahead for a moment, the set would forget entries for good, with no way to learn them again.
type end time.Duration

// moment is a time on both clocks.
type moment struct {
	wall    time.Time
	elapsed end
}

// at returns a time on the set's clock as a moment.
func (s *Set) at(now time.Time) moment { return moment{now, end(now.Sub(s.start))} }

// endIn returns the end of an entry that matters for d from now on; d is capped at [Horizon].
func (s *Set) endIn(d time.Duration) end { return s.at(s.now()).elapsed + end(min(d, Horizon)) }

// over reports whether an entry no longer matters at a moment. For a token the wall clock must agree: if that was ahead when the
// token was revoked, little of the token's life seemed to be left.
func (r *Revocation) over(at moment) bool {
	return r.end < at.elapsed && (r.TokenID == "" || at.wall.After(r.ExpiresAt.Add(Margin)))
}

// NewSet returns an empty set; call [Set.Load], and have a tailer call [Set.Apply].
func NewSet(store Store, now func() time.Time) *Set {
	return &Set{
		store: store, now: now, start: now(),
		clients: map[string]generation{}, tokens: map[string]struct{}{}, noted: map[string]Revocation{}, changed: make(chan struct{}),
	}
}

// Load reads the revocations in the log. It must run after the tailer that feeds the set has found its place in the log, so that
// nothing falls between the two; what both deliver is added only once. Errors: those of the store.
func (s *Set) Load(ctx context.Context) error {
	now := s.now()
	past, err := s.store.Revocations(ctx, now.Add(-Horizon))
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
		s.add(r, now)
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
		return // Load has added it already
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
	s.add(entry, e.At) // it has only just happened, whatever this process's clock says
	if len(s.entries) > 2*(len(s.clients)+len(s.tokens))+slack {
		s.purge()
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// add appends an entry, at a time on the clock of the process that revoked. The caller holds the lock.
func (s *Set) add(r Revocation, at time.Time) {
	r.end = s.endIn(r.left(at))
	s.entries = append(s.entries, r)
	switch {
	case r.KID != "":
	case r.TokenID != "":
		s.keepToken(r.TokenID)
		delete(s.noted, r.TokenID)
	case r.Generation >= s.clients[r.ClientID].below:
		s.clients[r.ClientID] = generation{r.Generation, r.Seq}
	}
}

// left returns how long an entry still matters after a time.
func (r *Revocation) left(at time.Time) time.Duration {
	if r.TokenID != "" {
		return r.ExpiresAt.Add(Margin).Sub(at)
	}
	return r.At.Add(Horizon).Sub(at)
}

// note adds a token that this process has just revoked, before the log brings it back, so that the process's next answer takes it
// into account. Until then the token has no place in the order.
func (s *Set) note(token eventlog.Revocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.tokens[token.TokenID]; known {
		return
	}
	r := Revocation{Revocation: token}
	r.end = s.endIn(r.left(s.now()))
	s.noted[r.TokenID] = r
	s.keepToken(r.TokenID)
}

// keepToken adds a token. The caller holds the lock.
func (s *Set) keepToken(id string) {
	s.tokens[id] = struct{}{}
	s.singles.Store(int64(len(s.tokens)))
}

// Purge forgets entries that no longer matter.
func (s *Set) Purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purge()
}

func (s *Set) purge() {
	now := s.at(s.now())
	kept := make([]Revocation, 0, len(s.clients)+len(s.tokens))
	for i := range s.entries {
		r := &s.entries[i]
		client := r.TokenID == "" && r.KID == ""
		switch {
		case client && s.clients[r.ClientID].seq != r.Seq: // superseded
		case !r.over(now):
			kept = append(kept, *r)
		case client:
			delete(s.clients, r.ClientID)
		case r.TokenID != "":
			delete(s.tokens, r.TokenID)
		}
	}
	s.entries = kept
	for id, r := range s.noted {
		if r.over(now) {
			delete(s.noted, id)
			delete(s.tokens, id)
		}
	}
	s.singles.Store(int64(len(s.tokens)))
}

// TokenRevoked reports whether the set holds this token ID.
func (s *Set) TokenRevoked(tokenID string) bool {
	if s.singles.Load() == 0 {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, revoked := s.tokens[tokenID]
	return revoked
}

// Position returns the place in the feed up to which the set is complete. It equals the position in the log or, if the database
// was restored from a backup, is higher than all positions assigned before.
func (s *Set) Position() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.position
}

// Changed returns a channel that is closed at the next revocation. Get it before calling [Set.Since], so that no revocation is
// missed.
func (s *Set) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Since returns, in order, at most limit revocations after a position of the feed that still matter, and the position up to which
// they are complete. ok is false if the feed has not reached that position, or if the position dates from before the database was
// restored from a backup and thus belongs to another log. The returned slice is not a copy, and the caller must not change it.
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
