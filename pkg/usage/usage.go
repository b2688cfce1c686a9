// Package usage owns the record of use: when and from where each key and secret was last used, how many tokens were issued and
// denied in each hour, and the reasons for the latest denials.
//
// Uses are noted in memory and written in batches, so that issuing a token writes nothing: a crash loses at most the last batch.
package usage

import (
	"context"
	"time"
)

// Bounds.
const (
	// DenialsKept is how many denials are kept for each key, the newest ones.
	DenialsKept = 50
	// Lately is how far back a sum may begin with any hour; sums that begin earlier begin at midnight UTC.
	Lately = 48 * time.Hour
)

// Use is the latest use of one secret in a batch.
type Use struct {
	ClientID string
	SecretID string
	At       time.Time // UTC, whole microseconds
	IP       string    // of the caller; may be empty
}

// Count is what was counted for a key in one hour, since the last batch.
type Count struct {
	ClientID string
	SecretID string    // empty for denials
	Hour     time.Time // its start, UTC
	Issued   int64
	Denied   int64
}

// Denial is a refused exchange, recorded for the key's owner: the caller only learns that it was refused.
type Denial struct {
	ClientID  string
	At        time.Time // UTC, whole microseconds
	Reason    string    // one of package oauth's outcomes for existing clients
	IP        string
	RequestID string
}

// Batch is what is written at once.
type Batch struct {
	Uses    []Use
	Counts  []Count // of each secret and hour one, or of each key and hour of what was denied
	Denials []Denial
}

// Hour is what was counted for a key in one hour.
type Hour struct {
	ClientID string
	Start    time.Time
	Issued   int64
	Denied   int64
}

// KeyCount is a key in an overview.
type KeyCount struct {
	ClientID   string
	Name       string
	Issued     int64
	Denied     int64
	LastUsedAt time.Time // zero if never
	CreatedAt  time.Time
}

// ExpiringSecret is a secret whose grace period is running.
type ExpiringSecret struct {
	ClientID   string
	Name       string // of the key
	SecretID   string
	LastFour   string
	ExpiresAt  time.Time
	LastUsedAt time.Time // zero if never
}

// Overview is a tenancy at a glance; every list is bounded.
type Overview struct {
	Issued, Denied int64      // in the period
	Top            []KeyCount // most issued first
	Unused         []KeyCount // active keys not used since the given time, longest unused first
	Expiring       []ExpiringSecret
}

// Attention counts the secrets and keys of all tenancies that deserve attention.
type Attention struct {
	EndingInDay  int64 // secrets whose grace period ends within 24 hours
	EndingInWeek int64 // the same within seven days
	EndingInUse  int64 // those of EndingInDay that were used in the last 24 hours
	Unused30Days int64 // active keys that were neither used nor created in 30 days
	Unused90Days int64
}

// Store keeps the record of use. Implementations are safe for concurrent use; none of the methods takes the ordered log's lock or
// changes a key's version. Any method may fail with an error that is apikey.ErrUnavailable.
type Store interface {
	// Record writes a batch, all of it or nothing: it advances the last-used marks of keys and secrets, never moving them back,
	// adds to the counts, and keeps the newest [DenialsKept] denials of each key. Keys and secrets that no longer exist are
	// skipped.
	Record(ctx context.Context, b Batch) error
	// Hours returns, by client ID and hour, what was counted for the tenancy's keys in the hours that begin at or after from and
	// before until.
	Hours(ctx context.Context, tenancyID string, clientIDs []string, from, until time.Time) ([]Hour, error)
	// IssuedBySecret returns how many tokens were issued, since the hour that begins at since, with each secret of a tenancy's
	// key.
	IssuedBySecret(ctx context.Context, tenancyID, clientID string, since time.Time) (map[string]int64, error)
	// Denials returns the stored denials of the tenancy's key, newest first.
	Denials(ctx context.Context, tenancyID, clientID string) ([]Denial, error)
	// Overview summarises a tenancy from the first hour that begins at or after from, which must be midnight UTC or not precede
	// what [Store.PurgeHours] has kept. A key is unused if neither its last use nor its creation is after unusedSince. The lists
	// have at most limit entries.
	Overview(ctx context.Context, tenancyID string, from, unusedSince time.Time, limit int) (Overview, error)
	// Attention counts what deserves attention at a time, with one statement. It reads every key.
	Attention(ctx context.Context, now time.Time) (Attention, error)
	// PurgeHours deletes the counts of hours before the time before, and the data that is only needed for sums that begin with an
	// hour before late.
	PurgeHours(ctx context.Context, before, late time.Time) error
}
