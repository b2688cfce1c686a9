package operator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// LinkLifetime is how long a one-time link is valid.
const LinkLifetime = 72 * time.Hour

// Max is how many operators a tenancy may have; at that number its admins can't invite any more. It does not apply to single
// sign-on.
const Max = 1000

// listMax bounds the length of a list of a tenancy's operators.
const listMax = 10 * Max

// Caller is the operator on whose behalf a use case runs.
type Caller struct {
	TenancyID  string
	OperatorID string
	Actor      eventlog.Actor
	Origin     eventlog.Origin
}

// Invitation is a one-time link that was just created. The token is not stored; this is the only time that it is known.
type Invitation struct {
	Operator Operator
	Token    string
}

// List returns the tenancy's operators, sorted by e-mail address, at most 10,000.
func (s *Service) List(ctx context.Context, c Caller) ([]Operator, error) {
	return s.store.OperatorsOf(ctx, c.TenancyID, listMax)
}

// Get returns an operator of the tenancy. Errors: [ErrNotFound].
func (s *Service) Get(ctx context.Context, c Caller, operatorID string) (Operator, error) {
	o, err := s.store.OperatorByID(ctx, operatorID)
	if err == nil && o.TenancyID != c.TenancyID {
		return Operator{}, ErrNotFound
	}
	return o, err
}

// Invite registers an operator without a password and creates the link with which the operator sets one. Errors: [ErrEmailTaken],
// [ErrTooMany], [InvalidError].
func (s *Service) Invite(ctx context.Context, c Caller, email string, role Role) (Invitation, error) {
	o, err := s.newOperator(c.TenancyID, email, role)
	if err != nil {
		return Invitation{}, err
	}
	others, err := s.store.OperatorsOf(ctx, c.TenancyID, Max)
	if err != nil {
		return Invitation{}, err
	}
	if len(others) == Max {
		return Invitation{}, ErrTooMany
	}
	token := o.newLink(s.clock())
	return Invitation{o, token}, s.register(ctx, c, eventlog.OperatorInvited, o)
}

// Relink creates a new one-time link that replaces the previous one: to invite somebody again, or to reset a password. An
// existing password stays valid until the link is used. Errors: [ErrNotFound], [ErrSingleSignOn], [ErrDeactivated].
func (s *Service) Relink(ctx context.Context, c Caller, operatorID string) (Invitation, error) {
	var token string
	o, err := s.update(ctx, c, operatorID, eventlog.OperatorLinkCreated, func(o *Operator, _ bool) error {
		switch {
		case o.Identity != (Identity{}):
			return ErrSingleSignOn
		case o.Status != Active:
			return ErrDeactivated
		}
		token = o.newLink(s.clock())
		return nil
	})
	return Invitation{o, token}, err
}

// Accept sets the password of the operator that the one-time link belongs to, ends the operator's sessions, and uses up the link.
// Errors: [ErrLinkUsed], [InvalidError].
func (s *Service) Accept(ctx context.Context, token, password string, origin eventlog.Origin) (Operator, error) {
	digest := sha256.Sum256([]byte(token))
	o, err := s.store.OperatorByLink(ctx, digest)
	if errors.Is(err, ErrNotFound) || err == nil && !o.linkCounts(digest, s.clock()) {
		return Operator{}, ErrLinkUsed
	}
	if err != nil {
		return Operator{}, err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Operator{}, err
	}
	own := Caller{TenancyID: o.TenancyID, OperatorID: o.ID, Origin: origin, Actor: actorOf(o)}
	return s.update(ctx, own, o.ID, eventlog.OperatorPasswordSet, func(o *Operator, _ bool) error {
		if !o.linkCounts(digest, s.clock()) { // somebody was faster
			return ErrLinkUsed
		}
		o.setPassword(hash)
		return nil
	})
}

// ChangePassword sets the caller's own password and ends its other sessions; the returned operator has the new session
// generation. Errors: [InvalidError], also if the current password is wrong; [ErrSingleSignOn]; limit.ExceededError;
// [ErrNotFound], also if the session ended while the password was being changed.
func (s *Service) ChangePassword(ctx context.Context, c Caller, current, password string) (Operator, error) {
	o, err := s.store.OperatorByID(ctx, c.OperatorID)
	if err != nil {
		return Operator{}, err
	}
	if o.Identity != (Identity{}) {
		return Operator{}, ErrSingleSignOn
	}
	if err := s.throttle.admit(o.Email, c.Origin.IP); err != nil {
		return Operator{}, err
	}
	match, err := s.compare(ctx, current, o.PasswordHash)
	if err != nil {
		return Operator{}, err
	}
	if !match {
		s.failed(o, c.Origin)
		return Operator{}, &InvalidError{"current_password", "is wrong"}
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Operator{}, err
	}
	before := o
	return s.update(ctx, c, c.OperatorID, eventlog.OperatorPasswordSet, func(o *Operator, _ bool) error {
		switch { // what may have happened to the operator while passwords were hashed
		case o.Identity != (Identity{}):
			return ErrSingleSignOn
		case o.PasswordHash != before.PasswordHash || o.SessionGeneration != before.SessionGeneration || o.Status != Active:
			return ErrNotFound
		}
		o.setPassword(hash)
		return nil
	})
}

