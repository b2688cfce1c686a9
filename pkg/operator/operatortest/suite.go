// Package operatortest verifies that an implementation of operator.Store fulfils the contract. It owns no database:
// implementations call [Run] with a function that opens a new one.
package operatortest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

// Backend is an empty database.
type Backend struct {
	Operators operator.Store
	Log       eventlog.Log
}

// Run tests the implementation. open returns a new backend that is closed when the test ends; several parallel tests call it at
// once.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	tests := []struct {
		name  string
		prove func(t *testing.T, b Backend)
	}{
		{"TenanciesAreListedOldestFirst", tenancies},
		{"OperatorIsReadBackWhole", readBack},
		{"EmailIsUniqueInTheInstallation", emailTaken},
		{"UpdateWritesWhatMayChangeAndNothingElse", update},
		{"ErrorOfAChangeRollsEverythingBack", changeFails},
		{"NoEventMeansNothingIsWritten", unchanged},
		{"ChangesKnowOfAnotherAdmin", otherAdmin},
		{"OneTimeLinkFindsItsOperatorOnce", links},
		{"IdentityFindsItsOperatorAndIsUnique", identities},
		{"DeleteRemovesTheOperatorAndItsLink", deleted},
		{"OperatorsOfATenancyAreListedByEmail", listed},
		{"EventsThatChangeNothingAreAppended", recorded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.prove(t, open(t))
		})
	}
}

var epoch = time.Date(2030, time.March, 1, 12, 0, 0, 123_456_000, time.UTC)

func draft(action eventlog.Action) eventlog.Draft {
	return eventlog.Draft{At: epoch, Action: action, Actor: eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test"}}
}

func updated() *eventlog.Draft {
	d := draft(eventlog.OperatorUpdated)
	return &d
}

func newTenancy(t *testing.T, b Backend, name string, created time.Time) operator.Tenancy {
	t.Helper()
	tenancy := operator.Tenancy{ID: uuid.NewString(), Name: name, CreatedAt: created}
	if err := b.Operators.CreateTenancy(t.Context(), tenancy, draft(eventlog.TenancyCreated)); err != nil {
		t.Fatal(err)
	}
	return tenancy
}

func newOperator(tenancy operator.Tenancy, email string) operator.Operator {
	return operator.Operator{
		ID: uuid.NewString(), TenancyID: tenancy.ID, Email: email, Role: operator.Editor, Status: operator.Active, PasswordHash: "$argon2id$…",
		SessionGeneration: 1, CreatedAt: epoch, UpdatedAt: epoch,
	}
}

func create(t *testing.T, b Backend, o operator.Operator) operator.Operator {
	t.Helper()
	if err := b.Operators.CreateOperator(t.Context(), o, draft(eventlog.OperatorCreated)); err != nil {
		t.Fatal(err)
	}
	return o
}

// wantEvents fails the test unless the log has exactly these actions and its chain is intact.
func wantEvents(t *testing.T, b Backend, want ...eventlog.Action) {
	t.Helper()
	if _, err := eventlog.Verify(t.Context(), b.Log, eventlog.EmptyHead()); err != nil {
		t.Fatal(err)
	}
	events, err := b.Log.After(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]eventlog.Action, len(events))
	for i, e := range events {
		got[i] = e.Action
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log tells %v, want %v", got, want)
	}
}

func tenancies(t *testing.T, b Backend) {
	younger := newTenancy(t, b, "Younger", epoch.Add(time.Microsecond))
	older := newTenancy(t, b, "Älter 日本", epoch)
	all, err := b.Operators.Tenancies(t.Context())
	if err != nil || len(all) != 2 || all[0] != older || all[1] != younger {
		t.Errorf("got %+v, %v", all, err)
	}
	if got, err := b.Operators.Tenancy(t.Context(), older.ID); err != nil || got != older {
		t.Errorf("got %+v, %v; want %+v", got, err, older)
	}
	if _, err := b.Operators.Tenancy(t.Context(), uuid.NewString()); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if err := b.Operators.CreateTenancy(t.Context(), older, draft(eventlog.TenancyCreated)); !errors.Is(err, operator.ErrTenancyExists) {
		t.Errorf("the same id again: %v, want ErrTenancyExists", err)
	}
	wantEvents(t, b, eventlog.TenancyCreated, eventlog.TenancyCreated)
}

