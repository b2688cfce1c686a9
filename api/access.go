package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/scope"
)

// need is what an operation requires of its caller.
type need struct {
	public bool          // no sign-in is needed
	visit  bool          // a browser must have navigated here; no page may load this as a subresource
	role   operator.Role // the least role of an operator with a session
	scope  scope.Scope   // the scope of an access token; empty when only a session will do
}

// The levels of need.
var (
	public = need{public: true}
	visit  = need{public: true, visit: true}
	person = need{role: operator.Readonly}
	reader = need{role: operator.Readonly, scope: scope.APIKeysReadonly}
	writer = need{role: operator.Editor, scope: scope.APIKeysEditor}
	ruler  = need{role: operator.Admin}
)

// access says what every operation of the contract requires of its caller. It guards the generated routes, and New fails if one
// of them has no entry here. For the routes that are written by hand it is only a statement, to which a test holds them.
var access = map[string]need{
	"authenticate":           public,
	"issueToken":             public,
	"getMetadata":            public,
	"getOpenIDConfiguration": public,
	"getJWKS":                public,
	"getRevocations":         public,
	"verifyToken":            public,
	"listStatusLists":        public,
	"getStatusList":          public,
	"introspectToken":        public, // the handler requires client credentials or a session
	"revokeToken":            public, // likewise
	"getHealth":              public,
	"getReadiness":           public,
	"getMetrics":             public, // the handler admits only callers on this machine
	"getContract":            public,

	"signIn":     public,
	"getSession": person,
	"signOut":    public,

	"getSignInMethods":   public,
	"beginSingleSignOn":  visit,
	"finishSingleSignOn": visit,

	"listScopes": reader,

	"listApiKeys":        reader,
	"createApiKey":       writer,
	"getApiKey":          reader,
	"updateApiKey":       writer,
	"deleteApiKey":       writer,
	"activateApiKey":     writer,
	"deactivateApiKey":   writer,
	"rotateApiKeySecret": writer,
	"revokeApiKeyTokens": writer,
	"retireApiKeySecret": writer,

	"changeApiKeyGrace":    writer,
	"cancelApiKeyRotation": writer,
	"getApiKeyUsage":       reader,
	"listApiKeyDenials":    reader,
	"listUsage":            reader,
	"getUsageOverview":     reader,

	"listOperators":         ruler,
	"inviteOperator":        ruler,
	"updateOperator":        ruler,
	"deleteOperator":        ruler,
	"resetOperatorPassword": ruler,
	"listOperatorSessions":  ruler,
	"endOperatorSessions":   ruler,
	"acceptInvitation":      public,
	"changePassword":        person,

	"listEvents":   reader, // viewerOf decides who sees which events
	"exportEvents": reader,
	"verifyEvents": ruler,
}

// principal is the caller of a request.
type principal struct {
	caller    apikey.Caller
	operator  operator.Operator // zero for access tokens and for callers who are not signed in
	authority eventlog.Authority
}

type principalKey struct{}

// principalOf returns the caller of the request, which authorize has put into the context of every management route.
func principalOf(ctx context.Context) principal {
	p, _ := ctx.Value(principalKey{}).(principal)
	return p
}

// callerOf returns the caller on whose behalf a use case runs.
func callerOf(ctx context.Context) apikey.Caller { return principalOf(ctx).caller }

// authorize identifies the caller, refuses callers without the required access, and counts the request against the caller's rate
// limit. An Authorization header, if there is one, decides alone: a broken token is refused even when a valid session comes with
// it, so that nobody is taken for somebody else.
func (s *server) authorize(n need) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx, p, err := s.identify(c, n)
			if err != nil {
				return err
			}
			if err := s.countManagement(c.Response().Header(), p); err != nil {
				return err
			}
			p.caller.Origin = origin(c)
			c.SetRequest(c.Request().WithContext(context.WithValue(ctx, principalKey{}, p)))
			return next(c)
		}
	}
}

