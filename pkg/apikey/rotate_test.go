package apikey_test

import (
	"errors"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// works reports whether the client can authenticate with the secret.
func (f *fixture) works(t testing.TB, clientID, secret string) bool {
	t.Helper()
	_, _, err := f.auth.Authenticate(t.Context(), clientID, secret)
	if err != nil && !errors.Is(err, apikey.ErrInvalidClient) {
		t.Fatal(err)
	}
	return err == nil
}

func TestRotatingNowEndsTheOldSecretAtOnce(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	id := created.Key.ClientID
	if !f.works(t, id, created.Secret) {
		t.Fatal("the first secret does not work")
	}
	f.advance(time.Second)
	rotated, err := f.RotateSecret(t.Context(), ana(), id, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if f.works(t, id, created.Secret) || !f.works(t, id, rotated.Secret) {
		t.Error("the old secret works, or the new one does not")
	}
	if len(rotated.Key.Secrets) != 1 || rotated.Key.Secrets[0].LastFour != apikey.LastFour(rotated.Secret) || !rotated.Key.Secrets[0].ExpiresAt.IsZero() {
		t.Errorf("the secrets are %+v", rotated.Key.Secrets)
	}
	_, before := f.lastEvent(t)
	f.advance(time.Second)
	f.RetireExpired(t.Context(), f.Now())
	if event, n := f.lastEvent(t); n != before {
		t.Errorf("what ended with the rotation ends again: %s", event.Action)
	}
}

func TestRotatingWithGraceKeepsTheOldSecretUntilItsEnd(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	id := created.Key.ClientID
	rotated, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(rotated.Key.Secrets) != 2 || rotated.Key.Secrets[1].ID != created.Key.Secrets[0].ID {
		t.Fatalf("the secrets are %+v", rotated.Key.Secrets)
	}
	end := rotated.Key.Secrets[1].ExpiresAt
	if want := f.stored().Add(time.Hour); !end.Equal(want) {
		t.Fatalf("the old secret ends at %v, want %v", end, want)
	}
	f.advance(end.Sub(f.Now()) - 1)
	if !f.works(t, id, created.Secret) || !f.works(t, id, rotated.Secret) {
		t.Error("a nanosecond before the end one of the secrets does not work")
	}
	f.advance(1)
	if f.works(t, id, created.Secret) || !f.works(t, id, rotated.Secret) {
		t.Error("at the end the old secret works, or the new one does not")
	}
	if _, _, err := f.auth.Authenticate(t.Context(), id, created.Secret); reasonOf(err) != apikey.ExpiredSecret {
		t.Errorf("the reason is %q", reasonOf(err))
	}
}

func TestThereAreNeverThreeValidSecrets(t *testing.T) {
	f := newFixture(t)
	first := f.create(t, "Acme")
	id := first.Key.ClientID
	second, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f.advance(time.Hour - time.Microsecond - 789) // to within the last microsecond of the grace period
	if _, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Second); !errors.Is(err, apikey.ErrRotationInProgress) {
		t.Fatalf("within the grace period: %v", err)
	}
	if !f.works(t, id, first.Secret) || !f.works(t, id, second.Secret) {
		t.Error("a refused rotation ended a secret")
	}
	f.advance(2 * time.Microsecond)
	third, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Hour)
	if err != nil {
		t.Fatalf("after the grace period: %v", err)
	}
	if f.works(t, id, first.Secret) || !f.works(t, id, second.Secret) || !f.works(t, id, third.Secret) {
		t.Error("after the third rotation the wrong secrets work")
	}
	fourth, err := f.RotateSecret(t.Context(), ana(), id, nil, 0)
	if err != nil {
		t.Fatalf("now, within a grace period: %v", err)
	}
	if f.works(t, id, second.Secret) || f.works(t, id, third.Secret) || !f.works(t, id, fourth.Secret) {
		t.Error("rotating now left an older secret")
	}
	if len(fourth.Key.Secrets) != 1 || fourth.Key.Generation != 2 {
		t.Errorf("%d secrets, generation %d", len(fourth.Key.Secrets), fourth.Key.Generation)
	}
}

func TestGraceIsAtMostAWeek(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	for _, grace := range []time.Duration{-1, -time.Hour, apikey.GraceMax + 1, 1 << 62} {
		_, err := f.RotateSecret(t.Context(), ana(), id, nil, grace)
		if fields := fieldsOf(err); len(fields) != 1 || fields[0] != "grace_period_seconds" {
			t.Errorf("a grace of %v: %v", grace, err)
		}
	}
	if _, err := f.RotateSecret(t.Context(), ana(), id, nil, apikey.GraceMax); err != nil {
		t.Errorf("a week: %v", err)
	}
}

