package api_test

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

func rotation(seconds int) map[string]int { return map[string]int{"grace_period_seconds": seconds} }

func TestARotationWithoutGraceEndsTheOldSecretAndItsTokens(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program", "settings.api-keys:readonly")
		program := s.program(t, k)
		rotated := admin.post(k.path()+"/rotate-secret", rotation(0)).wants(http.StatusOK).key()
		if rotated.ClientSecret == k.ClientSecret || rotated.ClientID != k.ClientID || len(rotated.Secrets) != 1 || rotated.etag != `"2"` {
			t.Errorf("got %+v", rotated)
		}
		program.get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		if admin.exchanges(k.ClientID, k.ClientSecret) || !admin.exchanges(k.ClientID, rotated.ClientSecret) {
			t.Error("the wrong secret works")
		}
	})
}

func TestARotationWithGraceKeepsBothSecretsUntilItEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program", "settings.api-keys:readonly")
		program := s.program(t, k)
		rotated := admin.post(k.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK).key()
		if len(rotated.Secrets) != 2 || rotated.Secrets[0].ExpiresAt != nil || rotated.Secrets[1].ExpiresAt == nil {
			t.Errorf("got %+v", rotated.Secrets)
		}
		program.get("/v1/api-keys").wants(http.StatusOK)
		if !admin.exchanges(k.ClientID, k.ClientSecret) || !admin.exchanges(k.ClientID, rotated.ClientSecret) {
			t.Error("both secrets should work")
		}
		admin.post(k.path()+"/rotate-secret", rotation(60)).refused(http.StatusConflict, "api-key/rotation-in-progress")
		s.pass(time.Hour)
		if admin.exchanges(k.ClientID, k.ClientSecret) || !admin.exchanges(k.ClientID, rotated.ClientSecret) {
			t.Error("the wrong secret works after the grace period")
		}
		if got := admin.get(k.path()).wants(http.StatusOK).key(); len(got.Secrets) != 1 {
			t.Errorf("got %+v", got.Secrets)
		}
		admin.post(k.path()+"/rotate-secret", rotation(60)).wants(http.StatusOK)
	})
}

func TestAnOldSecretCanBeRetiredEarlyAndTheCurrentOneCanNot(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program")
		rotated := admin.post(k.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK).key()
		current, old := rotated.Secrets[0].ID, rotated.Secrets[1].ID
		admin.delete(k.path()+"/secrets/"+current).refused(http.StatusConflict, "api-key/conflict")
		admin.delete(k.path()+"/secrets/nothing").refused(http.StatusNotFound, "secret/not-found")
		admin.delete("/v1/api-keys/ak_nothing/secrets/"+old).refused(http.StatusNotFound, "api-key/not-found")
		admin.with("If-Match", k.etag).delete(k.path()+"/secrets/"+old).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
		admin.with("If-Match", rotated.etag).delete(k.path() + "/secrets/" + old).wants(http.StatusNoContent)
		admin.delete(k.path()+"/secrets/"+old).refused(http.StatusNotFound, "secret/not-found")
		if admin.exchanges(k.ClientID, k.ClientSecret) || !admin.exchanges(k.ClientID, rotated.ClientSecret) {
			t.Error("the wrong secret works")
		}
	})
}

func TestOfTwoRotationsAtOnceOneWins(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program")
		var mu sync.Mutex
		var winners []createdKey
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				a := admin.with("If-Match", k.etag).post(k.path()+"/rotate-secret", rotation(0))
				mu.Lock()
				defer mu.Unlock()
				switch a.StatusCode {
				case http.StatusOK:
					winners = append(winners, a.key())
				case http.StatusConflict, http.StatusPreconditionFailed:
				default:
					t.Errorf("got %d %s", a.StatusCode, a.body)
				}
			})
		}
		group.Wait()
		if len(winners) != 1 {
			t.Fatalf("%d won", len(winners))
		}
		if !admin.exchanges(k.ClientID, winners[0].ClientSecret) {
			t.Error("the winner's secret does not work")
		}
	})
}
