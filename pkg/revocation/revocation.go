// Package revocation owns what has been taken back and has not expired yet: the set of it that every replica keeps in
// memory, its order for those who follow it, and its signed snapshot.
//
// The set is derived from the ordered log alone. A key whose generation went up revokes the tokens of all generations
// below; a single token is revoked by its id. No token lives longer than a day, so what was revoked longer ago is
// forgotten, and the set stays small however long the service runs.
package revocation

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

const (
	// Margin is what is kept longer than needed, for clocks that differ.
	Margin = time.Hour
	// Horizon is how long a revocation matters: the longest life of a token, and the margin.
	Horizon = 24*time.Hour + Margin
)

// Revocation is one entry: either the generation of a client, or one token, or a signing key.
type Revocation struct {
	Seq int64 // of the event; in a [Set], its position in the feed
	At  time.Time
	eventlog.Revocation
	KID string // of a signing key: all that it signed is dead

	end end // in a [Set]
}

// Past is what the log holds of revocations up to a position.
type Past struct {
	Seq         int64 // the log's head when it was read
	FeedBase    int64 // is added to a position in the log to get that in the feed; 0 unless the database was restored
	Revocations []Revocation
}

// Store keeps revoked tokens and reads revocations from the log. Implementations are safe for concurrent use. Any method
// may fail with an error that is apikey.ErrUnavailable.
type Store interface {
	// RevokeToken stores the token that the event revokes, with the event. A token that was revoked before is left as it is,
	// without an event.
	RevokeToken(ctx context.Context, event eventlog.Draft) error
	// TokenRevoked reports whether a token was revoked by its id.
	TokenRevoked(ctx context.Context, tokenID string) (bool, error)
	// PurgeRevokedTokens removes the tokens that expired before the given time.
	PurgeRevokedTokens(ctx context.Context, before time.Time) error
	// Revocations returns what was revoked since the given time, of each client the newest generation only, and the log's
	// head at the same moment. Sequence numbers are those of the log.
	Revocations(ctx context.Context, since time.Time) (Past, error)
}
