package usage

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// FlushInterval is how often what was noted is written.
const FlushInterval = 3 * time.Second

// shards is how many parts the notes are kept in, each with a lock of its own, so that requests rarely wait for each other.
const shards = 32

// Recorder notes uses and denials in memory and writes them in batches: a few rows for each key that was used in the
// interval, however many tokens were issued. It is safe for concurrent use.
type Recorder struct {
	store Store
	now   func() time.Time
	parts [shards]shard
	// flushing is taken by the one Flush that runs, so that the last one finds what one before it could not write.
	flushing chan struct{}

	flushes, failures, rows atomic.Int64
}

// FlushStats count flushes since the start.
type FlushStats struct {
	Flushes  int64 // that wrote something
	Failures int64
	Rows     int64 // written
}

// Stats returns how flushes went.
func (r *Recorder) Stats() FlushStats {
	return FlushStats{Flushes: r.flushes.Load(), Failures: r.failures.Load(), Rows: r.rows.Load()}
}

// shard is the notes of some of the keys.
type shard struct {
	mu      sync.Mutex
	counts  map[countKey]*note
	denials map[string][]Denial // by client id, the newest last
}

type countKey struct {
	secretID string // or, of what was denied, the client id
	hour     int64  // unix seconds
}

// note is what happened in an hour since the last flush.
type note struct {
	clientID, secretID string
	at                 time.Time
	ip                 string
	issued, denied     int64
}

// NewRecorder returns a recorder; call [Recorder.Run].
func NewRecorder(store Store, now func() time.Time) *Recorder {
	r := &Recorder{store: store, now: now, flushing: make(chan struct{}, 1)}
	for i := range r.parts {
		r.parts[i].reset()
	}
	return r
}

func (s *shard) reset() {
	s.counts, s.denials = map[countKey]*note{}, map[string][]Denial{}
}

// shardOf spreads keys by the last character of their ids, which is random.
func (r *Recorder) shardOf(clientID string) *shard {
	if clientID == "" {
		return &r.parts[0]
	}
	return &r.parts[clientID[len(clientID)-1]%shards]
}

// Issued notes that a token was issued for a secret now, to a caller at ip.
func (r *Recorder) Issued(clientID, secretID, ip string) {
	now := r.now()
	s := r.shardOf(clientID)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.note(secretID, clientID, secretID, now)
	n.at, n.ip = now, ip
	n.issued++
}

// Denied notes that a token was refused to who claimed to be a client that exists.
func (r *Recorder) Denied(clientID, reason, ip, requestID string) {
	now := r.now()
	s := r.shardOf(clientID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(clientID, clientID, "", now).denied++
	kept := s.denials[clientID]
	if len(kept) == DenialsKept {
		kept = kept[:copy(kept, kept[1:])]
	}
	s.denials[clientID] = append(kept, Denial{
		ClientID: clientID, At: now.UTC().Truncate(time.Microsecond), Reason: reason, IP: ip, RequestID: requestID,
	})
}

// note returns the note of the present hour. The caller holds the lock.
func (s *shard) note(id, clientID, secretID string, now time.Time) *note {
	unix := now.Unix()
	key := countKey{id, unix - unix%3600}
	n, ok := s.counts[key]
	if !ok {
		n = &note{clientID: clientID, secretID: secretID}
		s.counts[key] = n
	}
	return n
}

// Flush writes what was noted. What can't be written is kept for the next time. Errors: those of the store, and of ctx.
func (r *Recorder) Flush(ctx context.Context) error {
	select {
	case r.flushing <- struct{}{}:
		defer func() { <-r.flushing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var batch Batch
	for i := range r.parts {
		r.parts[i].take(&batch)
	}
	if len(batch.Counts) == 0 {
		return nil
	}
	if err := r.store.Record(ctx, batch); err != nil {
		r.putBack(batch)
		r.failures.Add(1)
		return err
	}
	r.flushes.Add(1)
	r.rows.Add(int64(len(batch.Counts) + len(batch.Uses) + len(batch.Denials)))
	return nil
}

// take moves the notes of a shard into a batch.
func (s *shard) take(b *Batch) {
	s.mu.Lock()
	if len(s.counts) == 0 { // then there are no denials either
		s.mu.Unlock()
		return
	}
	counts, denials := s.counts, s.denials
	s.reset()
	s.mu.Unlock()
	for key, n := range counts {
		b.Counts = append(b.Counts, Count{
			ClientID: n.clientID, SecretID: n.secretID, Hour: time.Unix(key.hour, 0).UTC(), Issued: n.issued, Denied: n.denied,
		})
		if n.issued > 0 {
			b.Uses = append(b.Uses, Use{n.clientID, n.secretID, n.at.UTC().Truncate(time.Microsecond), n.ip})
		}
	}
	for _, kept := range denials {
		b.Denials = append(b.Denials, kept...)
	}
}

// putBack adds a batch that was not written to what has been noted since.
func (r *Recorder) putBack(b Batch) {
	uses := make(map[string]Use, len(b.Uses))
	for _, u := range b.Uses {
		if known, ok := uses[u.SecretID]; !ok || known.At.Before(u.At) {
			uses[u.SecretID] = u
		}
	}
	for _, c := range b.Counts {
		id := c.SecretID
		if id == "" {
			id = c.ClientID
		}
		s := r.shardOf(c.ClientID)
		s.mu.Lock()
		n := s.note(id, c.ClientID, c.SecretID, c.Hour)
		n.issued += c.Issued
		n.denied += c.Denied
		if u, ok := uses[c.SecretID]; ok && n.at.Before(u.At) {
			n.at, n.ip = u.At, u.IP
		}
		s.mu.Unlock()
	}
	earlier := map[string][]Denial{}
	for _, d := range b.Denials {
		earlier[d.ClientID] = append(earlier[d.ClientID], d)
	}
	for clientID, denials := range earlier {
		s := r.shardOf(clientID)
		s.mu.Lock()
		all := append(denials, s.denials[clientID]...)
		s.denials[clientID] = all[max(0, len(all)-DenialsKept):]
		s.mu.Unlock()
	}
}

// Run writes every [FlushInterval] until ctx ends. The caller flushes once more after the last request has been served.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := r.Flush(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "usage can't be written; trying again", "error", err)
			}
		}
	}
}
