package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/oauth"
)

// authRequest is the body of POST /auth.
type authRequest struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// auth handles POST /auth, the vendor's route: it takes and returns JSON, and answers 201.
func (r tokenRoutes) auth(c echo.Context) error {
	request, err := readAuthRequest(c.Request())
	if err != nil {
		return err
	}
	issued, err := r.oauth.Token(c.Request().Context(), oauth.TokenRequest{
		GrantType: oauth.ClientCredentials, ClientID: request.ClientID, ClientSecret: request.ClientSecret, IP: c.RealIP(), RequestID: requestID(c),
	})
	setStanding(c.Response().Header(), issued.Standing)
	if err != nil {
		return vendorFault(err)
	}
	// The vendor's envelope. Members that mean nothing here have constant values, because existing clients read them.
	return writeToken(c, http.StatusCreated, `{"code":"success","data":{"access_token":"`, `","expires_in":`,
		`,"refresh_expires_in":0,"token_type":"Bearer","not-before-policy":0,"session_state":"","scope":"`, "\"}}\n", issued)
}

// jsonSpace is the white space that may surround a JSON value (RFC 8259 §2).
const jsonSpace = " \t\r\n"

// badParameter returns the fault for an invalid body of POST /auth. The message names the member, if one is to blame.
func badParameter(message string) error {
	return &fault{status: http.StatusBadRequest, code: "bad-request/invalid-parameters", detail: message}
}

// readAuthRequest reads the body, which may have no members other than the two. As Go's decoder does, it matches their names
// regardless of case, and takes the last of duplicates. Errors: fault.
func readAuthRequest(r *http.Request) (authRequest, error) {
	if r.URL.RawQuery != "" {
		return authRequest{}, badParameter("parameters belong in the body, not in the query")
	}
	if !hasMediaType(r, echo.MIMEApplicationJSON) {
		return authRequest{}, &fault{status: http.StatusUnsupportedMediaType, code: "request/unsupported-media-type", detail: "send application/json"}
	}
	body, err := readBody(r)
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
	if rest := body[decoder.InputOffset():]; len(bytes.Trim(rest, jsonSpace)) > 0 {
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
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrongType.Field == "" {
			return "the body must be a JSON object"
		}
		return wrongType.Field + " must be a string"
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return printable(strings.Trim(name, `"`)) + " is not a known member"
	}
	return "the body is not valid JSON"
}

// vendorFault replaces an OAuth error by the vendor's answer to a client that could not be authenticated. It returns every other
// error unchanged.
func vendorFault(err error) error {
	if _, ok := errors.AsType[*oauth.Error](err); ok {
		return &fault{status: http.StatusUnauthorized, code: "failed", detail: "invalid or expired token"}
	}
	return err
}
