package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/signing"
)

// authRequest is the body of POST /auth.
type authRequest struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// authAnswer is the vendor's envelope. The members without a meaning here are constant; existing clients read them.
type authAnswer struct {
	Code string   `json:"code"`
	Data authData `json:"data"`
}

type authData struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	TokenType        string `json:"token_type"`
	NotBeforePolicy  int64  `json:"not-before-policy"`
	SessionState     string `json:"session_state"`
	Scope            string `json:"scope"`
}

// auth is POST /auth, the vendor's route: JSON in, JSON out, 201.
func (r tokenRoutes) auth(c echo.Context) error {
	noStore(c)
	request, err := readAuthRequest(c.Request())
	if err != nil {
		return vendorError(c, err)
	}
	issued, err := r.oauth.Token(c.Request().Context(), oauth.TokenRequest{
		GrantType: oauth.ClientCredentials, ClientID: request.ClientID, ClientSecret: request.ClientSecret, IP: c.RealIP(),
	})
	if err != nil {
		return vendorError(c, err)
	}
	return writeJSON(c, http.StatusCreated, authAnswer{Code: "success", Data: authData{
		AccessToken: issued.AccessToken, ExpiresIn: int64(issued.ExpiresIn.Seconds()), TokenType: "Bearer", Scope: issued.Scope,
	}})
}

// errMediaType: the body is not of the media type that the route takes.
var errMediaType = errors.New("send application/json")

// badParameter is what is wrong with the body of POST /auth, in words that name the member.
type badParameter string

func (e badParameter) Error() string { return string(e) }

// readAuthRequest reads the body strictly. Errors: badParameter, errMediaType, *http.MaxBytesError.
func readAuthRequest(r *http.Request) (authRequest, error) {
	if r.URL.RawQuery != "" {
		return authRequest{}, badParameter("parameters belong in the body, not in the query")
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || mediaType != echo.MIMEApplicationJSON {
		return authRequest{}, errMediaType
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return authRequest{}, err
	}
	switch {
	case len(body) == 0:
		return authRequest{}, badParameter("the body is empty")
	case !utf8.Valid(body):
		return authRequest{}, badParameter("the body is not valid UTF-8")
	}
	var request authRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return authRequest{}, badParameter(describeJSONError(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return authRequest{}, badParameter("the body has more than one JSON value")
	}
	switch {
	case request.ClientID == "":
		return authRequest{}, badParameter("client_id is required")
	case request.ClientSecret == "":
		return authRequest{}, badParameter("client_secret is required")
	}
	return request, nil
}

// describeJSONError names the member that is wrong, without repeating its value.
func describeJSONError(err error) string {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		if wrongType.Field == "" {
			return "the body must be a JSON object"
		}
		return wrongType.Field + " must be a string"
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return strings.Trim(name, `"`) + " is not a known member"
	}
	return "the body is not valid JSON"
}

// vendorError is the one place where errors of POST /auth become responses.
func vendorError(c echo.Context, err error) error {
	var bad badParameter
	var denied *oauth.Error
	var tooLarge *http.MaxBytesError
	status, code, message := http.StatusInternalServerError, "internal/error", "something went wrong"
	switch {
	case errors.As(err, &bad):
		status, code, message = http.StatusBadRequest, "bad-request/invalid-parameters", string(bad)
	case errors.As(err, &denied):
		status, code, message = http.StatusUnauthorized, "failed", "invalid or expired token"
	case errors.Is(err, errMediaType):
		status, code, message = http.StatusUnsupportedMediaType, "request/unsupported-media-type", errMediaType.Error()
	case errors.As(err, &tooLarge):
		status, code, message = http.StatusRequestEntityTooLarge, "request/too-large", "the body is larger than 1 MiB"
	case errors.Is(err, apikey.ErrUnavailable), errors.Is(err, signing.ErrNoKey):
		status, code, message = http.StatusServiceUnavailable, "service/unavailable", "the service can't reach its database"
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfterUnavailable)
	default:
		slog.ErrorContext(c.Request().Context(), "token request failed", "error", err)
	}
	return writeJSON(c, status, struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, message})
}
