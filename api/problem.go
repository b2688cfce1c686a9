package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/signing"
)

// fault is an error as the caller sees it. Handlers return domain errors, and faults only for what belongs to HTTP itself.
// [server.handleError] turns both into responses.
type fault struct {
	status     int
	code       string
	oauth      oauth.Code // the code below /oauth2; if empty, the status determines it
	detail     string
	errors     []apikey.FieldError
	challenge  string        // WWW-Authenticate
	retryAfter time.Duration // Retry-After, unless 0
	standing   limit.Standing
	cause      error // for the log only
}

func (f *fault) Error() string {
	if f.cause != nil {
		return f.cause.Error()
	}
	return f.detail
}

func (f *fault) Unwrap() error { return f.cause }

// unavailableRetry is how long callers are asked to wait when the database does not answer.
const unavailableRetry = 2 * time.Second

// statusClientGone is logged when the client left before it was answered. nginx uses the same number.
const statusClientGone = 499

// realm names what the credentials are for, in WWW-Authenticate.
const realm = `realm="apikeys"`

// knownFaults says what each error of the use cases means in HTTP.
var knownFaults = []struct {
	err error
	fault
}{
	{apikey.ErrNotFound, fault{status: http.StatusNotFound, code: "api-key/not-found", detail: "There is no such API key."}},
	{apikey.ErrSecretNotFound, fault{status: http.StatusNotFound, code: "secret/not-found", detail: "The API key has no such secret."}},
	{apikey.ErrNameTaken, fault{
		status: http.StatusConflict, code: "api-key/name-taken", detail: "Another API key has this name.",
		errors: []apikey.FieldError{{Field: "name", Message: "is taken by another API key"}},
	}},
	{apikey.ErrConflict, fault{status: http.StatusConflict, code: "api-key/conflict", detail: "The API key was changed at the same moment. Read it again."}},
	{apikey.ErrCurrentSecret, fault{status: http.StatusConflict, code: "api-key/conflict", detail: "The current secret can't be retired. Generate a new one instead."}},
	{apikey.ErrNoRotation, fault{status: http.StatusConflict, code: "api-key/no-rotation", detail: "No rotation's grace period is running."}},
	{apikey.ErrRotationInProgress, fault{status: http.StatusConflict, code: "api-key/rotation-in-progress", detail: "An earlier rotation's grace period is still running. Retire the old secret first."}},
	{apikey.ErrPreconditionFailed, fault{status: http.StatusPreconditionFailed, code: "api-key/precondition-failed", detail: "The API key has changed since you read it."}},
	{apikey.ErrIdempotencyMismatch, fault{status: http.StatusUnprocessableEntity, code: "idempotency/mismatch", detail: "This Idempotency-Key was used with another body."}},
	{apikey.ErrForbidden, fault{status: http.StatusForbidden, code: "authorization/forbidden", detail: "You can't grant access that you don't have."}},
	{operator.ErrNotFound, fault{status: http.StatusNotFound, code: "operator/not-found", detail: "There is no such operator."}},
	{operator.ErrEmailTaken, fault{
		status: http.StatusConflict, code: "operator/email-taken", detail: "Another operator has this e-mail address.",
		errors: []apikey.FieldError{{Field: "email", Message: "is taken by another operator"}},
	}},
	{operator.ErrLastAdmin, fault{status: http.StatusConflict, code: "operator/last-admin", detail: "The tenancy needs another admin who can sign in first."}},
	{operator.ErrSingleSignOn, fault{status: http.StatusConflict, code: "operator/single-sign-on", detail: "This operator signs in with the OpenID Connect provider and has no password."}},
	{operator.ErrDeactivated, fault{status: http.StatusConflict, code: "operator/deactivated", detail: "This operator is deactivated. Activate it first."}},
	{operator.ErrTooMany, fault{status: http.StatusConflict, code: "operator/too-many", detail: fmt.Sprintf("The tenancy has %d operators, the most it may have. Remove one first.", operator.Max)}},
	{operator.ErrLinkUsed, fault{status: http.StatusNotFound, code: "invitation/not-found", detail: "This link was used or has expired. Ask for a new one."}},
	{operator.ErrWrongPassword, fault{status: http.StatusUnauthorized, code: "failed", detail: "wrong e-mail address or password"}},
	{oauth.ErrInvalidToken, fault{
		status: http.StatusUnauthorized, code: "failed", detail: "invalid or expired token",
		challenge: "Bearer " + realm + `, error="invalid_token"`,
	}},
	{eventlog.ErrAuthorityLost, fault{
		status: http.StatusUnauthorized, code: "failed",
		detail: "Your access has ended or changed. Nothing was done.",
	}},
	{apikey.ErrUnavailable, fault{
		status: http.StatusServiceUnavailable, code: "service/unavailable",
		detail: "The service can't reach its database. Try again.", retryAfter: unavailableRetry,
	}},
	{signing.ErrNoKey, fault{
		status: http.StatusServiceUnavailable, code: "service/unavailable",
		detail: "The service is still starting. Try again.", retryAfter: unavailableRetry,
	}},
	{context.DeadlineExceeded, fault{
		status: http.StatusServiceUnavailable, code: "service/unavailable",
		detail: "The service took too long. Try again.", retryAfter: unavailableRetry,
	}},
}

