package resourceserver

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// The reasons why a request or a token is refused. Errors of this package wrap exactly one of these; test with errors.Is. The
// text of each may be shown to the caller whose token it is about.
var (
	// ErrMissing: the request carries no bearer token.
	ErrMissing = errors.New("no bearer token")
	// ErrMalformed: the Authorization header or the token in it isn't well-formed, a claim that every token carries is missing,
	// or the token is larger than 16 KB.
	ErrMalformed = errors.New("malformed token")
	// ErrAlgorithm: the token isn't signed with ES256, or has a critical header (RFC 7515 §4.1.11), none of which this package
	// understands.
	ErrAlgorithm = errors.New("unacceptable signature algorithm")
	// ErrType: the token's type isn't at+jwt (RFC 9068 §2.1), so it is not an access token but some other kind.
	ErrType = errors.New("not an access token")
	// ErrUnknownKey: no published key has the token's kid.
	ErrUnknownKey = errors.New("unknown signing key")
	// ErrKeysUnread: no known key has the token's kid, and more keys may exist: the key set could not be read, or it does not yet
	// hold the successor of a key that was just revoked.
	ErrKeysUnread = errors.New("signing keys cannot be read at the moment")
	// ErrSignature: the signature doesn't verify.
	ErrSignature = errors.New("invalid signature")
	// ErrIssuer: another server issued the token.
	ErrIssuer = errors.New("wrong issuer")
	// ErrAudience: the token is meant for another resource server.
	ErrAudience = errors.New("wrong audience")
	// ErrExpired: the token has expired.
	ErrExpired = errors.New("the token has expired")
	// ErrNotYetValid: the token was issued, or becomes valid, in the future.
	ErrNotYetValid = errors.New("the token is not valid yet")
	// ErrLifespan: the token lives longer than LifespanMax, and revocations aren't kept for that long.
	ErrLifespan = errors.New("the token's lifespan is too long")
	// ErrRevoked: the token was revoked, or its key deactivated, deleted or rotated with immediate effect.
	ErrRevoked = errors.New("the token has been revoked")
	// ErrTenancy: the token belongs to a tenancy other than the required one.
	ErrTenancy = errors.New("the token belongs to another tenancy")
	// ErrInsufficientScope: the token doesn't cover the required scopes. The error is an *InsufficientScopeError.
	ErrInsufficientScope = errors.New("insufficient scope")
	// ErrFeedStale: as far as is known the token is good, but nothing has been heard from the revocation feed for too long.
	ErrFeedStale = errors.New("revocations cannot be followed at the moment")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("the verifier is closed")
)

// InsufficientScopeError says which scopes were required. errors.Is(err, ErrInsufficientScope) holds for it.
type InsufficientScopeError struct {
	// Scopes are the required scopes.
	Scopes []string
	// Any reports whether one of Scopes would have been enough; otherwise all of them are needed.
	Any bool
}

// Error says which scopes are needed.
func (e *InsufficientScopeError) Error() string {
	quantity := "all"
	if e.Any {
		quantity = "any"
	}
	return ErrInsufficientScope.Error() + ": needs " + quantity + " of " + strings.Join(e.Scopes, " ")
}

// Unwrap returns ErrInsufficientScope.
func (e *InsufficientScopeError) Unwrap() error { return ErrInsufficientScope }

// invalidToken lists the errors that a new token would cure: RFC 6750 §3.1, invalid_token.
var invalidToken = []error{
	ErrMalformed, ErrAlgorithm, ErrType, ErrUnknownKey, ErrSignature, ErrIssuer, ErrAudience,
	ErrExpired, ErrNotYetValid, ErrLifespan, ErrRevoked,
}

// Status returns the HTTP status for a request refused with err: 401 for a missing or unacceptable token, 403 for a good one that
// lacks permission, and 503 when the token could not be judged.
func Status(err error) int {
	switch {
	case errors.Is(err, ErrTenancy), errors.Is(err, ErrInsufficientScope):
		return http.StatusForbidden
	case errors.Is(err, ErrMissing), isInvalidToken(err):
		return http.StatusUnauthorized
	default:
		return http.StatusServiceUnavailable
	}
}

func isInvalidToken(err error) bool {
	return slices.ContainsFunc(invalidToken, func(target error) bool { return errors.Is(err, target) })
}