func readBack(t *testing.T, b Backend) {
	if exists, err := b.Operators.AnyOperator(t.Context()); err != nil || exists {
		t.Errorf("an empty database has an operator: %t, %v", exists, err)
	}
	want := create(t, b, newOperator(newTenancy(t, b, "T", epoch), "ann@example.com"))
	if got, err := b.Operators.OperatorByEmail(t.Context(), want.Email); err != nil || got != want {
		t.Errorf("by e-mail address: got %+v, %v; want %+v", got, err, want)
	}
	if got, err := b.Operators.OperatorByID(t.Context(), want.ID); err != nil || got != want {
		t.Errorf("by id: got %+v, %v; want %+v", got, err, want)
	}
	if exists, err := b.Operators.AnyOperator(t.Context()); err != nil || !exists {
		t.Errorf("there is no operator: %t, %v", exists, err)
	}
	if _, err := b.Operators.OperatorByEmail(t.Context(), "bob@example.com"); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if _, err := b.Operators.OperatorByID(t.Context(), ""); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func emailTaken(t *testing.T, b Backend) {
	home, other := newTenancy(t, b, "Home", epoch), newTenancy(t, b, "Other", epoch)
	ann, bob := create(t, b, newOperator(home, "ann@example.com")), create(t, b, newOperator(home, "bob@example.com"))
	err := b.Operators.CreateOperator(t.Context(), newOperator(other, ann.Email), draft(eventlog.OperatorCreated))
	if !errors.Is(err, operator.ErrEmailTaken) {
		t.Errorf("create: got %v, want ErrEmailTaken", err)
	}
	_, err = b.Operators.UpdateOperator(t.Context(), bob.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		o.Email = ann.Email
		return o, updated(), nil
	})
	if !errors.Is(err, operator.ErrEmailTaken) {
		t.Errorf("update: got %v, want ErrEmailTaken", err)
	}
	nowhere := newOperator(operator.Tenancy{ID: uuid.NewString()}, "eve@example.com")
	if err := b.Operators.CreateOperator(t.Context(), nowhere, draft(eventlog.OperatorCreated)); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("in no tenancy: got %v, want ErrNotFound", err)
	}
	wantEvents(t, b, eventlog.TenancyCreated, eventlog.TenancyCreated, eventlog.OperatorCreated, eventlog.OperatorCreated)
}

func update(t *testing.T, b Backend) {
	home, other := newTenancy(t, b, "Home", epoch), newTenancy(t, b, "Other", epoch)
	ann, bob := create(t, b, newOperator(home, "ann@example.com")), create(t, b, newOperator(home, "bob@example.com"))
	want := ann
	want.Email, want.Role, want.PasswordHash, want.SessionGeneration = "anna@example.com", operator.Admin, "$argon2id$new", 2
	want.UpdatedAt = epoch.Add(time.Hour)
	got, err := b.Operators.UpdateOperator(t.Context(), ann.ID, func(old operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		if old != ann {
			t.Errorf("the change was given %+v, want %+v", old, ann)
		}
		changed := want
		changed.ID, changed.TenancyID, changed.CreatedAt = uuid.NewString(), other.ID, want.UpdatedAt
		return changed, updated(), nil
	})
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := b.Operators.OperatorByID(t.Context(), ann.ID); err != nil || got != want {
		t.Errorf("read back: got %+v, %v; want %+v", got, err, want)
	}
	if got, err := b.Operators.OperatorByID(t.Context(), bob.ID); err != nil || got != bob {
		t.Errorf("another operator is now %+v, %v; want %+v", got, err, bob)
	}
	_, err = b.Operators.UpdateOperator(t.Context(), uuid.NewString(), func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		t.Error("a change was called for nobody")
		return o, updated(), nil
	})
	if !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func changeFails(t *testing.T, b Backend) {
	ann := create(t, b, newOperator(newTenancy(t, b, "T", epoch), "ann@example.com"))
	failure := errors.New("no")
	_, err := b.Operators.UpdateOperator(t.Context(), ann.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		o.Role = operator.Admin
		return o, updated(), failure
	})
	if err != failure { //nolint:errorlint // the same error, not one that wraps it
		t.Errorf("got %v, want %v as it is", err, failure)
	}
	if got, err := b.Operators.OperatorByID(t.Context(), ann.ID); err != nil || got != ann {
		t.Errorf("got %+v, %v; want %+v", got, err, ann)
	}
	wantEvents(t, b, eventlog.TenancyCreated, eventlog.OperatorCreated)
}

