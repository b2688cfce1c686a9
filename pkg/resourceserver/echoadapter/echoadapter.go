// Package echoadapter protects Echo routes with a resourceserver.Verifier. It owns nothing but the adaptation, and is a separate
// package so that importers that don't use Echo don't depend on it.
package echoadapter

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/resourceserver"
)

// Require returns middleware that passes requests on if they carry a live token that covers all of scopes; see
// resourceserver.Verifier.Require. Inside the handler, Identity returns the bearer's identity.
func Require(v *resourceserver.Verifier, scopes ...string) echo.MiddlewareFunc {
	return require(v, resourceserver.AllScopes(slices.Clone(scopes)...))
}

// RequireAny is Require for tokens that cover at least one of scopes.
func RequireAny(v *resourceserver.Verifier, scopes ...string) echo.MiddlewareFunc {
	return require(v, resourceserver.AnyScope(slices.Clone(scopes)...))
}

// require is Middleware with the same requirement for every request.
func require(v *resourceserver.Verifier, requirement resourceserver.Requirement) echo.MiddlewareFunc {
	requirements := []resourceserver.Requirement{requirement}
	return Middleware(v, func(echo.Context) []resourceserver.Requirement { return requirements })
}

// Middleware is Require with requirements that depend on the request, such as resourceserver.Tenancy(c.Param("tenancy_id")).
func Middleware(v *resourceserver.Verifier, requirements func(echo.Context) []resourceserver.Requirement) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			request := c.Request()
			identity, err := v.VerifyRequest(request, requirements(c)...)
			if err != nil {
				v.Refuse(c.Response(), err)
				return nil
			}
			c.SetRequest(request.WithContext(resourceserver.NewContext(request.Context(), identity)))
			return next(c)
		}
	}
}

// Identity returns the identity that the middleware verified, and whether there is one.
func Identity(c echo.Context) (*resourceserver.Identity, bool) {
	return resourceserver.FromContext(c.Request().Context())
}
