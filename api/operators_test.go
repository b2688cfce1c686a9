package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/operator"
)

// person is an operator on the wire.
type person struct {
	ID, Email, Role, Status string
	InvitationExpiresAt     *time.Time `json:"invitation_expires_at"`
}

func (p person) path() string { return "/v1/operators/" + p.ID }

// invitation is the answer with a one-time token.
type invitation struct {
	Operator person
	Token    string
}

// people returns the tenancy's operators by e-mail address.
func (c *caller) people() map[string]person {
	c.t.Helper()
	var list struct{ Items []person }
	c.get("/v1/operators").wants(http.StatusOK).decode(&list)
	people := map[string]person{}
	for _, p := range list.Items {
		people[p.Email] = p
	}
	return people
}

func (c *caller) invite(email, role string) invitation {
	c.t.Helper()
	var made invitation
	c.post("/v1/operators", map[string]string{"email": email, "role": role}).wants(http.StatusCreated).decode(&made)
	return made
}

const newPassword = "another example password"

func accept(token string) map[string]string {
	return map[string]string{"token": token, "password": newPassword}
}

func TestAnInvitedOperatorSetsAPasswordOnceAndSignsIn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin, guest := s.admin(t), s.stranger(t)
		made := admin.invite("Ana@Example.com", "editor")
		if p := made.Operator; p.Email != "ana@example.com" || p.Role != "editor" || p.Status != "invited" || p.InvitationExpiresAt == nil {
			t.Errorf("got %+v", p)
		}
		guest.post("/v1/session", credentials("ana@example.com", "")).refused(http.StatusBadRequest, "bad-request/invalid-parameters")
		guest.post("/v1/session", credentials("ana@example.com", newPassword)).refused(http.StatusUnauthorized, "failed")
		short := map[string]string{"token": made.Token, "password": "too short"}
		guest.post("/v1/invitation", short).refused(http.StatusBadRequest, "bad-request/invalid-parameters")
		guest.post("/v1/invitation", accept(made.Token+"x")).refused(http.StatusNotFound, "invitation/not-found")
		guest.post("/v1/invitation", accept(made.Token)).wants(http.StatusOK)
		guest.post("/v1/invitation", accept(made.Token)).refused(http.StatusNotFound, "invitation/not-found")
		guest.post("/v1/session", credentials("ana@example.com", newPassword)).wants(http.StatusCreated)
		if p := admin.people()["ana@example.com"]; p.Status != "active" || p.InvitationExpiresAt != nil {
			t.Errorf("got %+v", p)
		}
		admin.post("/v1/operators", map[string]string{"email": "ana@example.com", "role": "admin"}).refused(http.StatusConflict, "operator/email-taken")
		for _, bad := range []map[string]string{{"email": "no address", "role": "admin"}, {"email": "a@b", "role": "owner"}, {"email": "a@b"}} {
			admin.post("/v1/operators", bad).refused(http.StatusBadRequest, "bad-request/invalid-parameters")
		}
	})
}

func TestALinkDiesAfterThreeDaysAndWhenThereIsANewerOne(t *testing.T) {
	s := onOne(t)
	admin, guest := s.admin(t), s.stranger(t)
	first := admin.invite("ana@example.com", "readonly")
	var second invitation
	admin.post(first.Operator.path()+"/reset-password", nil).wants(http.StatusOK).decode(&second)
	guest.post("/v1/invitation", accept(first.Token)).refused(http.StatusNotFound, "invitation/not-found")
	s.pass(operator.LinkLifetime)
	guest.post("/v1/invitation", accept(second.Token)).refused(http.StatusNotFound, "invitation/not-found")
}

