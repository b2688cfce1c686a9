package apikey

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// answerLifetime is how long an answer to an Idempotency-Key is kept.
const answerLifetime = 24 * time.Hour

// createAttempts bounds how often a create looks again for an answer because one has appeared, or has expired, at that moment.
const createAttempts = 4

// createOnce stores a new key together with its answer, or returns the answer given before.
func (s *Service) createOnce(ctx context.Context, c Caller, d Draft, created Created, event eventlog.Draft, idempotencyKey string) (Created, error) {
	answer, err := s.newAnswer(c, d, created, idempotencyKey)
	if err != nil {
		return Created{}, err
	}
	for range createAttempts {
		earlier, err := s.earlierAnswer(ctx, answer)
		if !errors.Is(err, ErrNotFound) {
			return earlier, err
		}
		err = s.store.Create(ctx, created.Key, event, &answer)
		if err == nil {
			s.changed(created.Key.ClientID)
			return created, nil
		}
		if !errors.Is(err, ErrAnswered) {
			return Created{}, err
		}
		s.PurgeAnswers(ctx, s.clock()) // An expired answer is in the way, unless another request has just stored a new one, which the next round finds.
	}
	return Created{}, ErrUnavailable
}

// newAnswer seals the answer for storage. The seal is bound to the caller and the idempotency key.
func (s *Service) newAnswer(c Caller, d Draft, created Created, idempotencyKey string) (Answer, error) {
	request, err := json.Marshal(d)
	if err != nil {
		return Answer{}, fmt.Errorf("encode request: %w", err)
	}
	plain, err := json.Marshal(created)
	if err != nil {
		return Answer{}, fmt.Errorf("encode answer: %w", err)
	}
	a := Answer{
		Caller:         fmt.Sprintf("%s/%s/%s", c.TenancyID, c.Actor.Kind, c.Actor.ID),
		IdempotencyKey: idempotencyKey,
		RequestDigest:  sha256.Sum256(request),
		CreatedAt:      created.Key.CreatedAt,
	}
	a.Sealed = s.box.Seal(plain, a.binding())
	return a, nil
}

// binding is the associated data for the seal: an answer that was moved to another row can't be opened.
func (a Answer) binding() []byte {
	return fmt.Appendf(nil, "answer\x00%s\x00%s", a.Caller, a.IdempotencyKey)
}

// earlierAnswer opens the stored answer to the same request. Errors: [ErrNotFound], [ErrIdempotencyMismatch].
func (s *Service) earlierAnswer(ctx context.Context, request Answer) (Created, error) {
	kept, err := s.store.Answer(ctx, request.Caller, request.IdempotencyKey, s.clock().Add(-answerLifetime))
	if err != nil {
		return Created{}, err
	}
	if kept.RequestDigest != request.RequestDigest {
		return Created{}, ErrIdempotencyMismatch
	}
	plain, err := s.box.Open(kept.Sealed, kept.binding())
	if err != nil {
		return Created{}, fmt.Errorf("open kept answer: %w", err)
	}
	var created Created
	if err := json.Unmarshal(plain, &created); err != nil {
		return Created{}, fmt.Errorf("decode kept answer: %w", err)
	}
	return created, nil
}