func unchanged(t *testing.T, b Backend) {
	ann := create(t, b, newOperator(newTenancy(t, b, "Home", epoch), "ann@example.com"))
	got, err := b.Operators.UpdateOperator(t.Context(), ann.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		o.Role = operator.Admin
		return o, nil, nil
	})
	if err != nil || got != ann {
		t.Errorf("got %+v, %v; want %+v", got, err, ann)
	}
	wantEvents(t, b, eventlog.TenancyCreated, eventlog.OperatorCreated)
}

func otherAdmin(t *testing.T, b Backend) {
	home, elsewhere := newTenancy(t, b, "Home", epoch), newTenancy(t, b, "Elsewhere", epoch)
	admin := func(home operator.Tenancy, email string) operator.Operator {
		o := newOperator(home, email)
		o.Role = operator.Admin
		return o
	}
	ann := create(t, b, admin(home, "ann@example.com"))
	create(t, b, admin(elsewhere, "eve@example.com"))
	create(t, b, newOperator(home, "editor@example.com"))
	invited, gone := admin(home, "invited@example.com"), admin(home, "gone@example.com")
	invited.PasswordHash, gone.Status = "", operator.Deactivated
	create(t, b, invited)
	create(t, b, gone)
	told := func() (other bool) {
		_, err := b.Operators.UpdateOperator(t.Context(), ann.ID, func(o operator.Operator, otherAdmin bool) (operator.Operator, *eventlog.Draft, error) {
			other = otherAdmin
			return o, nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return other
	}
	if told() {
		t.Error("of another tenancy, an editor, an invited and a deactivated admin, one counts as another admin")
	}
	bob := create(t, b, admin(home, "bob@example.com"))
	if !told() {
		t.Error("another admin is not told of")
	}
	_, err := b.Operators.UpdateOperator(t.Context(), bob.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		o.PasswordHash, o.Identity = "", operator.Identity{Issuer: "https://login.example.com", Subject: "bob"}
		return o, updated(), nil
	})
	if err != nil || !told() {
		t.Errorf("another admin who signs in with a provider is not told of: %v", err)
	}
}

func identities(t *testing.T, b Backend) {
	home := newTenancy(t, b, "Home", epoch)
	identity := operator.Identity{Issuer: "https://login.example.com", Subject: "Ann|1"}
	ann := newOperator(home, "ann@example.com")
	ann.Identity, ann.PasswordHash = identity, ""
	create(t, b, ann)
	bob := create(t, b, newOperator(home, "bob@example.com"))
	if got, err := b.Operators.OperatorByIdentity(t.Context(), identity); err != nil || got != ann {
		t.Errorf("got %+v, %v; want %+v", got, err, ann)
	}
	for _, other := range []operator.Identity{
		{}, {Issuer: identity.Issuer}, {Issuer: identity.Issuer, Subject: "ann|1"}, {Issuer: "https://other.example.com", Subject: identity.Subject},
	} {
		if _, err := b.Operators.OperatorByIdentity(t.Context(), other); !errors.Is(err, operator.ErrNotFound) {
			t.Errorf("%+v: got %v, want ErrNotFound", other, err)
		}
	}
	second := newOperator(home, "second@example.com")
	second.Identity = identity
	if err := b.Operators.CreateOperator(t.Context(), second, draft(eventlog.OperatorCreated)); !errors.Is(err, operator.ErrEmailTaken) {
		t.Errorf("a second operator with the identity: got %v, want ErrEmailTaken", err)
	}
	_, err := b.Operators.UpdateOperator(t.Context(), bob.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		o.Identity = identity
		return o, updated(), nil
	})
	if !errors.Is(err, operator.ErrEmailTaken) {
		t.Errorf("another operator takes the identity: got %v, want ErrEmailTaken", err)
	}
}

