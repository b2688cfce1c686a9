package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/client"
)

func TestAKeyIsCreatedWithItsSecretShownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		a := admin.post("/v1/api-keys", map[string]any{
			"name": " ERP ", "description": "nightly", "scopes": []string{"cca:readonly", "autofix:admin", "cca:readonly"},
			"token_lifespan": map[string]any{"value": 30, "unit": "minutes"},
		}).wants(http.StatusCreated)
		k := a.key()
		if k.Name != "ERP" || k.Description != "nightly" || k.Status != "active" || k.etag != `"1"` || a.Header.Get("Location") != k.path() ||
			fmt.Sprint(k.Scopes) != "[autofix:admin cca:readonly]" || fmt.Sprint(k.Lifespan) != "map[unit:minutes value:30]" {
			t.Errorf("got %+v", k)
		}
		if !admin.exchanges(k.ClientID, k.ClientSecret) {
			t.Error("the secret does not work")
		}
		for _, a := range []answer{admin.get(k.path()), admin.get("/v1/api-keys"), admin.patch(k.path(), map[string]any{"description": ""})} {
			if a.wants(http.StatusOK); strings.Contains(string(a.body), k.ClientSecret) {
				t.Errorf("the secret is shown again: %s", a.body)
			}
		}
	})
}

func TestALifespanIsAnHourUnlessItIsGiven(t *testing.T) {
	s := onOne(t)
	if k := s.admin(t).create("key"); fmt.Sprint(k.Lifespan) != "map[unit:hours value:1]" {
		t.Errorf("got %v", k.Lifespan)
	}
}

func TestAnEditChangesWhatItNamesAndNothingElse(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("before", "cca:admin", "spot:admin")
		a := admin.do("PATCH", k.path(), "application/merge-patch+json", strings.NewReader(`{"name":"after","token_lifespan":{"value":7}}`)).wants(http.StatusOK)
		if got := a.key(); got.Name != "after" || fmt.Sprint(got.Scopes, got.Lifespan) != "[cca:admin spot:admin] map[unit:hours value:7]" || got.etag != `"2"` {
			t.Errorf("got %+v", got)
		}
		a = admin.patch(k.path(), map[string]any{"scopes": []string{"spot:readonly"}, "description": "text", "token_lifespan": map[string]any{"unit": "minutes", "value": 55}}).wants(http.StatusOK)
		if got := a.key(); got.Name != "after" || got.Description != "text" || fmt.Sprint(got.Scopes, got.Lifespan) != "[spot:readonly] map[unit:minutes value:55]" {
			t.Errorf("got %+v", got)
		}
		if got := admin.patch(k.path(), map[string]any{"name": "after"}).wants(http.StatusOK).key(); got.etag != `"3"` {
			t.Errorf("an edit without a difference made version %s", got.etag)
		}
	})
}

func TestANameIsTakenOnceInATenancyWhateverItsCase(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		admin.create("Straße")
		other := admin.create("other")
		body := map[string]any{"name": "STRASSE", "scopes": []string{"cca:admin"}}
		if got := admin.post("/v1/api-keys", body).refused(http.StatusConflict, "api-key/name-taken").fields(); got != "name is taken by another API key" {
			t.Errorf("got %q", got)
		}
		admin.patch(other.path(), map[string]any{"name": "strasse"}).refused(http.StatusConflict, "api-key/name-taken")
		_, email := s.otherTenancy(t)
		s.as(t, email).create("Straße")
	})
}

func TestAKeyIsListedSearchedFilteredSortedAndPaged(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		var last createdKey
		for _, name := range []string{"Previsão", "alpha", "Beta", "100%_sure"} {
			last = admin.create(name)
			s.pass(time.Second)
		}
		admin.post(last.path()+"/deactivate", nil).wants(http.StatusOK)
		for query, names := range map[string]string{
			"":                                "100%_sure,Beta,alpha,Previsão",
			"?sort_field=name&sort_order=ASC": "100%_sure,alpha,Beta,Previsão",
			"?sort_order=ASC":                 "Previsão,alpha,Beta,100%_sure",
			"?search=PREVISAO":                "Previsão",
			"?search=%25_":                    "100%_sure",
			"?search=%25":                     "100%_sure",
			"?search=nothing":                 "",
			"?search=" + last.ClientID:        "100%_sure",
			"?search=" + last.ClientID[:20]:   "",
			"?status=active&sort_field=name":  "Previsão,Beta,alpha",
			"?status=inactive":                "100%_sure",
			"?status=all&page=2&page_size=3":  "Previsão",
			"?page=1000000&page_size=100":     "",
		} {
			if got := admin.get("/v1/api-keys" + query).names(); got != names {
				t.Errorf("%s: got %q, want %q", query, got, names)
			}
		}
		var page struct{ Meta map[string]any }
		admin.get("/v1/api-keys?page=2&page_size=3").decode(&page)
		if got := fmt.Sprint(page.Meta); got != "map[page:2 page_size:3 total:4 total_capped:false]" {
			t.Errorf("got %s", got)
		}
	})
}