// faultOf returns the error as the caller sees it. An unknown error is the service's own fault.
func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if invalid, ok := errors.AsType[apikey.InvalidError](err); ok {
		return invalidFault(invalid)
	}
	if invalid, ok := errors.AsType[*operator.InvalidError](err); ok {
		return invalidFault(apikey.InvalidError{{Field: invalid.Field, Message: invalid.Message}})
	}
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return oauthFault(refused)
	}
	if exceeded, ok := errors.AsType[*limit.ExceededError](err); ok {
		tooMany := "Too many requests"
		if exceeded.Policy == limit.SignInAccount || exceeded.Policy == limit.SignInAddress {
			tooMany = "Too many attempts"
		}
		f := throttledFault(tooMany, exceeded.RetryAfter)
		f.standing = exceeded.Standing
		return f
	}
	for _, known := range knownFaults {
		if errors.Is(err, known.err) {
			f := known.fault
			f.cause = err
			return &f
		}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok && e.Code < http.StatusInternalServerError {
		return routerFault(e)
	}
	return &fault{
		status: http.StatusInternalServerError, code: "internal/error",
		detail: "Something went wrong. Quote the request id when you report it.", cause: err,
	}
}

func invalidFault(invalid apikey.InvalidError) *fault {
	return &fault{status: http.StatusBadRequest, code: "bad-request/invalid-parameters", detail: "The request has invalid fields.", errors: invalid}
}

// oauthFault is an error for which RFC 6749 §5.2 has a code.
func oauthFault(e *oauth.Error) *fault {
	status := http.StatusBadRequest
	if e.Code == oauth.InvalidClient {
		status = http.StatusUnauthorized
	}
	return &fault{status: status, oauth: e.Code, detail: e.Description}
}

// throttledFault says what there is too much of, and when to try again.
func throttledFault(tooMany string, wait time.Duration) *fault {
	return &fault{
		status: http.StatusTooManyRequests, code: "rate-limit/exceeded", retryAfter: wait,
		detail: fmt.Sprintf("%s. Try again in %d seconds.", tooMany, retrySeconds(wait)),
	}
}

// tooLargeFault says that the body exceeds bodyMax.
func tooLargeFault() *fault {
	return &fault{status: http.StatusRequestEntityTooLarge, code: "request/too-large", detail: "The body is larger than 1 MiB."}
}

// routerFault translates the errors of Echo itself.
func routerFault(e *echo.HTTPError) *fault {
	switch e.Code {
	case http.StatusNotFound:
		return &fault{status: e.Code, code: "route/not-found", detail: "There is no such route."}
	case http.StatusMethodNotAllowed:
		return &fault{status: e.Code, code: "request/method-not-allowed", detail: "This route does not have this method."}
	case http.StatusRequestEntityTooLarge:
		return tooLargeFault()
	case http.StatusUnsupportedMediaType:
		return &fault{status: e.Code, code: "request/unsupported-media-type", detail: "This media type is not supported."}
	default:
		return &fault{status: http.StatusBadRequest, code: "bad-request/invalid-parameters", detail: "The request is malformed.", cause: e}
	}
}

