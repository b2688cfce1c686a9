package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oidc"
	"github.com/piercloud/apikeys/pkg/operator"
)

// CallbackPath is where the provider sends browsers back to. It is relative to the issuer.
const CallbackPath = "/v1/session/oidc/callback"

// flowCookie is the name of the cookie that holds the state of a sign-in while the browser is at the provider.
const flowCookie = "apikeys_oidc"

// signInPage is the console's sign-in page.
const signInPage = "/sign-in"

// limitedCode tells the sign-in page that there were too many attempts. Its other codes are those of packages oidc and operator.
const limitedCode = "rate-limited"

// GetSignInMethods says how operators can sign in.
func (s *server) GetSignInMethods(context.Context, oas.GetSignInMethodsRequestObject) (oas.GetSignInMethodsResponseObject, error) {
	methods := oas.GetSignInMethods200JSONResponse{Password: true}
	if s.singleSignOn != nil {
		methods.Oidc = &oas.SignInProvider{Name: s.providerName}
	}
	return methods, nil
}

// BeginSingleSignOn sends a browser to the provider.
func (s *server) BeginSingleSignOn(ctx context.Context, request oas.BeginSingleSignOnRequestObject) (oas.BeginSingleSignOnResponseObject, error) {
	if s.singleSignOn == nil {
		return nil, noSingleSignOn()
	}
	returnTo := "/"
	if request.Params.ReturnTo != nil {
		returnTo = *request.Params.ReturnTo
	}
	start, err := s.singleSignOn.Begin(ctx, returnTo, callerOf(ctx).Origin)
	if err != nil {
		return s.sendBack(ctx, err, returnTo)
	}
	return redirection{start.URL, []*http.Cookie{s.flowCookie(start.Flow)}}, nil
}

// FinishSingleSignOn signs in the operator who comes back from the provider.
func (s *server) FinishSingleSignOn(ctx context.Context, request oas.FinishSingleSignOnRequestObject) (oas.FinishSingleSignOnResponseObject, error) {
	if s.singleSignOn == nil {
		return nil, noSingleSignOn()
	}
	p := request.Params
	answer := oidc.Answer{State: valueOf(p.State), Code: valueOf(p.Code), Error: valueOf(p.Error), Issuer: valueOf(p.Iss)}
	o, returnTo, err := s.singleSignOn.Finish(ctx, valueOf(p.ApikeysOidc), answer, callerOf(ctx).Origin)
	if err != nil {
		return s.sendBack(ctx, err, returnTo)
	}
	session, err := s.startSession(ctx, o)
	if err != nil {
		return nil, err
	}
	return redirection{returnTo, []*http.Cookie{session, s.flowCookie("")}}, nil
}

// sendBack redirects to the sign-in page, which says what went wrong, and ends the browser's sign-in. It returns any error that
// does not come from signing in.
func (s *server) sendBack(ctx context.Context, err error, returnTo string) (redirection, error) {
	var failed *oidc.FailedError
	var refused *operator.RefusedError
	var exceeded *limit.ExceededError
	query := url.Values{}
	switch {
	case errors.As(err, &failed):
		query.Set("error", string(failed.Code))
		s.log.LogAttrs(ctx, slog.LevelWarn, "a sign-in with the provider failed",
			slog.String("error", err.Error()), slog.String("request_id", callerOf(ctx).Origin.RequestID))
	case errors.As(err, &refused):
		query.Set("error", string(refused.Reason))
	case errors.As(err, &exceeded):
		query.Set("error", limitedCode)
	default:
		return redirection{}, err
	}
	if returnTo != "" && returnTo != "/" {
		query.Set("redirect", returnTo)
	}
	return redirection{signInPage + "?" + query.Encode(), []*http.Cookie{s.flowCookie("")}}, nil
}

// flowCookie returns the cookie that holds a sign-in or, for an empty flow, one that removes it. It is Lax, because it is the
// provider's page that leads to the callback.
func (s *server) flowCookie(flow string) *http.Cookie {
	cookie := &http.Cookie{ //nolint:gosec // Secure with an https issuer, like the session's
		Name: flowCookie, Value: flow, Path: CallbackPath, MaxAge: int(oidc.FlowLifetime / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.https,
	}
	if flow == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

func noSingleSignOn() *fault {
	return &fault{status: http.StatusNotFound, code: "route/not-found", detail: "No OpenID Connect provider is configured."}
}

// redirection is the generated 303 response, but with any number of cookies.
type redirection struct {
	location string
	cookies  []*http.Cookie
}

func (a redirection) write(w http.ResponseWriter) error {
	for _, cookie := range a.cookies {
		http.SetCookie(w, cookie)
	}
	w.Header().Set("Location", escapeNonASCII(a.location))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// escapeNonASCII percent-encodes everything but ASCII, which turns a reference as people write it into a URI reference (RFC
// 3986).
func escapeNonASCII(reference string) string {
	var escaped strings.Builder
	for _, b := range []byte(reference) {
		if b < utf8.RuneSelf {
			escaped.WriteByte(b)
		} else {
			fmt.Fprintf(&escaped, "%%%02X", b)
		}
	}
	return escaped.String()
}

// VisitBeginSingleSignOnResponse writes the answer.
func (a redirection) VisitBeginSingleSignOnResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitFinishSingleSignOnResponse writes the answer.
func (a redirection) VisitFinishSingleSignOnResponse(w http.ResponseWriter) error { return a.write(w) }
