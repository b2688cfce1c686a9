// Package apikey owns API keys: what a key is and may be, its secrets, its token lifespan, the use cases that create,
// change and delete keys, and the authentication of a client by its id and secret.
//
// It knows neither HTTP nor SQL. Stores implement [Store] and prove it with the suite in storetest. Every use case works
// inside the caller's tenancy and leaves an event in the ordered log, in the same transaction.
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
	ClientID    string // the only public identifier, immutable
	Name        string // 1 to 100 characters, unique in the tenancy whatever its case
	Description string // 0 to 500 characters
	Scopes      scope.Set
	Lifespan    Lifespan
	// RateLimit is how many token requests the key may make in a minute, 1 to 100,000; 0 for what is configured.
	RateLimit int
	Status    Status
	// Generation goes up whenever the tokens issued so far must die. A token carries the generation it was issued under
	// and is honoured only while it is the current one and the key is active.
	Generation int64
	// StatusIndex is the present generation's place in the status lists, from 1. The store gives one when a generation begins,
	// and never gives it again; 0 if the key was stored before there were status lists.
	StatusIndex int64
	// Version goes up by one with every change; it starts at 1. It is the key's entity tag.
	Version    int64
	CreatedAt  time.Time
	CreatedBy  string // an operator's e-mail address or a client_id
	UpdatedAt  time.Time
	UpdatedBy  string
	LastUsedAt time.Time // zero if never; a few seconds behind
	// Secrets are those not yet retired, newest first: the current one and, while a rotation's grace period runs, the one
	// before it. A secret whose grace period has ended may still be listed; see [Key.ValidSecrets].
	Secrets []Secret
}

// ValidSecrets returns the secrets that work at now, newest first.
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

// Secret is what is kept of a client secret: never the secret itself.
type Secret struct {
	ID         string // uuid
	Digest     [32]byte
	LastFour   string // the last four characters of the secret
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero for the current secret; else the end of its grace period
	RetiredAt  time.Time // zero until it is replaced or retired for good
	LastUsedAt time.Time // zero if never; a few seconds behind
	LastUsedIP string
}

// ValidAt reports whether the secret works at now. A grace period's last instant is outside it.
func (s Secret) ValidAt(now time.Time) bool {
	return s.RetiredAt.IsZero() && ClientSecret{ExpiresAt: s.ExpiresAt}.ValidAt(now)
}
