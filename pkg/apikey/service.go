package apikey

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// Caller says on whose behalf a use case runs.
type Caller struct {
	TenancyID string
	Actor     eventlog.Actor
	Origin    eventlog.Origin
	// Scopes bound what an API key may grant: nothing that its own access token does not cover. They do not apply to operators.
	Scopes scope.Set
}

// mayGrant reports whether the caller may give out scopes: by granting them, by obtaining a secret that carries them, or by giving
// such a secret back its effect.
func (c Caller) mayGrant(scopes scope.Set) bool {
	return c.Actor.Kind != eventlog.ActorAPIKey || c.Scopes.CoversAll(scopes)
}

// Match is a precondition on a key's version (RFC 9110 §13.1.1): the version must be one of these; nil means no precondition.
type Match []int64

// check returns [ErrPreconditionFailed] unless version satisfies m.
func (m Match) check(version int64) error {
	if m != nil && !slices.Contains(m, version) {
		return ErrPreconditionFailed
	}
	return nil
}

// Service implements the use cases of managing keys. It is safe for concurrent use.
type Service struct {
	store     Store
	catalogue *scope.Catalogue
	box       *sealed.Box
	changed   func(clientID string)
	now       func() time.Time
}

// NewService returns a Service on top of a store. box encrypts stored answers; changed is called with the key's client ID after
// every committed change, before the use case returns.
func NewService(store Store, catalogue *scope.Catalogue, box *sealed.Box, changed func(clientID string), now func() time.Time) *Service {
	return &Service{store: store, catalogue: catalogue, box: box, changed: changed, now: now}
}

// clock returns the current time in the form in which times are stored.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Get returns a key. Errors: [ErrNotFound].
func (s *Service) Get(ctx context.Context, c Caller, clientID string) (Key, error) {
	k, err := s.store.Get(ctx, c.TenancyID, clientID)
	if err != nil {
		return Key{}, err
	}
	return s.present(k), nil
}

// List returns one page of the caller's keys.
func (s *Service) List(ctx context.Context, c Caller, q Query) (Page, error) {
	page, err := s.store.List(ctx, c.TenancyID, q)
	if err != nil {
		return Page{}, err
	}
	for i, k := range page.Keys {
		page.Keys[i] = s.present(k)
	}
	return page, nil
}

// present omits the secrets whose grace period has ended.
func (s *Service) present(k Key) Key {
	k.Secrets = k.ValidSecrets(s.now())
	return k
}

// Update edits a key.
// Errors: [ErrNotFound], [ErrPreconditionFailed], [ErrForbidden], [ErrNameTaken], [InvalidError].
func (s *Service) Update(ctx context.Context, c Caller, clientID string, match Match, p Patch) (Key, error) {
	return s.change(ctx, c, clientID, match, func(k *Key, _ time.Time) (eventlog.Action, error) {
		draft := p.apply(*k)
		scopes, err := draft.check(s.catalogue, k.Scopes)
		if err != nil {
			return "", err
		}
		var added scope.Set
		for _, wanted := range scopes {
			if !k.Scopes.Contains(wanted) {
				added = append(added, wanted)
			}
		}
		if !c.mayGrant(added) {
			return "", ErrForbidden
		}
		k.Name, k.Description, k.Scopes, k.Lifespan, k.RateLimit = draft.Name, draft.Description, scopes, draft.Lifespan, draft.RateLimit
		return eventlog.APIKeyUpdated, nil
	})
}

// Activate allows a key to obtain tokens again. Tokens that died when it was deactivated stay dead. Idempotent. Errors:
// [ErrNotFound], [ErrPreconditionFailed], [ErrForbidden].
func (s *Service) Activate(ctx context.Context, c Caller, clientID string, match Match) (Key, error) {
	return s.change(ctx, c, clientID, match, func(k *Key, _ time.Time) (eventlog.Action, error) {
		if !c.mayGrant(k.Scopes) {
			return "", ErrForbidden
		}
		k.Status = Active
		return eventlog.APIKeyActivated, nil
	})
}

// Deactivate stops a key from obtaining tokens and revokes those issued so far. Idempotent. Errors: [ErrNotFound],
// [ErrPreconditionFailed].
func (s *Service) Deactivate(ctx context.Context, c Caller, clientID string, match Match) (Key, error) {
	return s.change(ctx, c, clientID, match, func(k *Key, _ time.Time) (eventlog.Action, error) {
		if k.Status == Active {
			k.Status = Inactive
			k.Generation++
		}
		return eventlog.APIKeyDeactivated, nil
	})
}

// RevokeTokens revokes all tokens issued so far; the key and its secrets stay valid. Errors: [ErrNotFound],
// [ErrPreconditionFailed].
func (s *Service) RevokeTokens(ctx context.Context, c Caller, clientID string, match Match) (Key, error) {
	return s.change(ctx, c, clientID, match, func(k *Key, _ time.Time) (eventlog.Action, error) {
		k.Generation++
		return eventlog.APIKeyTokensRevoked, nil
	})
}

