package usage

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync/atomic"
	"time"
)

// FlushInterval is how often the notes are written.
const FlushInterval = 3 * time.Second

// Recorder notes uses and denials in memory and writes them in batches: a few rows for each key that was used in the interval,
// however many tokens were issued. It is safe for concurrent use.
//
// Noting is part of issuing a token, so it must cost next to nothing. It takes a lock that few keys share and that is held for a
// lookup and an addition, never while anything is written. It allocates nothing for a secret that has been used since the last
// flush, nor for others once there is room for as many as usual.
type Recorder struct {
	store Store
	now   func() time.Time
	seed  maphash.Seed
	parts [shards]shard
	// flushing is held by the running Flush, so that the last one finds what an earlier one could not write.
	flushing chan struct{}
	pending  pending // what is not in the database yet; belongs to the running flush

	flushes, failures, rows atomic.Int64
}

// FlushStats counts flushes since the start.
type FlushStats struct {
	Flushes  int64 // that wrote everything, in one batch or several
	Failures int64
	Rows     int64 // written
}

// Stats returns the counts of flushes.
func (r *Recorder) Stats() FlushStats {
	return FlushStats{Flushes: r.flushes.Load(), Failures: r.failures.Load(), Rows: r.rows.Load()}
}

// NewRecorder returns a recorder; call [Recorder.Run].
func NewRecorder(store Store, now func() time.Time) *Recorder {
	r := &Recorder{store: store, now: now, seed: maphash.MakeSeed(), flushing: make(chan struct{}, 1), pending: pending{denials: map[string][]Denial{}}}
	for i := range r.parts {
		r.parts[i].notes, r.parts[i].spare = newNotes(), newNotes()
	}
	return r
}

func (r *Recorder) shardOf(clientID string) *shard {
	return &r.parts[maphash.String(r.seed, clientID)%shards]
}

// Issued notes that a token was issued now with a secret, to a caller at ip.
func (r *Recorder) Issued(clientID, secretID, ip string) { r.used(clientID, secretID, ip, 1) }

// Used notes that a secret was used now, by a caller at ip, for something other than a token.
func (r *Recorder) Used(clientID, secretID, ip string) { r.used(clientID, secretID, ip, 0) }

func (r *Recorder) used(clientID, secretID, ip string, issued int64) {
	now := r.now()
	s := r.shardOf(clientID)
	s.mu.Lock()
	n := s.notes.of(secretID, clientID, now)
	n.secretID, n.at, n.ip = secretID, now, ip
	n.issued += issued
	s.mu.Unlock()
}

// Denied notes that a token was refused to a caller that claimed to be an existing client.
func (r *Recorder) Denied(clientID, reason, ip, requestID string) {
	now := r.now()
	s := r.shardOf(clientID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.of(clientID, clientID, now).denied++
	s.notes.denials[clientID] = newest(s.notes.denials[clientID], Denial{
		ClientID: clientID, At: now.UTC().Truncate(time.Microsecond), Reason: reason, IP: ip, RequestID: requestID,
	})
}

// batchMax is how many notes are written at once. A batch locks its keys and has to be written within the store's timeout, or it
// is started over. However many keys were used, and however slow the database is, each batch should take only a moment.
const batchMax = 1000

// Flush writes the notes, in batches. What can't be written is kept for the next time. Errors: those of the store, and that of
// ctx.
func (r *Recorder) Flush(ctx context.Context) error { return r.flush(ctx, ctx) }

// flush is [Recorder.Flush], with one context that ends it between two batches, and another one, writing, that ends it even
// within a batch.
func (r *Recorder) flush(ctx, writing context.Context) error {
	select {
	case r.flushing <- struct{}{}:
		defer func() { <-r.flushing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range r.parts {
		r.parts[i].drain(&r.pending)
	}
	if len(r.pending.notes) == 0 {
		return nil
	}
	r.pending.merge()
	for len(r.pending.notes) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		written := r.pending.notes[:min(batchMax, len(r.pending.notes))]
		batch := r.pending.batch(written)
		if err := r.store.Record(writing, batch); err != nil {
			r.failures.Add(1)
			return err
		}
		r.pending.forget(written)
		r.rows.Add(int64(len(batch.Counts) + len(batch.Uses) + len(batch.Denials)))
	}
	r.flushes.Add(1)
	return nil
}

// Run flushes every [FlushInterval] until ctx ends, and then finishes the batch that it is writing. The caller flushes once more
// after the last request has been served.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// If a batch were cancelled during its commit, it would needlessly be written again. The store bounds how long each
			// batch takes.
			if err := r.flush(ctx, context.WithoutCancel(ctx)); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "usage can't be written; trying again", "error", err)
			}
		}
	}
}
