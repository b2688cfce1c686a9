// Package revocation owns everything that has been revoked and has not expired yet: the set that every replica keeps in memory,
// the order of its entries for those who follow it, and its signed snapshot.
//
// The set is derived from the ordered log alone. A key whose generation went up revokes the tokens of all lower generations; a
// single token is revoked by its ID. No token lives longer than a day, so older revocations are forgotten, and the set stays
// small however long the service runs.
package revocation

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

const (
	// Margin is how much longer than needed revocations are kept, to allow for clock differences.
	Margin = time.Hour
	// Horizon is how long a revocation matters: the longest life of a token, plus the margin.
	Horizon = 24*time.Hour + Margin
)

// Revocation is one entry, for the generation of a client, a single token, or a signing key.
type Revocation struct {
	Seq int64 // of the event; in a [Set], its position in the feed
	At  time.Time
	eventlog.Revocation
	KID string // of a signing key: every token that it signed is dead

	end end // in a [Set]
}

// Past is what the log says about revocations up to a position.
type Past struct {
	Seq         int64 // the log's head when it was read
	FeedBase    int64 // is added to a position in the log to get the position in the feed; 0 unless the database was restored
	Revocations []Revocation
}

// Store keeps revoked tokens and reads revocations from the log. Implementations are safe for concurrent use. Any method
// may fail with an error that is apikey.ErrUnavailable.
type Store interface {
	// RevokeToken stores the token that the event revokes, together with the event. If the token was already revoked, nothing is
	// stored, not even the event.
	RevokeToken(ctx context.Context, event eventlog.Draft) error
	// TokenRevoked reports whether the token with this ID was revoked individually.
	TokenRevoked(ctx context.Context, tokenID string) (bool, error)
	// PurgeRevokedTokens removes the tokens that expired before the given time.
	PurgeRevokedTokens(ctx context.Context, before time.Time) error
	// Revocations returns what was revoked since the given time, with only the newest generation of each client, and the log's
	// head at the same moment. Sequence numbers are those of the log.
	Revocations(ctx context.Context, since time.Time) (Past, error)
}