// handleError is the one place where an error becomes a response. The path decides its form: RFC 6749 §5.2 below /oauth2, the
// vendor's envelope at /auth, problem details (RFC 9457) everywhere else. Only /oauth2/verify writes its refusals itself, without
// a body.
func (s *server) handleError(err error, c echo.Context) {
	r, res := c.Request(), c.Response()
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		if !res.Committed {
			res.WriteHeader(statusClientGone) // for the log and the metrics, which would take the default, 200
		}
		return
	}
	f := faultOf(err)
	if f.status >= http.StatusInternalServerError {
		s.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("request_id", requestID(c)), slog.String("error", f.Error()))
	}
	if res.Committed {
		return
	}
	confineDocument(res.Header())
	if f.retryAfter > 0 {
		res.Header().Set("Retry-After", strconv.Itoa(retrySeconds(f.retryAfter)))
	}
	if f.status == http.StatusTooManyRequests { // the request may have passed another limit, whose standing would be misleading
		clearStanding(res.Header())
	}
	setStanding(res.Header(), f.standing)
	var written error
	switch path := r.URL.Path; {
	case below(path, "/oauth2"):
		written = writeOAuthError(c, f)
	case below(path, "/auth"):
		written = writeVendorError(c, f)
	default:
		written = writeProblem(c, f)
	}
	if written != nil {
		s.log.LogAttrs(r.Context(), slog.LevelDebug, "answer not sent", slog.String("request_id", requestID(c)), slog.Any("error", written))
	}
}

func retrySeconds(wait time.Duration) int { return max(1, wholeSeconds(wait)) }

// below reports whether path is prefix or lies below it.
func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// writeProblem answers with problem details (RFC 9457). Every 401 says how to authenticate (RFC 9110 §15.5.2).
func writeProblem(c echo.Context, f *fault) error {
	challenge := f.challenge
	if challenge == "" && f.status == http.StatusUnauthorized {
		challenge = "Bearer " + realm
	}
	if challenge != "" {
		c.Response().Header().Set("WWW-Authenticate", challenge)
	}
	p := oas.Problem{
		Type: "about:blank", Title: http.StatusText(f.status), Status: int32(f.status), //nolint:gosec // a status is three digits
		Detail: &f.detail, Code: f.code,
	}
	for _, e := range f.errors {
		p.Errors = append(p.Errors, oas.FieldError{Field: e.Field, Message: e.Message})
	}
	return writeBody(c, f.status, "application/problem+json", p)
}

// writeOAuthError answers in the form of RFC 6749 §5.2, below /oauth2.
func writeOAuthError(c echo.Context, f *fault) error {
	if f.status == http.StatusUnauthorized {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, basicChallenge)
	}
	code := oauth.InvalidRequest
	switch {
	case f.oauth != "":
		code = f.oauth
	case f.status == http.StatusUnauthorized:
		code = oauth.InvalidClient
	case f.status == http.StatusForbidden:
		code = "access_denied"
	case f.status == http.StatusServiceUnavailable, f.status == http.StatusTooManyRequests:
		code = "temporarily_unavailable"
	case f.status >= http.StatusInternalServerError:
		code = "server_error"
	}
	return writeBody(c, f.status, echo.MIMEApplicationJSON, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{string(code), f.oneLine()})
}

// writeVendorError answers in the vendor's form, at /auth.
func writeVendorError(c echo.Context, f *fault) error {
	return writeBody(c, f.status, echo.MIMEApplicationJSON, struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{f.code, f.oneLine()})
}

// oneLine says what is wrong in one line, for the forms that have no list of fields.
func (f *fault) oneLine() string {
	if len(f.errors) > 0 {
		return apikey.InvalidError(f.errors).Error()
	}
	return f.detail
}

// writeBody answers with JSON and a line break. If body can't be encoded, it returns an error before anything is sent.
func writeBody(c echo.Context, status int, mediaType string, body any) error {
	response := c.Response()
	response.Header().Set(echo.HeaderContentType, mediaType)
	response.Status = status // sent with the first byte, which comes after everything has been encoded
	if err := json.NewEncoder(response).Encode(body); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return nil
}
