// Package apikey owns API keys: what a key is and may be, its secrets, its token lifespan, the use cases that create, change and
// delete keys, and the authentication of a client by its ID and secret.
//
// It knows neither HTTP nor SQL. Stores implement [Store] and are verified by the suite in storetest. Every use case works inside
// the caller's tenancy and leaves an event in the ordered log, in the same transaction.
package apikey

import (
	"slices"
	"time"

	"github.com/piercloud/apikeys/pkg/scope"
)

// Status says whether a key may obtain tokens.
type Status string

// The two statuses.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
)

// Key is an API key: an OAuth 2.0 client. Times are UTC in whole microseconds.
type Key struct {
	TenancyID   string
	ClientID    string // the only public identifier; immutable
	Name        string // 1 to 100 characters, unique in the tenancy regardless of case
	Description string // 0 to 500 characters
	Scopes      scope.Set
	Lifespan    Lifespan
	// RateLimit is how many token requests the key may make per minute, 1 to 100,000; 0 for the configured limit.
	RateLimit int
	Status    Status
	// Generation goes up whenever the tokens issued so far must die. A token carries the generation it was issued under, and is
	// honoured only while that is the current one and the key is active.
	Generation int64
	// StatusIndex is the current generation's index in the status lists, starting at 1. The store assigns one when a generation
	// begins, and never assigns it again; 0 if the key was stored before there were status lists.
	StatusIndex int64
	// Version starts at 1 and goes up by one with every change. It is the key's entity tag.
	Version    int64
	CreatedAt  time.Time
	CreatedBy  string // an operator's e-mail address or a client_id
	UpdatedAt  time.Time
	UpdatedBy  string
	LastUsedAt time.Time // zero if never; lags by a few seconds
	// Secrets are the secrets that have not been retired, newest first: the current one and, during a rotation's grace period,
	// the previous one. A secret whose grace period has ended may still be listed; see [Key.ValidSecrets].
	Secrets []Secret
}

// ValidSecrets returns the secrets that are valid at now, newest first.
func (k Key) ValidSecrets(now time.Time) []Secret {
	valid := make([]Secret, 0, len(k.Secrets))
	for _, s := range k.Secrets {
		if s.ValidAt(now) {
			valid = append(valid, s)
		}
	}
	return valid
}

// clone returns a copy that shares no slice with k.
func (k Key) clone() Key {
	k.Scopes = slices.Clone(k.Scopes)
	k.Secrets = slices.Clone(k.Secrets)
	return k
}

// Secret is what is stored about a client secret: never the secret itself.
type Secret struct {
	ID         string // uuid
	Digest     [32]byte
	LastFour   string // the last four characters of the secret
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero for the current secret; else the end of its grace period
	RetiredAt  time.Time // zero until it is replaced or retired for good
	LastUsedAt time.Time // zero if never; lags by a few seconds
	LastUsedIP string
}

// ValidAt reports whether the secret is valid at now. The end of a grace period no longer belongs to it.
func (s Secret) ValidAt(now time.Time) bool {
	return s.RetiredAt.IsZero() && ClientSecret{ExpiresAt: s.ExpiresAt}.ValidAt(now)
}
