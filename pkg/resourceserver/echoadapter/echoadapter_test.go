package echoadapter_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/echoadapter"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

func TestEchoRoutesAreProtected(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	whoami := func(c echo.Context) error {
		identity, ok := echoadapter.Identity(c)
		if !ok {
			return echo.ErrInternalServerError
		}
		return c.String(http.StatusOK, identity.ClientID)
	}
	e := echo.New()
	scopes := []string{"cca:readonly", "spot:readonly"}
	e.GET("/all", whoami, echoadapter.Require(verifier, scopes...))
	scopes[1] = "cca:readonly" // must not affect the route
	e.GET("/any", whoami, echoadapter.RequireAny(verifier, "cca:readonly", "spot:readonly"))
	e.GET("/tenancies/:tenancy_id", whoami, echoadapter.Middleware(verifier, func(c echo.Context) []resourceserver.Requirement {
		return []resourceserver.Requirement{resourceserver.Tenancy(c.Param("tenancy_id"))}
	}))

	both := issuer.Token(resourceservertest.Claims{"scope": "cca:admin spot:admin"})
	one := issuer.Token(resourceservertest.Claims{"scope": "cca:admin"})
	none := issuer.Token()
	tests := []struct {
		path, token string
		status      int
	}{
		{"/all", both, 200},
		{"/all", one, 403},
		{"/all", "", 401},
		{"/all", "broken", 401},
		{"/any", one, 200},
		{"/any", none, 403},
		{"/tenancies/" + resourceservertest.TenancyID, none, 200},
		{"/tenancies/other", none, 403},
	}
	for _, test := range tests {
		request := httptest.NewRequest(http.MethodGet, test.path, nil)
		if test.token != "" {
			request.Header.Set("Authorization", "Bearer "+test.token)
		}
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, request)
		if recorder.Code != test.status {
			t.Errorf("GET %s: got %d %s, want %d", test.path, recorder.Code, recorder.Body, test.status)
		}
		if test.status == 200 && recorder.Body.String() != resourceservertest.ClientID {
			t.Errorf("GET %s: got %s", test.path, recorder.Body)
		}
		if test.status == 401 && recorder.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("GET %s: no challenge", test.path)
		}
	}
}
