package api_test

import (
	"net/http"
	"testing"
)

func TestAKeyIsCreatedWithItsSecretShownOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		a := admin.post("/v1/api-keys", map[string]any{
			"name": " ERP ", "description": "nightly", "scopes": []string{"cca:readonly"}, "token_lifespan": map[string]any{"value": 30, "unit": "minutes"},
		}).wants(http.StatusCreated)
		k := a.key()
		if k.Name != "ERP" || k.Description != "nightly" || k.Status != "active" || k.etag != `"1"` || a.Header.Get("Location") != k.path() {
			t.Errorf("got %+v", k)
		}
		if !admin.exchanges(k.ClientID, k.ClientSecret) {
			t.Error("the secret does not work")
		}
		again := admin.get(k.path()).wants(http.StatusOK).key()
		if again.ClientSecret != "" || again.etag != k.etag {
			t.Errorf("got %+v", again)
		}
	})
}
