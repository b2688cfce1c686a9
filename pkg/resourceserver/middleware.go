package resourceserver

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// ErrorStyle is what the body of a refusal looks like. The status and the WWW-Authenticate header don't depend on it.
type ErrorStyle int

const (
	// OAuthErrors are {"error": "invalid_token", "error_description": "..."}; the body is empty when there was no token.
	OAuthErrors ErrorStyle = iota
	// EnvelopeErrors are {"code": "failed", "message": "invalid or expired token"}, as returned by the routes of the Pier Cloud
	// API.
	EnvelopeErrors
)

// Require returns middleware that passes requests on if they carry a live token that covers all of scopes, with the identity in
// the request's context (see FromContext), and refuses all others. Without scopes, any live token will do.
func (v *Verifier) Require(scopes ...string) func(http.Handler) http.Handler {
	return v.require(AllScopes(slices.Clone(scopes)...))
}

// RequireAny is Require for tokens that cover at least one of scopes.
func (v *Verifier) RequireAny(scopes ...string) func(http.Handler) http.Handler {
	return v.require(AnyScope(slices.Clone(scopes)...))
}

// require is Middleware with the same requirement for every request.
func (v *Verifier) require(requirement Requirement) func(http.Handler) http.Handler {
	requirements := []Requirement{requirement}
	return v.Middleware(func(*http.Request) []Requirement { return requirements })
}

// Middleware is Require with requirements that depend on the request, such as the tenancy in its path:
//
//	verifier.Middleware(func(r *http.Request) []resourceserver.Requirement {
//		return []resourceserver.Requirement{resourceserver.Tenancy(r.PathValue("tenancy_id"))}
//	})
func (v *Verifier) Middleware(requirements func(*http.Request) []Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			identity, err := v.VerifyRequest(r, requirements(r)...)
			if err != nil {
				v.Refuse(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), identity)))
		})
	}
}

// VerifyRequest is Verify for the token in a request's Authorization header. Errors: Verify's, ErrMissing.
func (v *Verifier) VerifyRequest(r *http.Request, requirements ...Requirement) (*Identity, error) {
	raw, err := TokenFromHeader(r.Header)
	if err != nil {
		return nil, err
	}
	return v.Verify(r.Context(), raw, requirements...)
}

// TokenFromHeader returns the bearer token of a request (RFC 6750 §2.1). It accepts the token in a single Authorization header
// and nowhere else: query parameters end up in logs (§5.3), and given two headers, different parties might read different ones.
// Errors: ErrMissing, also for a scheme other than Bearer; ErrMalformed.
func TokenFromHeader(header http.Header) (string, error) {
	values := header["Authorization"]
	if len(values) == 0 {
		return "", ErrMissing
	}
	if len(values) > 1 {
		return "", ErrMalformed
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrMissing
	}
	token = strings.Trim(token, " ") // one space or more: RFC 9110 §11.4
	if len(token) > tokenSizeMax || !isToken(token) {
		return "", ErrMalformed
	}
	return token, nil
}

// isToken reports whether s is a b64token (RFC 6750 §2.1).
func isToken(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && strings.TrimLeft(s, tokenCharacters) == ""
}

const tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/"

// Refuse answers a request that was refused with err: it sends the status, the challenge (RFC 6750 §3) and the body. It is meant
// for handlers that call Verify themselves, and for adapters to other frameworks.
func (v *Verifier) Refuse(w http.ResponseWriter, err error) {
	status := Status(err)
	header := w.Header()
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "5")
	} else {
		header.Set("WWW-Authenticate", v.challenge(err))
	}
	body := v.refusalBody(status, err)
	if body == nil {
		w.WriteHeader(status)
		return
	}
	header.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // if this fails, the client has gone
}

// challenge returns the WWW-Authenticate header. A request without a token is told only the scheme and the realm (RFC 6750 §3.1).
func (v *Verifier) challenge(err error) string {
	challenge := "Bearer realm=" + quoted(v.options.Realm)
	if errors.Is(err, ErrMissing) {
		return challenge
	}
	code, description := oauthError(err)
	challenge += ", error=" + quoted(code) + ", error_description=" + quoted(description)
	if insufficient, ok := errors.AsType[*InsufficientScopeError](err); ok && len(insufficient.Scopes) > 0 {
		challenge += ", scope=" + quoted(strings.Join(insufficient.Scopes, " "))
	}
	return challenge
}

// oauthError returns the error code of RFC 6750 §3.1 and a description. RFC 6750 has no code for a failure of the server itself;
// RFC 6749 §4.1.2.1 provides it.
func oauthError(err error) (code, description string) {
	switch Status(err) {
	case http.StatusForbidden:
		if errors.Is(err, ErrTenancy) {
			return "insufficient_scope", ErrTenancy.Error()
		}
		return "insufficient_scope", "the token lacks a scope"
	case http.StatusUnauthorized:
		for _, target := range invalidToken {
			if errors.Is(err, target) {
				return "invalid_token", target.Error()
			}
		}
		return "invalid_token", ErrMissing.Error()
	default:
		return "temporarily_unavailable", "the token cannot be verified at the moment"
	}
}

// refusalBody returns the body to send as JSON; nil for an empty one.
func (v *Verifier) refusalBody(status int, err error) any {
	if v.options.ErrorStyle == EnvelopeErrors {
		type envelope struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}
		switch status {
		case http.StatusUnauthorized:
			return envelope{"failed", "invalid or expired token"}
		case http.StatusForbidden:
			return envelope{"authorization/forbidden", "Unable to give access to the user"}
		default:
			return envelope{"service/unavailable", "the token cannot be verified at the moment"}
		}
	}
	if errors.Is(err, ErrMissing) {
		return nil
	}
	code, description := oauthError(err)
	return struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description}
}

// quoted returns s as a quoted-string (RFC 9110 §5.6.4), without characters that are not allowed in a header.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