func TestTheLastAdminCanNotBeLost(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		self := admin.people()["admin@example.com"]
		admin.invite("invited@example.com", "admin") // an admin who can't sign in yet does not count
		for _, change := range []map[string]string{{"role": "editor"}, {"status": "deactivated"}} {
			admin.patch(self.path(), change).refused(http.StatusConflict, "operator/last-admin")
		}
		admin.delete(self.path()).refused(http.StatusConflict, "operator/last-admin")
		s.operator(t, s.tenancy(t), "bea@example.com", operator.Admin)
		admin.patch(self.path(), map[string]string{"role": "editor"}).wants(http.StatusOK)
		admin.get("/v1/operators").refused(http.StatusForbidden, "authorization/forbidden")
		bea := s.as(t, "bea@example.com")
		bea.delete(self.path()).wants(http.StatusNoContent)
		admin.get("/v1/session").refused(http.StatusUnauthorized, "failed")
		bea.delete(self.path()).refused(http.StatusNotFound, "operator/not-found")
	})
}

func TestDeactivatingAnOperatorEndsItsSessionsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		s.operator(t, s.tenancy(t), "ana@example.com", operator.Editor)
		ana := s.as(t, "ana@example.com")
		path := admin.people()["ana@example.com"].path()
		admin.patch(path, map[string]string{"status": "deactivated"}).wants(http.StatusOK)
		ana.get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		s.stranger(t).post("/v1/session", credentials("ana@example.com", password)).refused(http.StatusUnauthorized, "failed")
		admin.patch(path, map[string]string{"status": "active"}).wants(http.StatusOK)
		ana.get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		s.as(t, "ana@example.com").get("/v1/api-keys").wants(http.StatusOK)
	})
}

func TestSigningOutEverywhereEndsEverySession(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		s.operator(t, s.tenancy(t), "ana@example.com", operator.Editor)
		laptop := s.as(t, "ana@example.com")
		s.pass(time.Minute)
		phone := s.as(t, "ana@example.com")
		path := admin.people()["ana@example.com"].path() + "/sessions"
		var list struct {
			Items []struct {
				StartedAt time.Time `json:"started_at"`
				IP        string
				Current   bool
			}
		}
		a := admin.get(path).wants(http.StatusOK)
		a.decode(&list)
		if len(list.Items) != 2 || !list.Items[0].StartedAt.After(list.Items[1].StartedAt) || list.Items[0].Current || list.Items[0].IP == "" {
			t.Errorf("got %s", a.body)
		}
		own := admin.get(admin.people()["admin@example.com"].path() + "/sessions").wants(http.StatusOK)
		if strings.Count(string(own.body), `"current":true`) != 1 {
			t.Errorf("got %s", own.body)
		}
		s.pass(2*time.Hour - 30*time.Second) // by then the laptop's session has ended
		admin = s.admin(t)
		if admin.get(path).wants(http.StatusOK).decode(&list); len(list.Items) != 1 {
			t.Errorf("with one that was not used for two hours: %+v", list.Items)
		}
		admin.delete(path).wants(http.StatusNoContent)
		for _, c := range []*caller{laptop, phone} {
			c.get("/v1/session").refused(http.StatusUnauthorized, "failed")
		}
		admin.get("/v1/session").wants(http.StatusOK)
	})
}

func TestChangingOnesPasswordKeepsThisSessionAndEndsTheOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		here, elsewhere := s.admin(t), s.admin(t)
		wrong := here.post("/v1/session/password", map[string]string{"current_password": "wrong", "new_password": newPassword})
		if p := wrong.refused(http.StatusBadRequest, "bad-request/invalid-parameters"); p.fields() != "current_password is wrong" {
			t.Errorf("got %s", wrong.body)
		}
		here.post("/v1/session/password", map[string]string{"current_password": password, "new_password": "short"}).
			refused(http.StatusBadRequest, "bad-request/invalid-parameters")
		here.post("/v1/session/password", map[string]string{"current_password": password, "new_password": newPassword}).wants(http.StatusNoContent)
		here.get("/v1/session").wants(http.StatusOK)
		elsewhere.get("/v1/session").refused(http.StatusUnauthorized, "failed")
		s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).refused(http.StatusUnauthorized, "failed")
		s.stranger(t).post("/v1/session", credentials("admin@example.com", newPassword)).wants(http.StatusCreated)
	})
}
