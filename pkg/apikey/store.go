package apikey

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Store keeps keys. Implementations are safe for concurrent use, and are verified by the suite in storetest.
//
// Changes are functions of the old state, so that transactions never leave the store: the store locks the log's head, reads,
// calls the function, writes what it returns and appends its event, all in one transaction. The function runs at most once per
// call and must not call the store. An error that it returns ends the transaction and is returned unchanged.
//
// A change whose context has an authority (eventlog.WithAuthority) is made only if the authority is still valid once the head is
// locked; otherwise it fails with eventlog.ErrAuthorityLost.
//
// Any method may also fail with an error that is [ErrUnavailable] if the database can't be reached or stays locked.
type Store interface {
	// Create stores a new key with its secrets and assigns it a StatusIndex. If answer is not nil, it is stored in the same
	// transaction. Errors: [ErrNameTaken]; [ErrAnswered] if there already is an answer for the same caller and idempotency key.
	Create(ctx context.Context, key Key, event eventlog.Draft, answer *Answer) error

	// Answer returns the stored answer, unless it was created before notBefore. Errors: [ErrNotFound].
	Answer(ctx context.Context, caller, idempotencyKey string, notBefore time.Time) (Answer, error)

	// EachAnswer calls visit with every stored answer, in batches; an error from visit ends the iteration and is returned.
	EachAnswer(ctx context.Context, visit func(Answer) error) error
	// ResealAnswers calls reseal with every stored answer and stores what it returns as the answer's Sealed, unless that is nil,
	// and returns how many it stored. It works in batches; an error from reseal ends the iteration and is returned.
	ResealAnswers(ctx context.Context, reseal func(Answer) ([]byte, error)) (int, error)
	// PurgeAnswers removes the answers created before the given time.
	PurgeAnswers(ctx context.Context, before time.Time) error

	// Get returns the tenancy's key. Errors: [ErrNotFound].
	Get(ctx context.Context, tenancyID, clientID string) (Key, error)

	// List returns one page of the tenancy's keys.
	List(ctx context.Context, tenancyID string, q Query) (Page, error)

	// Update replaces the tenancy's key with the result of change and returns the new state. The key's ClientID, TenancyID,
	// CreatedAt, CreatedBy and last-used marks are not changed; secrets are added and altered, by ID, but never removed.
	// StatusIndex becomes a new one if Generation changes, and otherwise stays. If change returns no event, nothing is written
	// and the old state is returned. Errors: [ErrNotFound], [ErrNameTaken], and those of change.
	Update(ctx context.Context, tenancyID, clientID string, change func(Key) (Key, *eventlog.Draft, error)) (Key, error)

	// Delete removes the tenancy's key with its secrets. Errors: [ErrNotFound], and those of change.
	Delete(ctx context.Context, tenancyID, clientID string, change func(Key) (eventlog.Draft, error)) error

	// Expired returns up to limit keys that list a secret whose grace period has ended by now.
	Expired(ctx context.Context, now time.Time, limit int) ([]Ref, error)

	// Lookup returns the part of a key, of any tenancy, that tokens need. Errors: [ErrNotFound].
	Lookup(ctx context.Context, clientID string) (Client, error)
}

// Ref identifies a key.
type Ref struct{ TenancyID, ClientID string }

// SortField is the field that a list is sorted by.
type SortField string

// The fields that a list can be sorted by.
const (
	SortByName       SortField = "name"
	SortByCreatedAt  SortField = "created_at"
	SortByLastUsedAt SortField = "last_used_at"
)

// TotalMax is the highest number of matches that are counted exactly.
const TotalMax = 10_000

// Query selects, sorts and pages keys. The order is total: ties are broken by client_id.
type Query struct {
	// Search is part of a name, regardless of case and accents (names are compared in [SearchForm]), or a whole client_id; empty
	// for all keys. There are no wildcards: every character matches itself.
	Search   string
	Status   Status // empty for all
	Page     int    // from 1
	PageSize int    // 1 to 100
	SortBy   SortField
	// Descending reverses the order. When sorting by last_used_at, keys that were never used come last in either direction.
	Descending bool
}

// Page is one page of a list.
type Page struct {
	Keys        []Key
	Total       int  // over all pages, at most [TotalMax]
	TotalCapped bool // more than Total match
}

// Answer is the answer to a create with an Idempotency-Key, which is stored for 24 hours.
type Answer struct {
	Caller         string // the caller: kind and ID of the actor, and its tenancy
	IdempotencyKey string
	RequestDigest  [32]byte // of the normalised request, so that its spelling doesn't matter
	Sealed         []byte   // the encrypted answer, since it contains a secret
	CreatedAt      time.Time
}
