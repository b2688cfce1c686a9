package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/token"
)

// inquiryRoutes introspect and revoke single tokens.
type inquiryRoutes struct{ *server }

func (r inquiryRoutes) register(e *echo.Echo) {
	e.POST("/oauth2/introspect", r.introspect)
	e.POST("/oauth2/revoke", r.revoke)
}

// introspection is the answer of RFC 7662 §2.2.
type introspection struct {
	Active     bool   `json:"active"`
	Scope      string `json:"scope,omitempty"`
	ClientID   string `json:"client_id,omitempty"`
	TenancyID  string `json:"tenancy_id,omitempty"`
	TokenType  string `json:"token_type,omitempty"`
	Issuer     string `json:"iss,omitempty"`
	Audience   string `json:"aud,omitempty"`
	Subject    string `json:"sub,omitempty"`
	TokenID    string `json:"jti,omitempty"`
	IssuedAt   int64  `json:"iat,omitempty"`
	NotBefore  int64  `json:"nbf,omitempty"`
	ExpiresAt  int64  `json:"exp,omitempty"`
	Generation int64  `json:"gen,omitempty"`
}

func newIntrospection(c token.Claims) introspection {
	return introspection{
		Active: true, Scope: c.Scope, ClientID: c.ClientID, TenancyID: c.TenancyID, TokenType: "Bearer",
		Issuer: c.Issuer, Audience: c.Audience, Subject: c.ClientID, TokenID: c.TokenID,
		IssuedAt: c.IssuedAt.Unix(), NotBefore: c.IssuedAt.Unix(), ExpiresAt: c.ExpiresAt.Unix(), Generation: c.Generation,
	}
}

// introspect handles POST /oauth2/introspect.
func (r inquiryRoutes) introspect(c echo.Context) error {
	inquirer, raw, err := r.inquiry(c, reader)
	if err != nil {
		return err
	}
	claims, err := r.oauth.Introspect(c.Request().Context(), inquirer, raw)
	switch {
	case errors.Is(err, oauth.ErrInvalidToken):
		return writeBody(c, http.StatusOK, echo.MIMEApplicationJSON, introspection{})
	case err != nil:
		return err
	}
	return writeBody(c, http.StatusOK, echo.MIMEApplicationJSON, newIntrospection(claims))
}

// revoke handles POST /oauth2/revoke.
func (r inquiryRoutes) revoke(c echo.Context) error {
	inquirer, raw, err := r.inquiry(c, writer)
	if err != nil {
		return err
	}
	if err := r.oauth.Revoke(c.Request().Context(), inquirer, raw); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// inquiry returns who asks, and the token in question. A caller that sends client credentials acts as that client. A session
// counts only if there are no credentials, and its operator needs the role of n.
func (r inquiryRoutes) inquiry(c echo.Context, n need) (oauth.Inquirer, string, error) {
	form, err := readForm(c)
	if err != nil {
		return oauth.Inquirer{}, "", err
	}
	inquirer, err := r.inquirer(c, form, n)
	if err != nil {
		return oauth.Inquirer{}, "", err
	}
	raw := form.get("token")
	if raw == "" {
		return oauth.Inquirer{}, "", &oauth.Error{Code: oauth.InvalidRequest, Description: "token is required"}
	}
	inquirer.Origin = origin(c)
	return inquirer, raw, nil
}

func (r inquiryRoutes) inquirer(c echo.Context, f form, n need) (oauth.Inquirer, error) {
	request := c.Request()
	_, noCookie := request.Cookie(sessionCookie)
	if noCookie == nil && len(request.Header.Values(echo.HeaderAuthorization)) == 0 && f.get("client_id") == "" {
		ctx, p, err := r.identify(c, n)
		if err != nil {
			return oauth.Inquirer{}, err
		}
		c.SetRequest(request.WithContext(ctx))
		return oauth.Inquirer{TenancyID: p.caller.TenancyID, Actor: p.caller.Actor}, nil
	}
	id, secret, err := clientCredentials(request, f)
	if err != nil {
		return oauth.Inquirer{}, err
	}
	return r.oauth.Inquirer(request.Context(), id, secret, c.RealIP())
}