// Change is an edit of an operator; empty fields stay unchanged.
type Change struct {
	Role   Role
	Status Status
}

// Edit changes an operator's role or status. Deactivating ends the operator's sessions.
// Errors: [ErrNotFound], [ErrLastAdmin], [InvalidError].
func (s *Service) Edit(ctx context.Context, c Caller, operatorID string, change Change) (Operator, error) {
	return s.update(ctx, c, operatorID, eventlog.OperatorUpdated, func(o *Operator, otherAdmin bool) error {
		before := *o
		if change.Role != "" {
			if !change.Role.Valid() {
				return &InvalidError{"role", "must be admin, editor or readonly"}
			}
			o.Role = change.Role
		}
		switch change.Status {
		case "":
		case Active, Deactivated:
			o.Status = change.Status
		default:
			return &InvalidError{"status", "must be active or deactivated"}
		}
		if before.Status == Active && o.Status == Deactivated {
			o.SessionGeneration++
			o.Link = Link{}
		}
		if before.governs() && !o.governs() && !otherAdmin {
			return ErrLastAdmin
		}
		return nil
	})
}

// SignOutEverywhere ends all sessions of an operator. Errors: [ErrNotFound].
func (s *Service) SignOutEverywhere(ctx context.Context, c Caller, operatorID string) error {
	_, err := s.update(ctx, c, operatorID, eventlog.OperatorSessionsEnded, func(o *Operator, _ bool) error {
		o.SessionGeneration++
		return nil
	})
	return err
}

// Delete removes an operator. Errors: [ErrNotFound], [ErrLastAdmin].
func (s *Service) Delete(ctx context.Context, c Caller, operatorID string) error {
	return s.store.DeleteOperator(ctx, operatorID, func(o Operator, otherAdmin bool) (eventlog.Draft, error) {
		switch {
		case o.TenancyID != c.TenancyID:
			return eventlog.Draft{}, ErrNotFound
		case o.governs() && !otherAdmin:
			return eventlog.Draft{}, ErrLastAdmin
		}
		return s.managed(c, eventlog.OperatorDeleted, &o, nil)
	})
}

// update runs one edit of an operator of the caller's tenancy in the store's transaction; nothing is written if nothing changed.
func (s *Service) update(ctx context.Context, c Caller, operatorID string, action eventlog.Action, edit func(o *Operator, otherAdmin bool) error) (Operator, error) {
	return s.store.UpdateOperator(ctx, operatorID, func(old Operator, otherAdmin bool) (Operator, *eventlog.Draft, error) {
		if old.TenancyID != c.TenancyID {
			return Operator{}, nil, ErrNotFound
		}
		o := old
		if err := edit(&o, otherAdmin); err != nil {
			return Operator{}, nil, err
		}
		if o == old {
			return old, nil, nil
		}
		o.UpdatedAt = s.clock()
		event, err := s.managed(c, action, &old, &o)
		return o, &event, err
	})
}

// governs reports whether the operator can manage operators.
func (o Operator) governs() bool { return o.Role == Admin && o.Status == Active && !o.Invited() }

// newLink gives the operator a one-time link and returns its token, which has 256 random bits.
func (o *Operator) newLink(now time.Time) string {
	token := rand.Text() + rand.Text()
	o.Link = Link{Digest: sha256.Sum256([]byte(token)), ExpiresAt: now.Add(LinkLifetime)}
	return token
}

// linkCounts reports whether digest is that of the operator's link, and the link is still valid.
func (o Operator) linkCounts(digest [sha256.Size]byte, now time.Time) bool {
	return o.Status == Active && o.Link.Digest == digest && now.Before(o.Link.ExpiresAt)
}

// setPassword also ends the operator's sessions, uses up the link and forgets the identity with a provider.
func (o *Operator) setPassword(hash string) {
	o.PasswordHash, o.Link, o.Identity = hash, Link{}, Identity{}
	o.SessionGeneration++
}

// hash hashes a password after waiting for its turn. Errors: [InvalidError].
func (s *Service) hash(ctx context.Context, password string) (string, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return hashPassword(password)
}

// managed drafts the event of a change, with the differences.
func (s *Service) managed(c Caller, action eventlog.Action, old, o *Operator) (eventlog.Draft, error) {
	subject := o
	if subject == nil {
		subject = old
	}
	return eventlog.Draft{
		At: s.clock(), TenancyID: c.TenancyID, Action: action, Actor: c.Actor, Origin: c.Origin, Subject: subjectOf(*subject),
	}.Telling(operatorView(old), operatorView(o))
}

// operatorView holds what may be disclosed about an operator: no hash of a password or a link.
func operatorView(o *Operator) eventlog.State {
	if o == nil {
		return nil
	}
	view := eventlog.State{
		"email": o.Email, "role": string(o.Role), "status": o.TellStatus(), "session_generation": o.SessionGeneration,
		"sign_in_method": string(o.SignInMethod()),
	}
	if o.Identity != (Identity{}) {
		view["issuer"], view["subject"] = o.Identity.Issuer, o.Identity.Subject
	}
	return view
}