func TestADeletedKeyIsGone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("key")
		program := s.program(t, admin.create("reader", "settings:admin"))
		if a := admin.delete(k.path()).wants(http.StatusNoContent); len(a.body) > 0 {
			t.Errorf("got a body: %s", a.body)
		}
		admin.get(k.path()).refused(http.StatusNotFound, "api-key/not-found")
		admin.delete(k.path()).refused(http.StatusNotFound, "api-key/not-found")
		program.get(k.path()).refused(http.StatusNotFound, "api-key/not-found")
		if admin.exchanges(k.ClientID, k.ClientSecret) {
			t.Error("its secret still works")
		}
		admin.create("key")
	})
}

func TestDeactivatingEndsATokenAndActivatingDoesNotBringItBack(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program", "settings.api-keys:readonly")
		program := s.program(t, k)
		program.get("/v1/api-keys").wants(http.StatusOK)
		if got := admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK).key(); got.Status != "inactive" || got.etag != `"2"` {
			t.Errorf("got %+v", got)
		}
		if got := admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK).key(); got.etag != `"2"` {
			t.Error("deactivating again made a new version")
		}
		program.get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		if admin.exchanges(k.ClientID, k.ClientSecret) {
			t.Error("an inactive key gets tokens")
		}
		if got := admin.post(k.path()+"/activate", nil).wants(http.StatusOK).key(); got.Status != "active" {
			t.Errorf("got %+v", got)
		}
		program.get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		s.program(t, k).get("/v1/api-keys").wants(http.StatusOK)
	})
}

func TestRevokingTokensEndsThemAndTheKeyLivesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program", "settings.api-keys:readonly")
		program := s.program(t, k)
		admin.post(k.path()+"/revoke-tokens", nil).wants(http.StatusOK)
		program.get("/v1/api-keys").refused(http.StatusUnauthorized, "failed")
		s.program(t, k).get("/v1/api-keys").wants(http.StatusOK)
	})
}

func TestAChangeBasedOnAnOldVersionIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("key")
		edit := map[string]any{"description": "edited"}
		k2 := admin.with("If-Match", k.etag).patch(k.path(), edit).wants(http.StatusOK).key()
		for _, stale := range []string{k.etag, `"0"`, `"02"`, `W/` + k2.etag, "2", `"2`, `2"`, `"2" "3"`, "x", `"99999999999999999999"`, `W/"1", "1"`, `"-2"`, `""`} {
			c := admin.with("If-Match", stale)
			c.patch(k.path(), map[string]any{"description": "stale"}).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
			c.post(k.path()+"/deactivate", nil).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
			c.post(k.path()+"/activate", nil).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
			c.post(k.path()+"/revoke-tokens", nil).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
			c.post(k.path()+"/rotate-secret", map[string]int{"grace_period_seconds": 0}).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
			c.delete(k.path()).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
		}
		if got := admin.get(k.path()).key(); got.etag != k2.etag || got.Description != "edited" {
			t.Errorf("changed: %+v", got)
		}
		for i, fresh := range []string{"*", `"1", "2", "3"`, `W/"9" , "4",`, `"5"`} {
			admin.with("If-Match", fresh).patch(k.path(), map[string]any{"description": fmt.Sprint(i)}).wants(http.StatusOK)
		}
		admin.with("If-Match", `"1"`).get("/v1/api-keys/ak_nothing").refused(http.StatusNotFound, "api-key/not-found")
		admin.with("If-Match", `"1"`).delete("/v1/api-keys/ak_nothing").refused(http.StatusNotFound, "api-key/not-found")
	})
}

