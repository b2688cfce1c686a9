package sqlstore

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/signing"
)

// changesNeedAuthority: the authority that a request was admitted with is checked again once its change holds the lock on the log's
// head, and with each part of the log that it reads.
func changesNeedAuthority(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]
	// byOperator and byToken create an operator or a token with an authority, and then change what the authority rests on.
	byOperator := func(harm func(*operator.Operator)) func(t *testing.T) eventlog.Authority {
		return func(t *testing.T) eventlog.Authority {
			t.Helper()
			o := operator.Operator{
				ID: uuid.NewString(), TenancyID: tenancy, Role: operator.Editor, Status: operator.Active, SessionGeneration: 3,
				CreatedAt: epoch, UpdatedAt: epoch,
			}
			o.Email = o.ID + "@example.com"
			if err := s.CreateOperator(t.Context(), o, eventlog.Draft{At: epoch}); err != nil {
				t.Fatal(err)
			}
			_, err := s.UpdateOperator(t.Context(), o.ID, func(o operator.Operator, _ bool) (operator.Operator, *eventlog.Draft, error) {
				harm(&o)
				return o, &eventlog.Draft{At: epoch}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return eventlog.Authority{Kind: eventlog.ActorOperator, ID: o.ID, Generation: 3, Role: string(operator.Editor)}
		}
	}
	count := 1
	// signedBy stores a signing key that retires at end.
	signedBy := func(t *testing.T, end time.Time) (kid string) {
		t.Helper()
		r := signing.Record{KID: uuid.NewString(), Algorithm: signing.Algorithm, Private: []byte{1}, CreatedAt: epoch, NotBefore: epoch, RetireAt: end}
		err := s.ChangeSigningKeys(t.Context(), func([]signing.Record) (*signing.Change, error) {
			return &signing.Change{Add: &r, Event: eventlog.Draft{At: epoch}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return r.KID
	}
	byToken := func(harm func(*apikey.Key)) func(t *testing.T) eventlog.Authority {
		return func(t *testing.T) eventlog.Authority {
			t.Helper()
			k := newKey(tenancy, count)
			count++
			if err := s.Create(t.Context(), k, newDraft(k), nil); err != nil {
				t.Fatal(err)
			}
			_, err := s.Update(t.Context(), tenancy, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
				harm(&k)
				event := newDraft(k)
				return k, &event, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return eventlog.Authority{
				Kind: eventlog.ActorAPIKey, ID: k.ClientID, Generation: 1, TokenID: k.Name, KeyID: signedBy(t, time.Time{}),
			}
		}
	}
	tests := map[string]struct {
		who  func(t *testing.T) eventlog.Authority
		lost bool
	}{
		"an operator":             {byOperator(func(*operator.Operator) {}), false},
		"a deactivated operator":  {byOperator(func(o *operator.Operator) { o.Status = operator.Deactivated }), true},
		"an operator signed out":  {byOperator(func(o *operator.Operator) { o.SessionGeneration++ }), true},
		"an operator demoted":     {byOperator(func(o *operator.Operator) { o.Role = operator.Readonly }), true},
		"a token":                 {byToken(func(*apikey.Key) {}), false},
		"a deactivated key's":     {byToken(func(k *apikey.Key) { k.Status = apikey.Inactive }), true},
		"one of before":           {byToken(func(k *apikey.Key) { k.Generation++ }), true},
		"an operator that is not": {func(*testing.T) eventlog.Authority { return eventlog.Authority{Kind: eventlog.ActorOperator, ID: "x"} }, true},
		"nobody's":                {func(*testing.T) eventlog.Authority { return eventlog.Authority{} }, true},
		"a token of a key that retires": {func(t *testing.T) eventlog.Authority {
			a := byToken(func(*apikey.Key) {})(t)
			a.KeyID = signedBy(t, time.Now().Add(time.Hour))
			return a
		}, false},
		"a token of a revoked signing key": {func(t *testing.T) eventlog.Authority {
			a := byToken(func(*apikey.Key) {})(t)
			a.KeyID = signedBy(t, time.Now().Add(-time.Minute))
			return a
		}, true},
		"a token of a signing key that is not": {func(t *testing.T) eventlog.Authority {
			a := byToken(func(*apikey.Key) {})(t)
			a.KeyID = "x"
			return a
		}, true},
		"a revoked token": {func(t *testing.T) eventlog.Authority {
			a := byToken(func(*apikey.Key) {})(t)
			revoked := eventlog.Revocation{TokenID: a.TokenID, ClientID: a.ID, ExpiresAt: epoch}
			if err := s.RevokeToken(t.Context(), eventlog.Draft{At: epoch, Revokes: &revoked}); err != nil {
				t.Fatal(err)
			}
			return a
		}, true},
	}
	for name, test := range tests {
		ctx := eventlog.WithAuthority(t.Context(), test.who(t))
		before, err := s.Get(t.Context(), tenancy, id)
		if err != nil {
			t.Fatal(err)
		}
		err = updateKey(ctx, s, tenancy, id)
		after, readErr := s.Get(t.Context(), tenancy, id)
		if readErr != nil || errors.Is(err, eventlog.ErrAuthorityLost) != test.lost || (err != nil) != test.lost || (after.Version != before.Version) == test.lost {
			t.Errorf("%s: %v, the key went from version %d to %d", name, err, before.Version, after.Version)
		}
		read, err := s.Events(ctx, audit.Selection{Tenancies: []string{tenancy}, Limit: 1})
		if errors.Is(err, eventlog.ErrAuthorityLost) != test.lost || (err != nil) != test.lost || (len(read) == 0) != test.lost {
			t.Errorf("%s: %v, %d events were read", name, err, len(read))
		}
	}
}
