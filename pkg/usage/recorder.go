package usage

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// FlushInterval is how often noted uses are written.
const FlushInterval = 3 * time.Second

// batchMax bounds the uses written by one statement.
const batchMax = 500

// Recorder notes uses in memory and writes them in batches: one row touched per secret and interval, however many tokens
// were issued. It is safe for concurrent use.
type Recorder struct {
	store Store
	now   func() time.Time

	mu    sync.Mutex
	noted map[string]Use // by secret id
}

// NewRecorder returns a recorder; call [Recorder.Run].
func NewRecorder(store Store, now func() time.Time) *Recorder {
	return &Recorder{store: store, now: now, noted: map[string]Use{}}
}

// Note remembers that a secret was used now, from ip.
func (r *Recorder) Note(clientID, secretID, ip string) {
	use := Use{ClientID: clientID, SecretID: secretID, At: r.now().UTC().Truncate(time.Microsecond), IP: ip}
	r.mu.Lock()
	r.noted[secretID] = use
	r.mu.Unlock()
}

// Flush writes what was noted. What can't be written is kept for the next time. Errors: those of the store.
func (r *Recorder) Flush(ctx context.Context) error {
	r.mu.Lock()
	noted := r.noted
	r.noted = make(map[string]Use, len(noted))
	r.mu.Unlock()

	uses := slices.Collect(maps.Values(noted))
	for len(uses) > 0 {
		batch := uses[:min(len(uses), batchMax)]
		if err := r.store.RecordUses(ctx, batch); err != nil {
			r.putBack(uses)
			return err
		}
		uses = uses[len(batch):]
	}
	return nil
}

// putBack keeps uses that were not written, unless there are newer ones.
func (r *Recorder) putBack(uses []Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, use := range uses {
		if _, newer := r.noted[use.SecretID]; !newer {
			r.noted[use.SecretID] = use
		}
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
				slog.WarnContext(ctx, "last uses can't be written; trying again", "error", err)
			}
		}
	}
}