func links(t *testing.T, b Backend) {
	ann := newOperator(newTenancy(t, b, "Home", epoch), "ann@example.com")
	ann.Link = operator.Link{Digest: [32]byte{1, 2, 3}, ExpiresAt: epoch.Add(time.Hour)}
	create(t, b, ann)
	if got, err := b.Operators.OperatorByLink(t.Context(), ann.Link.Digest); err != nil || got != ann {
		t.Errorf("got %+v, %v; want %+v", got, err, ann)
	}
	for _, digest := range [][32]byte{{}, {1, 2, 4}} {
		if _, err := b.Operators.OperatorByLink(t.Context(), digest); !errors.Is(err, operator.ErrNotFound) {
			t.Errorf("%v: got %v, want ErrNotFound", digest, err)
		}
	}
	_, err := b.Operators.UpdateOperator(t.Context(), ann.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
		o.Link = operator.Link{}
		return o, updated(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Operators.OperatorByLink(t.Context(), ann.Link.Digest); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("a used link: got %v, want ErrNotFound", err)
	}
}

func deleted(t *testing.T, b Backend) {
	home := newTenancy(t, b, "Home", epoch)
	ann, bob := create(t, b, newOperator(home, "ann@example.com")), create(t, b, newOperator(home, "bob@example.com"))
	refused := errors.New("refused")
	err := b.Operators.DeleteOperator(t.Context(), ann.ID, func(operator.Operator, bool) (eventlog.Draft, error) { return eventlog.Draft{}, refused })
	if !errors.Is(err, refused) {
		t.Errorf("got %v, want the change's own error", err)
	}
	remove := func(o operator.Operator, _ bool) (eventlog.Draft, error) {
		if o != ann {
			t.Errorf("the change was given %+v, want %+v", o, ann)
		}
		return draft(eventlog.OperatorDeleted), nil
	}
	if err := b.Operators.DeleteOperator(t.Context(), ann.ID, remove); err != nil {
		t.Fatal(err)
	}
	if err := b.Operators.DeleteOperator(t.Context(), ann.ID, remove); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("again: got %v, want ErrNotFound", err)
	}
	if _, err := b.Operators.OperatorByID(t.Context(), ann.ID); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if got, err := b.Operators.OperatorByID(t.Context(), bob.ID); err != nil || got != bob {
		t.Errorf("another operator is now %+v, %v", got, err)
	}
}

func listed(t *testing.T, b Backend) {
	home, elsewhere := newTenancy(t, b, "Home", epoch), newTenancy(t, b, "Elsewhere", epoch)
	var want []operator.Operator
	for _, email := range []string{"a.z@example.com", "a_c@example.com", "ab@example.com", "bob@example.com"} { // not in dictionary order
		want = append(want, newOperator(home, email))
	}
	for _, i := range []int{3, 1, 0, 2} {
		create(t, b, want[i])
	}
	create(t, b, newOperator(elsewhere, "eve@example.com"))
	for _, limit := range []int{1, 3, 4, 10} {
		got, err := b.Operators.OperatorsOf(t.Context(), home.ID, limit)
		if err != nil || !slices.Equal(got, want[:min(limit, len(want))]) {
			t.Errorf("with a limit of %d: got %+v, %v", limit, got, err)
		}
	}
}

func recorded(t *testing.T, b Backend) {
	for _, action := range []eventlog.Action{eventlog.OperatorSignedIn, eventlog.OperatorSignInFailed} {
		if err := b.Operators.RecordEvent(t.Context(), draft(action)); err != nil {
			t.Fatal(err)
		}
	}
	wantEvents(t, b, eventlog.OperatorSignedIn, eventlog.OperatorSignInFailed)
}
