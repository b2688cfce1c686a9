package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/token"
)

// verifyRoutes decide about requests on behalf of a gateway, which asks before it lets them through.
type verifyRoutes struct{ oauth *oauth.Server }

const verifyPath = "/oauth2/verify"

// register accepts any method, since some gateways ask with the method of the original request, and any path below verifyPath,
// since some append the original path. RouteNotFound catches the methods that Any does not know.
func (r verifyRoutes) register(e *echo.Echo) {
	for _, path := range []string{verifyPath, verifyPath + "/*"} {
		e.Any(path, r.verify)
		e.RouteNotFound(path, r.verify)
	}
}

// verify answers 200 without a body if the token suffices. Of that answer, a gateway reads three headers and drops the rest. The
// headers that tell browsers how to treat a document would cost more than finding the token, so only refusals have them.
func (r verifyRoutes) verify(c echo.Context) error {
	claims, err := r.decide(c.Request())
	h := c.Response().Header()
	if err == nil {
		values := [...]string{claims.ClientID, claims.TenancyID, claims.Scope}
		fields := values[:] // one allocation for three headers
		h["X-Client-Id"], h["X-Tenancy-Id"], h["X-Scope"] = fields[0:1:1], fields[1:2:2], fields[2:3:3]
		return c.NoContent(http.StatusOK)
	}
	if refused, ok := errors.AsType[*fault](err); ok {
		confineDocument(h)
		h.Set(echo.HeaderWWWAuthenticate, refused.challenge)
		return c.NoContent(refused.status)
	}
	return err
}

// decide returns the claims of a token that lets a request through. Errors: a fault with a challenge; an oauth.Error with
// invalid_request; apikey.ErrUnavailable.
func (r verifyRoutes) decide(request *http.Request) (token.Claims, error) {
	wanted, err := wantedScopes(request.URL)
	if err != nil {
		return token.Claims{}, err
	}
	credentials := request.Header[echo.HeaderAuthorization]
	if len(credentials) == 0 {
		return token.Claims{}, &fault{status: http.StatusUnauthorized, challenge: "Bearer " + realm} // RFC 6750 §3.1: no error code without a token
	}
	scheme, raw, _ := strings.Cut(credentials[0], " ")
	if len(credentials) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return token.Claims{}, invalidToken()
	}
	claims, err := r.oauth.VerifyActive(request.Context(), strings.TrimLeft(raw, " "))
	switch {
	case errors.Is(err, oauth.ErrInvalidToken):
		return token.Claims{}, invalidToken()
	case err != nil:
		return token.Claims{}, err
	case !wanted.coveredBy(claims.Scopes):
		return token.Claims{}, &fault{status: http.StatusForbidden, challenge: "Bearer " + realm + `, error="insufficient_scope", scope="` + wanted.named().String() + `"`}
	}
	return claims, nil
}

func invalidToken() *fault {
	return &fault{status: http.StatusUnauthorized, challenge: "Bearer " + realm + `, error="invalid_token"`}
}

// requirement is what a gateway requires a token to cover: every scope of all, and at least one scope of each set in any.
type requirement struct {
	all scope.Set
	any []scope.Set
}

func (r requirement) coveredBy(granted scope.Set) bool {
	for _, one := range r.any {
		if !granted.CoversAny(one) {
			return false
		}
	}
	return granted.CoversAll(r.all)
}

// named returns every scope that the requirement names.
func (r requirement) named() scope.Set {
	named := append(scope.Set{}, r.all...)
	for _, one := range r.any {
		named = append(named, one...)
	}
	return scope.NewSet(named...)
}

// wantedScopes reads ?scope= and ?any_scope=. Some gateways append the path and query of the original request to the address that
// they were given, so a caller may control a part of the query. Therefore a further parameter can only ever require more,
// anything unreadable is refused, and nothing after uri= is read. Errors: an oauth.Error with invalid_request.
func wantedScopes(u *url.URL) (requirement, error) {
	if u.RawQuery == "" {
		return requirement{}, nil
	}
	invalid := func(description string) (requirement, error) {
		return requirement{}, &oauth.Error{Code: oauth.InvalidRequest, Description: description}
	}
	own, _, _ := strings.Cut("&"+u.RawQuery, "&uri=")
	query, err := url.ParseQuery(strings.TrimPrefix(own, "&"))
	if err != nil {
		return invalid("the query is malformed")
	}
	appended := strings.TrimSuffix(u.Path, "/") != verifyPath // then the rest of the query is the original request's, too
	var r requirement
	for name, values := range query {
		for _, value := range values {
			scopes, err := scope.ParseSet(value)
			switch {
			case name != "scope" && name != "any_scope":
				if !appended {
					return invalid("the only parameters are scope, any_scope and uri") // a misspelt one would let everybody in
				}
			case err != nil:
				return invalid(name + " is malformed: " + err.Error())
			case len(scopes) == 0: // such as a variable that the gateway has not set
				return invalid(name + " names no scope")
			case name == "scope":
				r.all = append(r.all, scopes...)
			default:
				r.any = append(r.any, scopes)
			}
		}
	}
	return r, nil
}
