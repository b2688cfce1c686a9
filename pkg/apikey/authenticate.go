package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"
)

// Reason says why a client was refused. It is meant for the key's owner, never for the caller.
type Reason string

// The reasons.
const (
	UnknownClient Reason = "unknown-client"
	InactiveKey   Reason = "inactive-key"
	WrongSecret   Reason = "wrong-secret"
	ExpiredSecret Reason = "expired-secret"
)

// DeniedError is a failed authentication. Its text is the same whatever the reason.
type DeniedError struct {
	ClientID string
	Reason   Reason
}

func (e *DeniedError) Error() string { return ErrInvalidClient.Error() }

// Is makes errors.Is(err, ErrInvalidClient) true.
func (e *DeniedError) Is(target error) bool { return target == ErrInvalidClient }

// Authenticator checks client credentials. It is safe for concurrent use.
type Authenticator struct {
	keys *Cache
	now  func() time.Time
}

// NewAuthenticator returns an authenticator for the keys behind a cache.
func NewAuthenticator(keys *Cache, now func() time.Time) *Authenticator {
	return &Authenticator{keys: keys, now: now}
}

// decoy is used for the comparison if there is no key, so that an unknown client takes as much work as a wrong secret. No secret
// has this digest, and even a match would not let anybody in.
var decoy = &Client{Status: Inactive, Secrets: []ClientSecret{{}}}

// Authenticate returns the client of the active key that the credentials belong to, which the caller must not change, and the ID
// of the secret that was used. The comparison takes constant time; an unknown client, an inactive key and a wrong secret take the
// same path.
//
// Errors: [ErrInvalidClient], as a [DeniedError]; [ErrUnavailable].
func (a *Authenticator) Authenticate(ctx context.Context, clientID, secret string) (*Client, string, error) {
	digest := digestSecret(secret)
	c, reason := decoy, UnknownClient
	if isClientID(clientID) {
		switch known, err := a.keys.Lookup(ctx, clientID); {
		case err == nil:
			c, reason = known, WrongSecret
		case !errors.Is(err, ErrNotFound):
			return nil, "", err
		}
	}
	now := a.now()
	used := ""
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if subtle.ConstantTimeCompare(digest[:], s.Digest[:]) != 1 {
			continue
		}
		if s.ValidAt(now) {
			used = s.ID
		} else {
			reason = ExpiredSecret
		}
	}
	switch {
	case used == "":
		return nil, "", &DeniedError{clientID, reason}
	case c.Status != Active:
		return nil, "", &DeniedError{clientID, InactiveKey}
	}
	return c, used, nil
}
