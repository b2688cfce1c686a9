package apikey_test

import (
	"errors"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// rotated creates a key and rotates its secret with a grace period of an hour.
func (f *fixture) rotated(t *testing.T, name string) (old, fresh apikey.Created) {
	t.Helper()
	old = f.create(t, name)
	fresh, err := f.RotateSecret(t.Context(), ana(), old.Key.ClientID, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return old, fresh
}

func TestAGracePeriodCanBeMadeLongerAndShorter(t *testing.T) {
	f := newFixture(t)
	old, fresh := f.rotated(t, "Acme")
	id, secretID := old.Key.ClientID, old.Key.Secrets[0].ID
	for _, grace := range []time.Duration{3 * time.Hour, apikey.GraceMax, 2 * time.Second, time.Second} {
		f.advance(time.Millisecond)
		key, err := f.ChangeGrace(t.Context(), ana(), id, secretID, nil, grace)
		if err != nil {
			t.Fatalf("%v: %v", grace, err)
		}
		if end := key.Secrets[1].ExpiresAt; !end.Equal(f.stored().Add(grace)) {
			t.Errorf("with %v it ends at %v", grace, end)
		}
	}
	f.advance(time.Second - time.Microsecond - 789)
	if !f.works(t, id, old.Secret) {
		t.Error("before its end the old secret does not work")
	}
	f.advance(2 * time.Microsecond)
	if f.works(t, id, old.Secret) || !f.works(t, id, fresh.Secret) {
		t.Error("after its end the old secret works, or the new one does not")
	}
	if _, err := f.ChangeGrace(t.Context(), ana(), id, secretID, nil, time.Hour); !errors.Is(err, apikey.ErrSecretNotFound) {
		t.Errorf("what has ended can't be made longer: %v", err)
	}
}

func TestOnlyAnOldSecretHasAGracePeriod(t *testing.T) {
	f := newFixture(t)
	old, fresh := f.rotated(t, "Acme")
	id := old.Key.ClientID
	for _, grace := range []time.Duration{0, -time.Hour, time.Second - 1, apikey.GraceMax + 1} {
		_, err := f.ChangeGrace(t.Context(), ana(), id, old.Key.Secrets[0].ID, nil, grace)
		if fields := fieldsOf(err); len(fields) != 1 || fields[0] != "grace_period_seconds" {
			t.Errorf("a grace of %v: %v", grace, err)
		}
	}
	if _, err := f.ChangeGrace(t.Context(), ana(), id, fresh.Key.Secrets[0].ID, nil, time.Hour); !errors.Is(err, apikey.ErrCurrentSecret) {
		t.Errorf("of the current secret: %v", err)
	}
	other, _ := f.rotated(t, "Other")
	if _, err := f.ChangeGrace(t.Context(), ana(), id, other.Key.Secrets[0].ID, nil, time.Hour); !errors.Is(err, apikey.ErrSecretNotFound) {
		t.Errorf("of another key's secret: %v", err)
	}
}

func TestACancelledRotationKeepsTheOldSecretForGood(t *testing.T) {
	f := newFixture(t)
	old, fresh := f.rotated(t, "Acme")
	id := old.Key.ClientID
	key, err := f.CancelRotation(t.Context(), ana(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(key.Secrets) != 1 || key.Secrets[0].ID != old.Key.Secrets[0].ID || !key.Secrets[0].ExpiresAt.IsZero() {
		t.Errorf("the secrets are %+v", key.Secrets)
	}
	f.advance(apikey.GraceMax)
	if !f.works(t, id, old.Secret) || f.works(t, id, fresh.Secret) {
		t.Error("the old secret does not work, or the new one does")
	}
	if _, err := f.CancelRotation(t.Context(), ana(), id, nil); !errors.Is(err, apikey.ErrNoRotation) {
		t.Errorf("a second time: %v", err)
	}
	if err := f.RetireSecret(t.Context(), ana(), id, old.Key.Secrets[0].ID, nil); !errors.Is(err, apikey.ErrCurrentSecret) {
		t.Errorf("it is the current secret again: %v", err)
	}
	if _, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Hour); err != nil {
		t.Errorf("rotating again: %v", err)
	}
}

func TestARotationThatIsOverCanNotBeCancelled(t *testing.T) {
	f := newFixture(t)
	old, fresh := f.rotated(t, "Acme")
	id := old.Key.ClientID
	f.advance(time.Hour)
	if _, err := f.CancelRotation(t.Context(), ana(), id, nil); !errors.Is(err, apikey.ErrNoRotation) {
		t.Errorf("after the grace period: %v", err)
	}
	if f.works(t, id, old.Secret) || !f.works(t, id, fresh.Secret) {
		t.Error("a refused call changed which secret works")
	}
	if _, err := f.CancelRotation(t.Context(), ana(), f.create(t, "New").Key.ClientID, nil); !errors.Is(err, apikey.ErrNoRotation) {
		t.Errorf("of a key that was never rotated: %v", err)
	}
}

func TestTheEndOfAGracePeriodIsAnEventOnce(t *testing.T) {
	f := newFixture(t)
	old, fresh := f.rotated(t, "Acme")
	id := old.Key.ClientID
	f.advance(time.Hour - time.Microsecond - 789)
	f.RetireExpired(t.Context(), f.Now())
	_, before := f.lastEvent(t)
	if before != 2 {
		t.Fatalf("before the end there are %d events", before)
	}
	f.advance(2 * time.Microsecond)
	for range 3 {
		f.RetireExpired(t.Context(), f.Now())
	}
	event, n := f.lastEvent(t)
	if n != before+1 || event.Action != eventlog.APIKeySecretExpired || event.TenancyID != tenancy || event.Actor.Kind != eventlog.ActorSystem ||
		event.Revokes != nil || event.Subject.ID != id {
		t.Errorf("%d events, the last %+v", n, event.Draft)
	}
	stored, err := f.store.Lookup(t.Context(), id)
	if err != nil || len(stored.Secrets) != 1 || stored.Secrets[0].ID != fresh.Key.Secrets[0].ID {
		t.Errorf("the secrets are %+v, %v", stored.Secrets, err)
	}
	if !f.works(t, id, fresh.Secret) {
		t.Error("the current secret does not work")
	}
}