// identify returns the caller and a context that carries the caller's authority and, unless the caller is a program, its session.
func (s *server) identify(c echo.Context, n need) (context.Context, principal, error) {
	r := c.Request()
	if credentials := r.Header.Values(echo.HeaderAuthorization); len(credentials) > 0 && !n.public {
		p, err := s.byToken(r.Context(), credentials, n)
		return eventlog.WithAuthority(r.Context(), p.authority), p, err
	}
	// A browser sends the cookie no matter whose page makes the request. Only our own pages, and those of the configured origins,
	// may change anything with it. This includes signing in: otherwise a page could sign its visitor in as somebody else.
	if err := s.origins.Check(r); err != nil {
		return nil, principal{}, &fault{
			status: http.StatusForbidden, code: "authorization/forbidden", cause: err,
			detail: "Requests from pages of other origins are refused.",
		}
	}
	if n.visit && !isVisit(r.Header) {
		return nil, principal{}, forbidden("Only a browser that navigates here may request this. Pages can't load or prefetch it.")
	}
	ctx, err := s.loadSession(r, limit.Address(c.RealIP()))
	if err != nil || n.public {
		return ctx, principal{}, err
	}
	p, err := s.bySession(ctx, n)
	return eventlog.WithAuthority(ctx, p.authority), p, err
}

// isVisit reports whether a browser is going to show the answer to somebody. Anything else that a page can make it request, such
// as an image or a prefetch, would start a sign-in that nobody asked for. Browsers that don't send these headers are trusted.
func isVisit(h http.Header) bool {
	dest := h.Get("Sec-Fetch-Dest")
	return (dest == "" || dest == "document") && h.Get("Sec-Purpose") == ""
}

// byToken returns the program to which an access token was issued.
func (s *server) byToken(ctx context.Context, credentials []string, n need) (principal, error) {
	scheme, raw, _ := strings.Cut(credentials[0], " ")
	if len(credentials) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return principal{}, oauth.ErrInvalidToken
	}
	claims, err := s.oauth.VerifyActive(ctx, strings.TrimLeft(raw, " "))
	if err != nil {
		return principal{}, err
	}
	if n.scope == "" {
		return principal{}, forbidden("This needs an operator's session.")
	}
	if !claims.Scopes.Covers(n.scope) {
		f := forbidden("The access token lacks the scope " + string(n.scope) + ".")
		f.challenge = "Bearer " + realm + `, error="insufficient_scope", scope="` + string(n.scope) + `"` // RFC 6750 §3.1
		return principal{}, f
	}
	return principal{
		caller: apikey.Caller{
			TenancyID: claims.TenancyID, Scopes: claims.Scopes,
			Actor: eventlog.Actor{Kind: eventlog.ActorAPIKey, ID: claims.ClientID, Name: claims.ClientID},
		},
		authority: eventlog.Authority{
			Kind: eventlog.ActorAPIKey, ID: claims.ClientID, Generation: claims.Generation, TokenID: claims.TokenID, KeyID: claims.KeyID,
		},
	}, nil
}

// signedOutFault says that there is no session, or that it has ended.
func signedOutFault(cause error) *fault {
	return &fault{status: http.StatusUnauthorized, code: "failed", detail: "Sign in, or send an access token.", cause: cause}
}

// bySession returns the operator of the context's session. The operator's role is read anew each time.
func (s *server) bySession(ctx context.Context, n need) (principal, error) {
	o, err := s.signedIn(ctx)
	if errors.Is(err, operator.ErrNotFound) {
		return principal{}, signedOutFault(err)
	}
	if err != nil {
		return principal{}, err
	}
	if !o.Role.Allows(n.role) {
		return principal{}, forbidden("Your role does not allow this.")
	}
	return principal{
		operator: o,
		caller: apikey.Caller{
			TenancyID: o.TenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorOperator, ID: o.ID, Name: o.Email},
		},
		authority: eventlog.Authority{
			Kind: eventlog.ActorOperator, ID: o.ID, Generation: o.SessionGeneration, Role: string(o.Role),
		},
	}, nil
}

func forbidden(detail string) *fault {
	return &fault{status: http.StatusForbidden, code: "authorization/forbidden", detail: detail}
}
