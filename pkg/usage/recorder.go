package usage

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync/atomic"
	"time"
)

// FlushInterval is how often what was noted is written.
const FlushInterval = 3 * time.Second

// Recorder notes uses and denials in memory and writes them in batches: a few rows for each key that was used in the
// interval, however many tokens were issued. It is safe for concurrent use.
//
// Noting is part of issuing a token, so it must cost next to nothing: it takes a lock that few keys share and that is held
// for a look-up and an addition, never while something is written, and allocates nothing for a secret that has been used
// since the last flush, nor for the others once there is room for as many as usual.
type Recorder struct {
	store Store
	now   func() time.Time
	seed  maphash.Seed
	parts [shards]shard
	// flushing is taken by the one Flush that runs, so that the last one finds what one before it could not write.
	flushing chan struct{}
	pending  pending // what is not in the database yet, of whoever is flushing

	flushes, failures, rows atomic.Int64
}

// FlushStats count flushes since the start.
type FlushStats struct {
	Flushes  int64 // that wrote all there was, in one batch or several
	Failures int64
	Rows     int64 // written
}

// Stats returns how flushes went.
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

// Issued notes that a token was issued for a secret now, to a caller at ip.
func (r *Recorder) Issued(clientID, secretID, ip string) { r.used(clientID, secretID, ip, 1) }

// Used notes that a secret was used now, by a caller at ip, for something else than a token.
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

// Denied notes that a token was refused to who claimed to be a client that exists.
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

// batchMax is how many notes are written at once. A batch locks its keys, and has to be written before the store's timeout, after
// which it is begun anew: however many keys were used, and however slow the database is, each should be a matter of a moment.
const batchMax = 1000

// Flush writes what was noted, in batches. What can't be written is kept for the next time. Errors: those of the store, and of ctx.
func (r *Recorder) Flush(ctx context.Context) error { return r.flush(ctx, ctx) }

// flush is [Recorder.Flush], which ctx ends between two batches, and writing in the middle of one.
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

// Run writes every [FlushInterval] until ctx ends, then finishing the batch that it is at. The caller flushes once more after the
// last request has been served.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// Cancelled during a commit, a batch would be written again without need. The store bounds how long each takes.
			if err := r.flush(ctx, context.WithoutCancel(ctx)); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "usage can't be written; trying again", "error", err)
			}
		}
	}
}