// Delete removes a key. Its secrets stop working and its tokens die. Errors: [ErrNotFound], [ErrPreconditionFailed].
func (s *Service) Delete(ctx context.Context, c Caller, clientID string, match Match) error {
	err := s.store.Delete(ctx, c.TenancyID, clientID, func(k Key) (eventlog.Draft, error) {
		if err := match.check(k.Version); err != nil {
			return eventlog.Draft{}, err
		}
		after := k.clone()
		after.Generation++
		return s.event(c, eventlog.APIKeyDeleted, &k, nil, after.Generation)
	})
	if err == nil {
		s.changed(clientID)
	}
	return err
}

// change runs one edit of a key in the store's transaction: it checks the precondition, lets edit alter a copy, and writes the
// key and the event only if something changed.
func (s *Service) change(ctx context.Context, c Caller, clientID string, match Match, edit func(k *Key, now time.Time) (eventlog.Action, error)) (Key, error) {
	changed := false
	k, err := s.store.Update(ctx, c.TenancyID, clientID, func(old Key) (Key, *eventlog.Draft, error) {
		if err := match.check(old.Version); err != nil {
			return Key{}, nil, err
		}
		now := s.clock()
		k := old.clone()
		action, err := edit(&k, now)
		if err != nil {
			return Key{}, nil, err
		}
		if k.sameAs(old) {
			return old, nil, nil
		}
		k.Version, k.UpdatedAt, k.UpdatedBy = old.Version+1, now, c.Actor.Name
		var revoked int64
		if k.Generation > old.Generation {
			revoked = k.Generation
		}
		event, err := s.event(c, action, &old, &k, revoked)
		changed = err == nil
		return k, &event, err
	})
	if err != nil {
		return Key{}, err
	}
	if changed {
		s.changed(clientID)
	}
	return s.present(k), nil
}

// sameAs reports whether everything that an edit can alter is unchanged.
func (k Key) sameAs(old Key) bool {
	return k.Name == old.Name && k.Description == old.Description && slices.Equal(k.Scopes, old.Scopes) &&
		k.Lifespan == old.Lifespan && k.RateLimit == old.RateLimit && k.Status == old.Status && k.Generation == old.Generation &&
		slices.Equal(k.Secrets, old.Secrets)
}

// Created is a key together with a secret that was just created for it.
type Created struct {
	Key    Key
	Secret string // not stored; this is the only time that it is known
}

// Create registers a key and creates its first secret. If the same caller repeats the same draft with the same idempotencyKey
// within 24 hours, it gets the first answer again instead of a second key. Errors: [InvalidError], [ErrForbidden],
// [ErrNameTaken], [ErrIdempotencyMismatch].
func (s *Service) Create(ctx context.Context, c Caller, d Draft, idempotencyKey string) (Created, error) {
	scopes, err := d.check(s.catalogue, nil)
	if err != nil {
		return Created{}, err
	}
	if !c.mayGrant(scopes) {
		return Created{}, ErrForbidden
	}
	now, secret := s.clock(), NewSecret()
	k := Key{
		TenancyID: c.TenancyID, ClientID: NewClientID(), Name: d.Name, Description: d.Description, Scopes: scopes,
		Lifespan: d.Lifespan, RateLimit: d.RateLimit, Status: Active, Generation: 1, Version: 1,
		CreatedAt: now, CreatedBy: c.Actor.Name, UpdatedAt: now, UpdatedBy: c.Actor.Name,
		Secrets: []Secret{newSecretRecord(secret, now)},
	}
	created := Created{Key: k, Secret: secret}
	event, err := s.event(c, eventlog.APIKeyCreated, nil, &k, 0)
	if err != nil {
		return Created{}, err
	}
	if idempotencyKey != "" {
		return s.createOnce(ctx, c, d, created, event, idempotencyKey)
	}
	if err := s.store.Create(ctx, k, event, nil); err != nil {
		return Created{}, err
	}
	s.changed(k.ClientID)
	return created, nil
}

func newSecretRecord(secret string, now time.Time) Secret {
	return Secret{ID: uuid.Must(uuid.NewV7()).String(), Digest: digestSecret(secret), LastFour: LastFour(secret), CreatedAt: now}
}

// ResealAnswers seals all stored answers that are sealed with another key with box's master key, and returns how many. Errors:
// sealed.ErrWrongKey, in which case some may have been resealed; those of the store.
func (s *Service) ResealAnswers(ctx context.Context, box *sealed.Box) (int, error) {
	return s.store.ResealAnswers(ctx, func(a Answer) ([]byte, error) { return box.Reseal(a.Sealed, a.binding()) })
}

// CheckAnswers opens every stored answer. Errors: sealed.ErrWrongKey for the first that the master key does not open; those of
// the store.
func (s *Service) CheckAnswers(ctx context.Context) error {
	return s.store.EachAnswer(ctx, func(a Answer) error {
		_, err := s.box.Open(a.Sealed, a.binding())
		return err
	})
}

// PurgeAnswers deletes the stored answers that had expired by now. It is for a periodic task; failures are logged.
func (s *Service) PurgeAnswers(ctx context.Context, now time.Time) {
	if err := s.store.PurgeAnswers(ctx, now.Add(-answerLifetime)); err != nil {
		slog.WarnContext(ctx, "idempotency answers can't be purged", "error", err)
	}
}
