package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/scope"
)

// verifyRoutes decide about requests on behalf of a gateway that asks before it lets them through.
type verifyRoutes struct{ oauth *oauth.Server }

// register takes any method, since some gateways ask with the method of the request, and anything below the path, since
// some append its path.
func (r verifyRoutes) register(e *echo.Echo) {
	e.Any("/oauth2/verify", r.verify)
	e.Any("/oauth2/verify/*", r.verify)
}

func (r verifyRoutes) verify(c echo.Context) error {
	all, any, err := wantedScopes(c)
	if err != nil {
		return oauthError(c, err)
	}
	h := c.Response().Header()
	credentials := c.Request().Header.Values(echo.HeaderAuthorization)
	if len(credentials) == 0 {
		h.Set(echo.HeaderWWWAuthenticate, "Bearer "+realm) // RFC 6750 §3.1: no error code without a token
		return c.NoContent(http.StatusUnauthorized)
	}
	scheme, raw, _ := strings.Cut(credentials[0], " ")
	if len(credentials) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return refuseToken(c)
	}
	claims, err := r.oauth.VerifyActive(c.Request().Context(), strings.TrimLeft(raw, " "))
	switch {
	case errors.Is(err, oauth.ErrInvalidToken):
		return refuseToken(c)
	case err != nil:
		return oauthError(c, err)
	}
	if !claims.Scopes.CoversAll(all) || len(any) > 0 && !claims.Scopes.CoversAny(any) {
		wanted := append(all, any...)
		h.Set(echo.HeaderWWWAuthenticate, `Bearer `+realm+`, error="insufficient_scope", scope="`+wanted.String()+`"`)
		return c.NoContent(http.StatusForbidden)
	}
	h.Set("X-Client-Id", claims.ClientID)
	h.Set("X-Tenancy-Id", claims.TenancyID)
	h.Set("X-Scope", claims.Scopes.String())
	return c.NoContent(http.StatusOK)
}

func refuseToken(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer "+realm+`, error="invalid_token"`)
	return c.NoContent(http.StatusUnauthorized)
}

// wantedScopes reads ?scope= and ?any_scope=. Errors: an oauth.Error with invalid_request.
func wantedScopes(c echo.Context) (all, any scope.Set, err error) {
	if c.Request().URL.RawQuery == "" {
		return nil, nil, nil
	}
	query := c.QueryParams()
	if all, err = scope.ParseSet(strings.Join(query["scope"], " ")); err == nil {
		any, err = scope.ParseSet(strings.Join(query["any_scope"], " "))
	}
	if err != nil {
		return nil, nil, &oauth.Error{Code: oauth.InvalidRequest, Description: err.Error()}
	}
	return all, any, nil
}