func TestOfTwoEditsAtOnceOneWinsAndNothingIsLost(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("key")
		const editors = 8
		statuses := make(chan int, editors)
		var group sync.WaitGroup
		for i := range editors {
			group.Go(func() {
				statuses <- admin.with("If-Match", k.etag).patch(k.path(), map[string]any{"description": fmt.Sprint(i)}).StatusCode
			})
		}
		group.Wait()
		close(statuses)
		won := 0
		for status := range statuses {
			switch status {
			case http.StatusOK:
				won++
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("got %d", status)
			}
		}
		if now := admin.get(k.path()).key(); won != 1 || now.etag != `"2"` {
			t.Errorf("%d won, and the key is at %s", won, now.etag)
		}
	})
}

func TestARetriedCreateMakesOneKeyAndGetsTheFirstAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		body := map[string]any{"name": "once", "scopes": []string{"cca:admin"}}
		once := admin.with("Idempotency-Key", "retry-1")
		const attempts = 6
		keys := make(chan createdKey, attempts)
		var group sync.WaitGroup
		for range attempts {
			group.Go(func() {
				if a := once.post("/v1/api-keys", body); a.StatusCode == http.StatusCreated {
					keys <- a.key()
				} else {
					t.Errorf("got %d %s", a.StatusCode, a.body)
				}
			})
		}
		group.Wait()
		close(keys)
		first, ok := <-keys
		if !ok {
			t.Fatal("none succeeded")
		}
		for k := range keys {
			if k.ClientID != first.ClientID || k.ClientSecret != first.ClientSecret || k.etag != first.etag {
				t.Errorf("got %+v, and %+v", first, k)
			}
		}
		if got := admin.get("/v1/api-keys").names(); got != "once" {
			t.Errorf("made %s", got)
		}
		once.post("/v1/api-keys", map[string]any{"name": "once", "scopes": []string{"cca:readonly"}}).refused(http.StatusUnprocessableEntity, "idempotency/mismatch")
		_, email := s.otherTenancy(t)
		if k := s.as(t, email).with("Idempotency-Key", "retry-1").post("/v1/api-keys", body).wants(http.StatusCreated).key(); k.ClientID == first.ClientID {
			t.Error("another caller got the answer")
		}
		s.pass(25 * time.Hour)
		s.admin(t).with("Idempotency-Key", "retry-1").post("/v1/api-keys", body).refused(http.StatusConflict, "api-key/name-taken")
	})
}

func TestTheGoClientManagesKeysWithATokenOfItsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		k := s.admin(t).create("automation", "settings.api-keys:editor", "cca:admin")
		keys, err := client.New(s.url, k.ClientID, k.ClientSecret, client.WithHTTPClient(&http.Client{Transport: contractTransport{t}}))
		if err != nil {
			t.Fatal(err)
		}
		created, err := keys.CreateAPIKeyWithResponse(t.Context(), nil, client.APIKeyCreate{Name: "made by a program", Scopes: []string{"cca:editor"}})
		if err != nil || created.JSON201 == nil {
			t.Fatalf("%v %+v", err, created)
		}
		if created.JSON201.CreatedBy != k.ClientID {
			t.Errorf("created by %s", created.JSON201.CreatedBy)
		}
		name := "renamed"
		updated, err := keys.UpdateAPIKeyWithApplicationMergePatchPlusJSONBodyWithResponse(t.Context(), created.JSON201.ClientID,
			&client.UpdateAPIKeyParams{IfMatch: &created.Headers201.ETag}, client.APIKeyPatch{Name: &name})
		if err != nil || updated.JSON200 == nil || updated.JSON200.Name != name {
			t.Fatalf("%v %+v", err, updated)
		}
		s.admin(t).post(k.path()+"/revoke-tokens", nil).wants(http.StatusOK)
		listed, err := keys.ListAPIKeysWithResponse(t.Context(), &client.ListAPIKeysParams{Search: &name})
		if err != nil || listed.JSON200 == nil || len(listed.JSON200.Items) != 1 {
			t.Fatalf("%v %+v", err, listed)
		}
		deleted, err := keys.DeleteAPIKeyWithResponse(t.Context(), created.JSON201.ClientID, nil)
		if err != nil || deleted.StatusCode() != http.StatusNoContent {
			t.Fatalf("%v %+v", err, deleted)
		}
	})
}
