package operator_test

import (
	"context"
	"errors"
	"testing"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
)

// meddled is a store that calls meddle once, just before an operator is changed or deleted.
type meddled struct {
	operator.Store
	meddle func()
}

func (m *meddled) UpdateOperator(ctx context.Context, id string, change func(operator.Operator, bool) (operator.Operator, *eventlog.Draft, error)) (operator.Operator, error) {
	m.once()
	return m.Store.UpdateOperator(ctx, id, change)
}

func (m *meddled) DeleteOperator(ctx context.Context, id string, check func(operator.Operator, bool) (eventlog.Draft, error)) error {
	m.once()
	return m.Store.DeleteOperator(ctx, id, check)
}

func (m *meddled) once() {
	if meddle := m.meddle; meddle != nil {
		m.meddle = nil
		meddle()
	}
}

// TestAChangeOfPasswordGivesWay: it fails if the operator was changed while the passwords were hashed. Otherwise somebody who knows
// the old password could undo the reset that is meant to keep them out.
func TestAChangeOfPasswordGivesWay(t *testing.T) {
	for name, test := range map[string]struct {
		meddle func(*fixture, operator.Caller) error
		want   error
	}{
		"to a reset": {func(f *fixture, _ operator.Caller) error {
			return f.ResetPassword(t.Context(), "ana@example.com", "quite another passphrase", system)
		}, operator.ErrNotFound},
		"to the end of all sessions": {func(f *fixture, own operator.Caller) error {
			return f.SignOutEverywhere(t.Context(), own, own.OperatorID)
		}, operator.ErrNotFound},
		"to single sign-on": {func(f *fixture, _ operator.Caller) error {
			_, err := f.SignInAs(t.Context(), asserted("1", "ana@example.com", operator.Admin), home)
			return err
		}, operator.ErrSingleSignOn},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, false)
			ana := f.ana(t)
			own := operator.Caller{TenancyID: ana.TenancyID, OperatorID: ana.ID}
			s := operator.NewService(&meddled{f.store, func() {
				if err := test.meddle(f, own); err != nil {
					t.Fatal(err)
				}
			}}, limit.Config{}, f.Now)
			if _, err := s.ChangePassword(t.Context(), own, password, newPassword); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := f.SignIn(t.Context(), "ana@example.com", newPassword, home); !errors.Is(err, operator.ErrWrongPassword) {
				t.Errorf("signing in with the new password: %v", err)
			}
		})
	}
}
