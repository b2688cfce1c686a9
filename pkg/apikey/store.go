package apikey

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Store keeps keys. Implementations are safe for concurrent use, and prove themselves with the suite in storetest.
//
// Changes go through functions of the old state, so that transactions never leave the store: the store locks the log's
// head, reads, calls the function, writes what it returns and appends its event, all in one transaction. The function runs
// at most once per call, must not call the store, and an error that it returns ends the transaction and is returned as it is.
//
// A change whose context has an authority (eventlog.WithAuthority) is made only if that still holds once the head is locked; else it
// fails with eventlog.ErrAuthorityLost.
//
// Any method may also fail with an error that is [ErrUnavailable] when the database can't be reached or stays locked.
type Store interface {
	// Create stores a new key with its secrets and gives it a StatusIndex. When answer is not nil it is kept in the same transaction.
	// Errors: [ErrNameTaken]; [ErrAnswered] when there is already an answer for the same caller and idempotency key.
	Create(ctx context.Context, key Key, event eventlog.Draft, answer *Answer) error

	// Answer returns the kept answer, unless it was created before notBefore. Errors: [ErrNotFound].
	Answer(ctx context.Context, caller, idempotencyKey string, notBefore time.Time) (Answer, error)

	// EachAnswer calls visit with every kept answer, in batches; an error of visit ends it and is returned.
	EachAnswer(ctx context.Context, visit func(Answer) error) error
	// ResealAnswers calls reseal with every kept answer and stores what it returns as the answer's Sealed, unless that is nil,
	// and returns how many. It does so in batches; an error of reseal ends it and is returned.
	ResealAnswers(ctx context.Context, reseal func(Answer) ([]byte, error)) (int, error)
	// PurgeAnswers removes the answers created before the given time.
	PurgeAnswers(ctx context.Context, before time.Time) error

	// Get returns the tenancy's key. Errors: [ErrNotFound].
	Get(ctx context.Context, tenancyID, clientID string) (Key, error)

	// List returns one page of the tenancy's keys.
	List(ctx context.Context, tenancyID string, q Query) (Page, error)

	// Update replaces the tenancy's key by what change makes of it and returns the new state. Of the key, its ClientID,
	// TenancyID, CreatedAt, CreatedBy and last-used marks are not changed; secrets are added and altered, by id, never
	// removed. StatusIndex is a new one when the Generation is, and else stays. When change returns no event nothing is written and the old state is returned.
	// Errors: [ErrNotFound], [ErrNameTaken], and those of change.
	Update(ctx context.Context, tenancyID, clientID string, change func(Key) (Key, *eventlog.Draft, error)) (Key, error)

	// Delete removes the tenancy's key with its secrets. Errors: [ErrNotFound], and those of change.
	Delete(ctx context.Context, tenancyID, clientID string, change func(Key) (eventlog.Draft, error)) error

	// Expired returns up to limit keys that list a secret whose grace period has ended at now.
	Expired(ctx context.Context, now time.Time, limit int) ([]Ref, error)

	// Lookup returns what tokens need of a key of whichever tenancy. Errors: [ErrNotFound].
	Lookup(ctx context.Context, clientID string) (Client, error)
}

// Ref names a key.
type Ref struct{ TenancyID, ClientID string }

// SortField is what a list is ordered by.
type SortField string

// The fields that a list can be sorted by.
const (
	SortByName       SortField = "name"
	SortByCreatedAt  SortField = "created_at"
	SortByLastUsedAt SortField = "last_used_at"
)

// TotalMax bounds the counting of matches: a total is exact up to here.
const TotalMax = 10_000

// Query selects, orders and pages keys. The order is total: equal keys are ordered by client_id.
type Query struct {
	// Search is part of a name, whatever its case and accents (compared in [SearchForm]), or a whole client_id; empty for
	// all. Every character stands for itself.
	Search   string
	Status   Status // empty for all
	Page     int    // from 1
	PageSize int    // 1 to 100
	SortBy   SortField
	// Descending reverses the order. Keys that were never used are last in either order of last_used_at.
	Descending bool
}

// Page is a part of a list.
type Page struct {
	Keys        []Key
	Total       int  // of all pages, at most [TotalMax]
	TotalCapped bool // more than Total match
}

// Answer is the kept answer to a create with an Idempotency-Key, for 24 hours.
type Answer struct {
	Caller         string // who asked: kind and id of the actor, and its tenancy
	IdempotencyKey string
	RequestDigest  [32]byte // of what was asked for, however it was spelt
	Sealed         []byte   // the encrypted answer: it holds a secret
	CreatedAt      time.Time
}
