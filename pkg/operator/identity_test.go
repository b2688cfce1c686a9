package operator_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
)

// asserted returns what a provider says about a person with this subject and e-mail address.
func asserted(subject, email string, role operator.Role) operator.Assertion {
	return operator.Assertion{
		Identity: operator.Identity{Issuer: "https://login.example.com", Subject: subject}, Email: email, EmailVerified: true, Role: role,
	}
}

// latest returns the last event and its content.
func (f *fixture) latest(t *testing.T) (eventlog.Event, map[string]any) {
	t.Helper()
	events := f.events(t)
	last := events[len(events)-1]
	var told map[string]any
	if err := json.Unmarshal(last.After, &told); err != nil {
		t.Fatalf("the last event, %s, tells %s", last.Action, last.After)
	}
	return last, told
}

// flush writes the sign-ins that failed or were refused to the log.
func (f *fixture) flush(t *testing.T) {
	t.Helper()
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) refuses(t *testing.T, a operator.Assertion, reason operator.Refusal) {
	t.Helper()
	f.flush(t)
	o, err := f.SignInAs(t.Context(), a, home)
	var refused *operator.RefusedError
	if !errors.As(err, &refused) || refused.Reason != reason || o != (operator.Operator{}) {
		t.Fatalf("%+v: got %+v, %v; want a refusal for %s", a, o, err, reason)
	}
	f.flush(t)
	event, told := f.latest(t)
	if event.Action != eventlog.OperatorSignInRefused || event.Actor.Kind != eventlog.ActorStranger || told["reason"] != string(reason) ||
		told["method"] != "oidc" || told["subject"] != a.Identity.Subject || told["issuer"] != a.Identity.Issuer || told["attempts"] != 1.0 || event.Origin != home {
		t.Errorf("the log tells %s %s", event.Action, event.After)
	}
	var vouchedFor any
	if a.EmailVerified && operator.ValidEmail(a.Email) {
		vouchedFor = a.Email
	}
	if told["email"] != vouchedFor {
		t.Errorf("the log names the address %v, want %v", told["email"], vouchedFor)
	}
}

func TestWhoComesFromAProviderForTheFirstTimeBecomesAnOperator(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	bea, err := f.SignInAs(t.Context(), asserted("1", " Bea@Example.com", operator.Editor), home)
	if err != nil || bea.Email != "bea@example.com" || bea.Role != operator.Editor || bea.TenancyID != operator.PlatformTenancyID ||
		bea.SignInMethod() != operator.ByOIDC || bea.Invited() {
		t.Fatalf("got %+v, %v", bea, err)
	}
	if event, told := f.latest(t); event.Action != eventlog.OperatorSignedIn || told["method"] != "oidc" || event.Actor.Name != "bea@example.com" {
		t.Errorf("the log tells %s %s", event.Action, event.After)
	}
	before := len(f.events(t))
	again, err := f.SignInAs(t.Context(), asserted("1", "bea@elsewhere.example.com", operator.Editor), home)
	if err != nil || again != bea {
		t.Errorf("with another address at the provider: got %+v, %v", again, err)
	}
	if events := f.events(t)[before:]; len(events) != 1 || events[0].Action != eventlog.OperatorSignedIn {
		t.Errorf("a sign-in that changes nothing is logged as %+v", events)
	}
	if _, err := f.SignIn(t.Context(), "bea@example.com", "", home); !errors.Is(err, operator.ErrWrongPassword) {
		t.Errorf("with an empty password: %v", err)
	}
}

func TestLinkingEndsWhateverWasValidBefore(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	linked, err := f.SignInAs(t.Context(), asserted("1", "ANA@example.com", operator.Admin), home)
	if err != nil || linked.ID != ana.ID || linked.Role != operator.Admin || linked.PasswordHash != "" {
		t.Fatalf("got %+v, %v", linked, err)
	}
	if _, err := f.BySession(t.Context(), ana.ID, ana.SessionGeneration); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("a session of before: %v", err)
	}
	if _, err := f.SignIn(t.Context(), "ana@example.com", password, home); !errors.Is(err, operator.ErrWrongPassword) {
		t.Errorf("the password of before: %v", err)
	}
	own := operator.Caller{TenancyID: ana.TenancyID, OperatorID: ana.ID}
	if _, err := f.ChangePassword(t.Context(), own, password, newPassword); !errors.Is(err, operator.ErrSingleSignOn) {
		t.Errorf("changing the password: %v", err)
	}
	if _, err := f.Relink(t.Context(), own, ana.ID); !errors.Is(err, operator.ErrSingleSignOn) {
		t.Errorf("a link to set a password: %v", err)
	}
	f.refuses(t, asserted("2", "ana@example.com", operator.Admin), operator.RefusedTaken)

	invited, err := f.Invite(t.Context(), own, "bea@example.com", operator.Editor)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignInAs(t.Context(), asserted("3", "bea@example.com", operator.Readonly), home); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Accept(t.Context(), invited.Token, password, home); !errors.Is(err, operator.ErrLinkUsed) {
		t.Errorf("an invitation of before: %v", err)
	}
}

