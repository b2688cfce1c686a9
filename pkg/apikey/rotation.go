package apikey

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// GraceMax is the longest grace period of a rotation: a week.
const GraceMax = 7 * 24 * time.Hour

func invalidGrace(least int) InvalidError {
	return InvalidError{{"grace_period_seconds", fmt.Sprintf("must be between %d and %d", least, int(GraceMax.Seconds()))}}
}

// RotateSecret creates a new secret. With a grace of 0, all older secrets and all tokens issued so far die now; otherwise the old
// secret keeps working for that long, at most [GraceMax].
//
// Of two simultaneous rotations one wins: the other finds that the key has changed since its call began. Errors: [ErrNotFound],
// [ErrPreconditionFailed], [ErrConflict], [ErrRotationInProgress], [ErrForbidden], [InvalidError].
func (s *Service) RotateSecret(ctx context.Context, c Caller, clientID string, match Match, grace time.Duration) (Created, error) {
	if grace < 0 || grace > GraceMax {
		return Created{}, invalidGrace(0)
	}
	read, err := s.store.Get(ctx, c.TenancyID, clientID)
	if err != nil {
		return Created{}, err
	}
	secret := NewSecret()
	k, err := s.change(ctx, c, clientID, match, func(k *Key, now time.Time) (eventlog.Action, error) {
		if k.Version != read.Version {
			return "", ErrConflict
		}
		if !c.mayGrant(k.Scopes) {
			return "", ErrForbidden
		}
		return eventlog.APIKeySecretRotated, k.rotate(newSecretRecord(secret, now), grace, now)
	})
	if err != nil {
		return Created{}, err
	}
	return Created{Key: k, Secret: secret}, nil
}

// rotate puts a new secret first and ends the older ones, now or after the grace period.
func (k *Key) rotate(fresh Secret, grace time.Duration, now time.Time) error {
	if grace > 0 && len(k.ValidSecrets(now)) > 1 {
		return ErrRotationInProgress
	}
	for i := range k.Secrets {
		old := &k.Secrets[i]
		switch {
		case !old.ValidAt(now):
			old.RetiredAt = old.ExpiresAt
		case grace == 0:
			old.RetiredAt = now
		default:
			old.ExpiresAt = now.Add(grace)
		}
	}
	k.Secrets = append([]Secret{fresh}, k.Secrets...)
	if grace == 0 {
		k.Generation++
	}
	return nil
}

// RetireSecret ends an old secret before its grace period is over. Tokens that were issued with it stay valid. Errors:
// [ErrNotFound], [ErrSecretNotFound], [ErrCurrentSecret], [ErrPreconditionFailed].
func (s *Service) RetireSecret(ctx context.Context, c Caller, clientID, secretID string, match Match) error {
	_, err := s.change(ctx, c, clientID, match, func(k *Key, now time.Time) (eventlog.Action, error) {
		secret, err := k.secretInGrace(secretID, now)
		if err != nil {
			return "", err
		}
		secret.RetiredAt = now
		return eventlog.APIKeySecretRetired, nil
	})
	return err
}

// ChangeGrace makes the grace period of an old secret end after the given time from now, earlier or later than before; at least a
// second, at most [GraceMax]. To end it now, retire the secret. Errors: [ErrNotFound], [ErrSecretNotFound], [ErrCurrentSecret],
// [ErrPreconditionFailed], [ErrForbidden], [InvalidError].
func (s *Service) ChangeGrace(ctx context.Context, c Caller, clientID, secretID string, match Match, grace time.Duration) (Key, error) {
	if grace < time.Second || grace > GraceMax {
		return Key{}, invalidGrace(1)
	}
	return s.change(ctx, c, clientID, match, func(k *Key, now time.Time) (eventlog.Action, error) {
		secret, err := k.secretInGrace(secretID, now)
		if err != nil {
			return "", err
		}
		end := now.Add(grace)
		if end.After(secret.ExpiresAt) && !c.mayGrant(k.Scopes) {
			return "", ErrForbidden
		}
		secret.ExpiresAt = end
		return eventlog.APIKeyGraceChanged, nil
	})
}

// CancelRotation keeps the old secret, whose grace period is running, for good, and retires the new one. Tokens that were issued
// with the new one stay valid. Errors: [ErrNotFound], [ErrNoRotation], [ErrPreconditionFailed], [ErrForbidden].
func (s *Service) CancelRotation(ctx context.Context, c Caller, clientID string, match Match) (Key, error) {
	return s.change(ctx, c, clientID, match, func(k *Key, now time.Time) (eventlog.Action, error) {
		if !c.mayGrant(k.Scopes) {
			return "", ErrForbidden
		}
		kept := false
		for i := range k.Secrets {
			secret := &k.Secrets[i]
			switch {
			case !secret.ValidAt(now):
				secret.RetiredAt = secret.ExpiresAt
			case secret.ExpiresAt.IsZero():
				secret.RetiredAt = now
			default:
				secret.ExpiresAt, kept = time.Time{}, true
			}
		}
		if !kept {
			return "", ErrNoRotation
		}
		return eventlog.APIKeyRotationUndone, nil
	})
}

// secretInGrace returns the key's old secret with this ID. Errors: [ErrSecretNotFound], [ErrCurrentSecret].
func (k *Key) secretInGrace(secretID string, now time.Time) (*Secret, error) {
	for i := range k.Secrets {
		secret := &k.Secrets[i]
		switch {
		case secret.ID != secretID || !secret.ValidAt(now):
			continue
		case secret.ExpiresAt.IsZero():
			return nil, ErrCurrentSecret
		}
		return secret, nil
	}
	return nil, ErrSecretNotFound
}

// expiredBatch is how many keys are processed in one round.
const expiredBatch = 100

// RetireExpired retires the secrets whose grace period had ended by now, for good, and leaves an event for each key. A secret stops
// working on time even without it; retiring makes the end visible. It is for a periodic task, on any number of replicas; failures
// are logged and retried in the next round.
func (s *Service) RetireExpired(ctx context.Context, now time.Time) {
	refs, err := s.store.Expired(ctx, now, expiredBatch)
	if err != nil {
		slog.WarnContext(ctx, "expired secrets can't be read", "error", err)
		return
	}
	for _, ref := range refs {
		system := Caller{TenancyID: ref.TenancyID, Actor: eventlog.Service}
		_, err := s.change(ctx, system, ref.ClientID, nil, func(k *Key, _ time.Time) (eventlog.Action, error) {
			for i := range k.Secrets {
				if secret := &k.Secrets[i]; !secret.ValidAt(now) {
					secret.RetiredAt = secret.ExpiresAt
				}
			}
			return eventlog.APIKeySecretExpired, nil
		})
		if err != nil {
			slog.WarnContext(ctx, "an expired secret can't be retired", "client_id", ref.ClientID, "error", err)
		}
	}
}
