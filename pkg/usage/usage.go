// Package usage owns the evidence of use: when and from where each key and secret was last used.
//
// Uses are noted in memory and written in batches, so that issuing a token writes nothing: a crash loses at most the last
// batch.
package usage

import (
	"context"
	"time"
)

// Use is the latest use of one secret in a batch.
type Use struct {
	ClientID string
	SecretID string
	At       time.Time // UTC, whole microseconds
	IP       string    // of the caller, may be empty
}

// Store keeps uses. Implementations are safe for concurrent use.
type Store interface {
	// RecordUses moves the last-used marks of keys and secrets forward, never back. Keys and secrets that are gone are
	// passed over. It takes no lock of the ordered log and changes no key's version.
	RecordUses(ctx context.Context, uses []Use) error
}