// TestTheCommandGivesAPasswordBack: whoever controls the machine can return an operator to signing in with a password, so that a
// provider that is gone for good locks nobody out.
func TestTheCommandGivesAPasswordBack(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	if _, err := f.SignInAs(t.Context(), asserted("1", "ana@example.com", operator.Admin), home); err != nil {
		t.Fatal(err)
	}
	if err := f.ResetPassword(t.Context(), "ana@example.com", newPassword, system); err != nil {
		t.Fatal(err)
	}
	o, err := f.SignIn(t.Context(), "ana@example.com", newPassword, home)
	if err != nil || o.SignInMethod() != operator.ByPassword {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestTheProviderDecidesTheRoleEachTime(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	if _, err := f.SignInAs(t.Context(), asserted("1", "bea@example.com", operator.Admin), home); err != nil {
		t.Fatal(err)
	}
	o, err := f.SignInAs(t.Context(), asserted("1", "bea@example.com", operator.Readonly), home)
	if err != nil || o.Role != operator.Readonly {
		t.Fatalf("got %+v, %v", o, err)
	}
	events := f.events(t)
	synced := events[len(events)-2]
	if synced.Action != eventlog.OperatorRoleSynced || string(synced.Before) != `{"role":"admin"}` || string(synced.After) != `{"role":"readonly"}` {
		t.Errorf("the log tells %s %s %s", synced.Action, synced.Before, synced.After)
	}
	f.refuses(t, asserted("1", "bea@example.com", ""), operator.RefusedNoRole)
	if event, _ := f.latest(t); event.Subject.ID != o.ID {
		t.Errorf("the refusal is about %+v", event.Subject)
	}
}

func TestTheLastAdminStaysOneWhateverTheProviderSays(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	if _, err := f.SignInAs(t.Context(), asserted("1", "ana@example.com", operator.Admin), home); err != nil {
		t.Fatal(err)
	}
	o, err := f.SignInAs(t.Context(), asserted("1", "ana@example.com", operator.Readonly), home)
	if err != nil || o.ID != ana.ID || o.Role != operator.Admin {
		t.Fatalf("got %+v, %v", o, err)
	}
	if _, told := f.latest(t); told["provider_role"] != "readonly" {
		t.Errorf("the log tells %v", told)
	}
	if _, err := f.SignInAs(t.Context(), asserted("2", "bea@example.com", operator.Admin), home); err != nil {
		t.Fatal(err)
	}
	if o, err := f.SignInAs(t.Context(), asserted("1", "ana@example.com", operator.Readonly), home); err != nil || o.Role != operator.Readonly {
		t.Errorf("with another admin there: got %+v, %v", o, err)
	}
}

// TestOnlyWhomTheProviderMakesAnAdminTakesOverTheLastAdminsAccount: otherwise an address would be enough to become an admin, since
// the last one stays one. The account keeps its password, so nobody is locked out.
func TestOnlyWhomTheProviderMakesAnAdminTakesOverTheLastAdminsAccount(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	f.refuses(t, asserted("1", "ana@example.com", operator.Editor), operator.RefusedTaken)
	if o, err := f.SignIn(t.Context(), "ana@example.com", password, home); err != nil || o != ana {
		t.Errorf("with the password: got %+v, %v", o, err)
	}
	if _, err := f.SignInAs(t.Context(), asserted("2", "bea@example.com", operator.Admin), home); err != nil {
		t.Fatal(err)
	}
	if o, err := f.SignInAs(t.Context(), asserted("1", "ana@example.com", operator.Editor), home); err != nil || o.ID != ana.ID || o.Role != operator.Editor {
		t.Errorf("with another admin there: got %+v, %v", o, err)
	}
}

func TestAProvenIdentityIsRefusedWithoutRoleVerifiedAddressOrAnActiveAccount(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	unverified := asserted("1", "ana@example.com", operator.Admin)
	unverified.EmailVerified = false
	f.refuses(t, unverified, operator.RefusedUnverified)
	for _, email := range []string{"", "ana", "Ana <ana@example.com>", "ana@example.com\x00"} {
		f.refuses(t, asserted("1", email, operator.Admin), operator.RefusedUnverified)
	}
	f.refuses(t, asserted("1", "ana@example.com", ""), operator.RefusedNoRole)
	f.refuses(t, asserted("1", "bea@example.com", ""), operator.RefusedNoRole)

	customer, err := f.CreateTenancy(t.Context(), "A customer", system)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(t.Context(), customer.ID, "carl@example.com", password, operator.Admin, system); err != nil {
		t.Fatal(err)
	}
	f.refuses(t, asserted("3", "carl@example.com", operator.Admin), operator.RefusedTaken)
	if event, _ := f.latest(t); event.Subject.ID != "" || event.TenancyID != operator.PlatformTenancyID {
		t.Errorf("the refusal is told of %+v in %s", event.Subject, event.TenancyID)
	}
	if _, err := f.SignIn(t.Context(), "carl@example.com", password, home); err != nil {
		t.Errorf("a customer's operator: %v", err)
	}

	bea, err := f.SignInAs(t.Context(), asserted("2", "bea@example.com", operator.Admin), home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Edit(t.Context(), operator.Caller{TenancyID: ana.TenancyID}, bea.ID, operator.Change{Status: operator.Deactivated}); err != nil {
		t.Fatal(err)
	}
	f.refuses(t, asserted("2", "bea@example.com", operator.Admin), operator.RefusedDeactivated)
}

// invitedByACustomer creates another tenancy and invites Bea to it as an admin. It returns a caller in that tenancy and the
// invitation.
func (f *fixture) invitedByACustomer(t *testing.T) (operator.Caller, operator.Invitation) {
	t.Helper()
	customer, err := f.CreateTenancy(t.Context(), "A customer", system)
	if err != nil {
		t.Fatal(err)
	}
	own := operator.Caller{TenancyID: customer.ID, Actor: system}
	invited, err := f.Invite(t.Context(), own, "bea@example.com", operator.Admin)
	if err != nil {
		t.Fatal(err)
	}
	return own, invited
}

func TestAnInvitationThatNobodyAcceptedKeepsNobodyOut(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	own, invited := f.invitedByACustomer(t)
	f.refuses(t, asserted("1", "bea@example.com", ""), operator.RefusedNoRole)
	if _, err := f.Get(t.Context(), own, invited.Operator.ID); err != nil {
		t.Errorf("after a sign-in that was refused: %v", err)
	}
	before := len(f.events(t))
	bea, err := f.SignInAs(t.Context(), asserted("1", "bea@example.com", operator.Editor), home)
	if err != nil || bea.TenancyID != operator.PlatformTenancyID || bea.Role != operator.Editor {
		t.Fatalf("got %+v, %v", bea, err)
	}
	ended := f.events(t)[before]
	if ended.Action != eventlog.OperatorDeleted || ended.TenancyID != own.TenancyID || ended.Subject.ID != invited.Operator.ID ||
		ended.Origin != (eventlog.Origin{}) || ended.Actor.Kind != eventlog.ActorSystem {
		t.Errorf("the customer's log tells %+v", ended)
	}
	if _, err := f.Accept(t.Context(), invited.Token, password, home); !errors.Is(err, operator.ErrLinkUsed) {
		t.Errorf("the invitation: %v", err)
	}
	if _, err := f.Invite(t.Context(), own, "bea@example.com", operator.Admin); !errors.Is(err, operator.ErrEmailTaken) {
		t.Errorf("inviting again: %v", err)
	}
}

func TestAnInvitationThatIsAcceptedMeanwhileIsTheCustomers(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	_, invited := f.invitedByACustomer(t)
	s := operator.NewService(&meddled{f.store, func() {
		if _, err := f.Accept(t.Context(), invited.Token, password, home); err != nil {
			t.Fatal(err)
		}
	}}, limit.Config{}, f.Now)
	_, err := s.SignInAs(t.Context(), asserted("1", "bea@example.com", operator.Editor), home)
	if refused := (*operator.RefusedError)(nil); !errors.As(err, &refused) || refused.Reason != operator.RefusedTaken {
		t.Errorf("got %v", err)
	}
	if o, err := f.SignIn(t.Context(), "bea@example.com", password, home); err != nil || o.ID != invited.Operator.ID {
		t.Errorf("with the password: got %+v, %v", o, err)
	}
}

func TestTwoFirstSignInsOfOnePersonMakeOneOperator(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	const windows = 4
	found := make([]operator.Operator, windows)
	var group sync.WaitGroup
	for i := range windows {
		service := f.service(false)
		group.Go(func() {
			var err error
			if found[i], err = service.SignInAs(t.Context(), asserted("1", "bea@example.com", operator.Editor), home); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, o := range found {
		if o != found[0] || o.ID == "" {
			t.Errorf("got %+v and %+v", found[0], o)
		}
	}
}

func TestSignInsWithAProviderCountForTheirAddress(t *testing.T) {
	f := newFixture(t, true)
	var err error
	for range limit.Default.SignInAddress.Requests + 1 {
		err = f.Admit(home)
	}
	var throttled *limit.ExceededError
	if !errors.As(err, &throttled) || throttled.RetryAfter <= 0 {
		t.Fatalf("got %v", err)
	}
	if err := f.Admit(eventlog.Origin{IP: "192.0.2.2"}); err != nil {
		t.Errorf("from another address: %v", err)
	}
	f.flush(t)
	if event, told := f.latest(t); event.Action != eventlog.OperatorSignInFailed || told["refused"] != 1.0 || event.Origin != home {
		t.Errorf("the log tells %s %s", event.Action, event.After)
	}
}