func TestOfTwoRotationsAtOnceOneWins(t *testing.T) {
	for _, grace := range []time.Duration{0, time.Hour} {
		f := newFixture(t)
		created := f.create(t, "Acme")
		id := created.Key.ClientID
		// Both have read the key before either of them changes it.
		meeting := newMeeting(f.store, 2)
		service := f.withStore(t, meeting)
		type result struct {
			apikey.Created
			err error
		}
		results := make(chan result, 2)
		for range 2 {
			go func() {
				rotated, err := service.RotateSecret(t.Context(), ana(), id, nil, grace)
				results <- result{rotated, err}
			}()
		}
		one, other := <-results, <-results
		if one.err != nil {
			one, other = other, one
		}
		if one.err != nil || !errors.Is(other.err, apikey.ErrConflict) || other.Secret != "" {
			t.Fatalf("with a grace of %v the results are %v and %v", grace, one.err, other.err)
		}
		if !f.works(t, id, one.Secret) || f.works(t, id, created.Secret) != (grace > 0) {
			t.Errorf("with a grace of %v the wrong secrets work", grace)
		}
		if _, n := f.lastEvent(t); n != 2 {
			t.Errorf("%d events", n)
		}
	}
}

func TestOfTwoRotationsOfOneVersionTheLoserIsToldThatItChanged(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	service := f.withStore(t, newMeeting(f.store, 2))
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := service.RotateSecret(t.Context(), ana(), id, apikey.Match{1}, 0)
			results <- err
		}()
	}
	one, other := <-results, <-results
	if one != nil {
		one, other = other, one
	}
	if one != nil || !errors.Is(other, apikey.ErrPreconditionFailed) {
		t.Errorf("the results are %v and %v", one, other)
	}
}

func TestOnlyAnOldSecretCanBeRetired(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	id, old := created.Key.ClientID, created.Key.Secrets[0].ID
	retire := func(secretID string) error { return f.RetireSecret(t.Context(), ana(), id, secretID, nil) }
	if err := retire(old); !errors.Is(err, apikey.ErrCurrentSecret) {
		t.Errorf("the current secret: %v", err)
	}
	rotated, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := retire(rotated.Key.Secrets[0].ID); !errors.Is(err, apikey.ErrCurrentSecret) {
		t.Errorf("the new current secret: %v", err)
	}
	if err := retire("no such secret"); !errors.Is(err, apikey.ErrSecretNotFound) {
		t.Errorf("an unknown secret: %v", err)
	}
	other := f.create(t, "Other")
	if _, err := f.RotateSecret(t.Context(), ana(), other.Key.ClientID, nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := retire(other.Key.Secrets[0].ID); !errors.Is(err, apikey.ErrSecretNotFound) {
		t.Errorf("another key's secret: %v", err)
	}
	if !f.works(t, id, created.Secret) {
		t.Fatal("the old secret ended before it was retired")
	}
	if err := retire(old); err != nil {
		t.Fatal(err)
	}
	if f.works(t, id, created.Secret) || !f.works(t, id, rotated.Secret) {
		t.Error("after retiring the old secret works, or the new one does not")
	}
	if err := retire(old); !errors.Is(err, apikey.ErrSecretNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := f.RotateSecret(t.Context(), ana(), id, nil, time.Hour); err != nil {
		t.Errorf("rotating again after the old secret was retired: %v", err)
	}
}

func TestASecretWhoseGraceHasEndedCanNotBeRetired(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	if _, err := f.RotateSecret(t.Context(), ana(), created.Key.ClientID, nil, time.Minute); err != nil {
		t.Fatal(err)
	}
	f.advance(time.Minute)
	err := f.RetireSecret(t.Context(), ana(), created.Key.ClientID, created.Key.Secrets[0].ID, nil)
	if !errors.Is(err, apikey.ErrSecretNotFound) {
		t.Errorf("the error is %v", err)
	}
}

func TestAnInactiveKeysSecretCanBeRotated(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	if _, err := f.Deactivate(t.Context(), ana(), id, nil); err != nil {
		t.Fatal(err)
	}
	rotated, err := f.RotateSecret(t.Context(), ana(), id, nil, 0)
	if err != nil || rotated.Key.Status != apikey.Inactive {
		t.Fatalf("status %s, %v", rotated.Key.Status, err)
	}
	if f.works(t, id, rotated.Secret) {
		t.Error("an inactive key is let in")
	}
	if _, err := f.Activate(t.Context(), ana(), id, nil); err != nil {
		t.Fatal(err)
	}
	if !f.works(t, id, rotated.Secret) {
		t.Error("the new secret does not work after activation")
	}
}
