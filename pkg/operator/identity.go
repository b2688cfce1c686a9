package operator

import (
	"context"
	"errors"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Identity is how an OpenID Connect provider identifies a person. The pair never changes and is never reassigned to somebody else
// (OpenID Connect Core 1.0 §5.7), unlike an e-mail address. The zero Identity stands for none.
type Identity struct {
	Issuer  string // the provider's URL
	Subject string // the provider's identifier for the person, up to 255 characters
}

// Assertion is what a provider has proven about a person.
type Assertion struct {
	Identity      Identity
	Email         string // as spelt by the provider
	EmailVerified bool   // whether the provider has verified that the address belongs to the person
	Role          Role   // what the provider's claims map to; empty if they map to none
}

// Refusal is why somebody whose identity is proven can't sign in.
type Refusal string

// The refusals.
const (
	RefusedUnverified  Refusal = "email-unverified" // the provider does not vouch for an e-mail address
	RefusedNoRole      Refusal = "no-role"          // no claim maps to a role
	RefusedDeactivated Refusal = "deactivated"      // the operator is deactivated
	RefusedTaken       Refusal = "email-taken"      // the address belongs to an account that the person must not take over
)

// RefusedError says why a proven identity can't sign in.
type RefusedError struct{ Reason Refusal }

func (e *RefusedError) Error() string { return "the sign-in is refused: " + string(e.Reason) }

// Admit counts an attempt to sign in against the address it comes from. Errors: limit.ExceededError.
func (s *Service) Admit(origin eventlog.Origin) error {
	err := s.throttle.admitAddress(origin.IP)
	if err != nil {
		s.refused("", origin)
	}
	return err
}

// SignInAs returns the operator that a provider has identified, and records the sign-in in the log. A person who signs in for the
// first time is linked to the operator of the first tenancy with the same e-mail address, whose password then ends. If there is
// none, the person becomes an operator of that tenancy, even if a customer has invited the address and the invitation was never
// accepted. At each sign-in the operator gets the role that the provider reports, except that the tenancy's last admin stays one
// and is linked only to a person who is reported as an admin. Refusals are recorded in the same way as failures with a password.
// Errors: [RefusedError].
func (s *Service) SignInAs(ctx context.Context, a Assertion, origin eventlog.Origin) (Operator, error) {
	a.Email = normalizeEmail(a.Email)
	o, err := s.identify(ctx, a, origin)
	if errors.Is(err, ErrEmailTaken) { // the same person was faster, in another window or on another replica
		o, err = s.identify(ctx, a, origin)
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		s.refusedIdentity(a, o, refused.Reason, origin)
	}
	if err != nil {
		return Operator{}, err
	}
	told := eventlog.State{"method": ByOIDC}
	if o.Role != a.Role {
		told["provider_role"] = a.Role
	}
	return o, s.note(ctx, eventlog.OperatorSignedIn, o, origin, told)
}

// identify returns the operator with the asserted identity, created or changed as the assertion says. Errors: [RefusedError],
// with the operator if it is one of the first tenancy; [ErrEmailTaken] if another sign-in has just taken the address or the
// identity.
func (s *Service) identify(ctx context.Context, a Assertion, origin eventlog.Origin) (Operator, error) {
	if !a.EmailVerified || !validEmail(a.Email) {
		return Operator{}, &RefusedError{RefusedUnverified}
	}
	action := eventlog.OperatorRoleSynced
	found, err := s.store.OperatorByIdentity(ctx, a.Identity)
	if errors.Is(err, ErrNotFound) {
		action = eventlog.OperatorLinked
		found, err = s.store.OperatorByEmail(ctx, a.Email)
	}
	elsewhere := err == nil && found.TenancyID != PlatformTenancyID
	switch {
	case elsewhere && !found.Invited():
		return Operator{}, &RefusedError{RefusedTaken}
	case (elsewhere || errors.Is(err, ErrNotFound)) && a.Role == "":
		return Operator{}, &RefusedError{RefusedNoRole}
	case elsewhere:
		return s.enrolInvited(ctx, found.ID, a, origin)
	case errors.Is(err, ErrNotFound):
		return s.enrol(ctx, a, origin)
	case err != nil:
		return Operator{}, err
	}
	own := Caller{TenancyID: PlatformTenancyID, OperatorID: found.ID, Actor: actorOf(found), Origin: origin}
	o, err := s.update(ctx, own, found.ID, action, func(o *Operator, otherAdmin bool) error { return o.follow(a, otherAdmin) })
	if err != nil {
		return found, err
	}
	return o, nil
}

// follow changes the operator according to the assertion. Errors: [RefusedError].
func (o *Operator) follow(a Assertion, otherAdmin bool) error {
	switch {
	case o.Status != Active:
		return &RefusedError{RefusedDeactivated}
	case o.Identity != a.Identity && o.Identity != (Identity{}):
		return &RefusedError{RefusedTaken}
	case a.Role == "":
		return &RefusedError{RefusedNoRole}
	}
	before, linked := *o, o.Identity == a.Identity
	o.Role = a.Role
	if before.governs() && !o.governs() && !otherAdmin {
		if !linked { // otherwise the admin's address alone would make its owner an admin
			return &RefusedError{RefusedTaken}
		}
		o.Role = before.Role
	}
	if !linked {
		// Whoever set the password need not be the person that the provider identifies, so nothing from before stays valid.
		o.Identity, o.PasswordHash, o.Link = a.Identity, "", Link{}
		o.SessionGeneration++
	}
	return nil
}

// enrol registers a person who signs in for the first time. Errors: [ErrEmailTaken].
func (s *Service) enrol(ctx context.Context, a Assertion, origin eventlog.Origin) (Operator, error) {
	o, err := s.newOperator(PlatformTenancyID, a.Email, a.Role)
	if err != nil {
		return Operator{}, err
	}
	o.Identity = a.Identity
	return o, s.register(ctx, Caller{TenancyID: o.TenancyID, Actor: actorOf(o), Origin: origin}, eventlog.OperatorCreated, o)
}

// enrolInvited is [Service.enrol] for a person whom a customer has invited and who never accepted. An invitation does not prove
// who owns the address, and the provider's assertion does: otherwise any customer could keep anybody out. The customer's log
// records that the invitation ended, and nothing about the person. Errors: [RefusedError] if the invitation has been accepted
// meanwhile; [ErrEmailTaken].
func (s *Service) enrolInvited(ctx context.Context, invitedID string, a Assertion, origin eventlog.Origin) (Operator, error) {
	err := s.store.DeleteOperator(ctx, invitedID, func(o Operator, _ bool) (eventlog.Draft, error) {
		if !o.Invited() {
			return eventlog.Draft{}, &RefusedError{RefusedTaken}
		}
		return s.managed(Caller{TenancyID: o.TenancyID, Actor: singleSignOn}, eventlog.OperatorDeleted, &o, nil)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Operator{}, err
	}
	return s.enrol(ctx, a, origin)
}

// singleSignOn is the actor that the log names for what no person has decided.
var singleSignOn = eventlog.Actor{Kind: eventlog.ActorSystem, ID: "single-sign-on", Name: "single sign-on"}
