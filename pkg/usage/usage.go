// Package usage owns the evidence of use: when and from where each key and secret was last used, how many tokens were
// issued and denied in each hour, and why the latest denials were.
//
// Uses are noted in memory and written in batches, so that issuing a token writes nothing: a crash loses at most the last
// batch.
package usage

import (
	"context"
	"time"
)

// Bounds.
const (
	// DenialsKept is how many denials are remembered for each key, the newest.
	DenialsKept = 50
	// Lately is for how long sums from any hour on are kept; those that begin earlier begin at midnight, UTC.
	Lately = 48 * time.Hour
)

// Use is the latest use of one secret in a batch.
type Use struct {
	ClientID string
	SecretID string
	At       time.Time // UTC, whole microseconds
	IP       string    // of the caller, may be empty
}

// Count is what happened to a key in one hour, since the last batch.
type Count struct {
	ClientID string
	SecretID string    // empty for what was denied
	Hour     time.Time // its start, UTC
	Issued   int64
	Denied   int64
}

// Denial is a refused exchange, for the eyes of the key's owner: the caller only learns that it was refused.
type Denial struct {
	ClientID  string
	At        time.Time // UTC, whole microseconds
	Reason    string    // one of package oauth's outcomes of a client that exists
	IP        string
	RequestID string
}

// Batch is what is written at once.
type Batch struct {
	Uses    []Use
	Counts  []Count // of each secret and hour one, or of each key and hour of what was denied
	Denials []Denial
}

// Hour is what happened to a key in one hour.
type Hour struct {
	ClientID string
	Start    time.Time
	Issued   int64
	Denied   int64
}

// KeyCount is a key of an overview.
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
	Unused         []KeyCount // active keys without a use since the given time, oldest use first
	Expiring       []ExpiringSecret
}

// Attention is how many secrets and keys of all tenancies deserve a look.
type Attention struct {
	EndingInDay  int64 // secrets whose grace period ends within 24 hours
	EndingInWeek int64 // and within seven days
	EndingInUse  int64 // of those of a day, the ones that were used in the last 24 hours
	Unused30Days int64 // active keys that were neither used nor created in 30 days
	Unused90Days int64
}

// Store keeps what was noted. Implementations are safe for concurrent use; none of the methods takes the ordered log's lock
// or changes a key's version. Any method may fail with an error that is apikey.ErrUnavailable.
type Store interface {
	// Record writes a batch, all of it or nothing: it moves the last-used marks of keys and secrets forward, never back, adds
	// to the counts, and keeps the newest [DenialsKept] denials of each key. Keys and secrets that are gone are passed over.
	Record(ctx context.Context, b Batch) error
	// Hours returns, by client id and hour, what happened to the tenancy's keys from an hour on, until before another.
	Hours(ctx context.Context, tenancyID string, clientIDs []string, from, until time.Time) ([]Hour, error)
	// IssuedBySecret returns how many tokens were issued since an hour by each secret of a tenancy's key.
	IssuedBySecret(ctx context.Context, tenancyID, clientID string, since time.Time) (map[string]int64, error)
	// Denials returns the remembered denials of the tenancy's key, newest first.
	Denials(ctx context.Context, tenancyID, clientID string) ([]Denial, error)
	// Overview sums up a tenancy from the first hour on that does not begin before from, which is midnight UTC or not before what
	// [Store.PurgeHours] left; a key is unused when neither its last use nor its creation is after unusedSince. Its lists have at
	// most limit entries.
	Overview(ctx context.Context, tenancyID string, from, unusedSince time.Time, limit int) (Overview, error)
	// Attention counts what deserves it at a time, with one statement. It reads every key.
	Attention(ctx context.Context, now time.Time) (Attention, error)
	// PurgeHours removes the counts of the hours before a time, and what it takes to sum up from an hour on that is before late.
	PurgeHours(ctx context.Context, before, late time.Time) error
}
