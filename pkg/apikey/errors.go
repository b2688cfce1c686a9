package apikey

import (
	"errors"
	"strings"
)

// Errors returned by use cases and stores; compare with errors.Is.
var (
	// ErrNotFound: the tenancy has no such key, or the store has no such answer.
	ErrNotFound = errors.New("there is no such API key")
	// ErrSecretNotFound: the key has no such secret.
	ErrSecretNotFound = errors.New("the API key has no such secret")
	// ErrNameTaken: another key of the tenancy has this name.
	ErrNameTaken = errors.New("another API key has this name")
	// ErrConflict: the key was changed by somebody else at the same moment.
	ErrConflict = errors.New("the API key was changed at the same moment")
	// ErrPreconditionFailed: the key is not at the version that the caller specified.
	ErrPreconditionFailed = errors.New("the API key has changed since you read it")
	// ErrRotationInProgress: two secrets are valid already, and there can't be a third.
	ErrRotationInProgress = errors.New("an earlier rotation's grace period is still running")
	// ErrNoRotation: no earlier secret is in its grace period.
	ErrNoRotation = errors.New("no rotation's grace period is running")
	// ErrCurrentSecret: the current secret can't be retired, only replaced.
	ErrCurrentSecret = errors.New("the current secret can't be retired; generate a new one instead")
	// ErrForbidden: the caller's own access does not cover what it wants to grant.
	ErrForbidden = errors.New("you can't grant access that you don't have")
	// ErrAnswered: there already is an answer for this caller and idempotency key.
	ErrAnswered = errors.New("this idempotency key has been answered")
	// ErrIdempotencyMismatch: the idempotency key was used with another request body.
	ErrIdempotencyMismatch = errors.New("this Idempotency-Key was used with another body")
	// ErrInvalidClient: the client ID is unknown, the key is inactive, or the secret is wrong or has expired.
	ErrInvalidClient = errors.New("client authentication failed")
	// ErrUnavailable: the database can't be reached or stays locked; retrying may help.
	ErrUnavailable = errors.New("the database does not answer")
)

// FieldError says what is wrong with one member of the input.
type FieldError struct {
	Field   string // path of the member as the API names it, such as "token_lifespan.value"
	Message string // a predicate: "must be between 1 and 24"
}

// InvalidError lists everything that is wrong with an input.
type InvalidError []FieldError

func (e InvalidError) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + " " + f.Message
	}
	return strings.Join(parts, "; ")
}
