package api

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/oauth"
)

// basicChallenge answers a client that failed to authenticate (RFC 6749 §5.2, RFC 7617 §2).
const basicChallenge = `Basic realm="api-keys", charset="UTF-8"`

// tokenRoutes are the two ways to exchange client credentials for an access token. They are written by hand, without the
// generated validation, because they are the hot path and their errors have forms of their own.
type tokenRoutes struct {
	oauth *oauth.Server
}

func (r tokenRoutes) register(e *echo.Echo) {
	e.POST("/oauth2/token", r.token)
	e.POST("/auth", r.auth)
}

// token handles POST /oauth2/token.
func (r tokenRoutes) token(c echo.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	request := oauth.TokenRequest{GrantType: form.get("grant_type"), Scope: form.get("scope"), IP: c.RealIP(), RequestID: requestID(c)}
	request.ClientID, request.ClientSecret, err = clientCredentials(c.Request(), form)
	if err != nil {
		return err
	}
	if request.GrantType == "" {
		return &oauth.Error{Code: oauth.InvalidRequest, Description: "grant_type is required"}
	}
	issued, err := r.oauth.Token(c.Request().Context(), request)
	setStanding(c.Response().Header(), issued.Standing)
	if err != nil {
		return err
	}
	return writeToken(c, http.StatusOK, `{"access_token":"`, `","token_type":"Bearer","expires_in":`, `,"scope":"`, "\"}\n", issued)
}

// writeToken answers with JSON (RFC 6749 §5.1). It needs no encoder: a token is base64url, and a scope has neither quotes nor
// anything else to escape. The arguments token, expiresIn and scope are the text before these values, and end is the text after
// the last; the lifespan is in seconds.
func writeToken(c echo.Context, status int, token, expiresIn, scope, end string, issued oauth.TokenResponse) error {
	const number = 10 // digits, at most
	body := make([]byte, 0, len(token)+len(issued.AccessToken)+len(expiresIn)+number+len(scope)+len(issued.Scope)+len(end))
	body = append(append(body, token...), issued.AccessToken...)
	body = strconv.AppendInt(append(body, expiresIn...), int64(issued.ExpiresIn/time.Second), 10)
	body = append(append(body, scope...), issued.Scope...)
	return c.Blob(status, echo.MIMEApplicationJSON, append(body, end...))
}

// form holds the parameters of a form body that the OAuth routes read. None occurs twice.
type form []parameter

type parameter struct{ name, value string }

// get returns the value of a parameter. One without a value counts as absent (RFC 6749 §3.2).
func (f form) get(name string) string {
	for _, p := range f {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// readForm reads a form body. Errors: an oauth.Error with invalid_request; a fault if the body is too large or can't be read.
func readForm(c echo.Context) (form, error) {
	invalid := func(description string) error {
		return &oauth.Error{Code: oauth.InvalidRequest, Description: description}
	}
	request := c.Request()
	if request.URL.RawQuery != "" {
		return nil, invalid("parameters belong in the body, not in the query")
	}
	if !hasMediaType(request, echo.MIMEApplicationForm) {
		return nil, invalid("the body must be " + echo.MIMEApplicationForm)
	}
	body, err := readBody(request)
	if err != nil {
		return nil, err
	}
	return parseForm(string(body))
}

// parseForm decodes a form. Most forms need no decoding, and then only the list of parameters is allocated. Errors: an
// oauth.Error with invalid_request.
func parseForm(body string) (form, error) {
	parameters := make(form, 0, 4)
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		switch {
		case errName != nil || errValue != nil:
			return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body is not a valid form"}
		case !isTokenParameter(name):
			continue
		case slices.ContainsFunc(parameters, func(p parameter) bool { return p.name == name }):
			return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: name + " is given more than once"}
		}
		parameters = append(parameters, parameter{name, value})
	}
	return parameters, nil
}

// hasMediaType reports whether the body is declared to be of a media type, with any parameters. Without parameters, as nearly
// every client sends it, this costs one comparison.
func hasMediaType(r *http.Request, want string) bool {
	declared := r.Header.Get(echo.HeaderContentType)
	if declared == want {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(declared)
	return err == nil && mediaType == want
}

// isTokenParameter reports whether the OAuth routes read the parameter; others are ignored (RFC 6749 §3.2).
func isTokenParameter(name string) bool {
	switch name {
	case "grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint":
		return true
	default:
		return false
	}
}

// clientCredentials returns the client's id and secret from the Authorization header or from the form, never from both (RFC 6749
// §2.3.1). The id is a copy: it is remembered for longer than the request takes, and a substring of the header or body would keep
// the secret in memory, too. Errors: an oauth.Error.
func clientCredentials(r *http.Request, f form) (id, secret string, err error) {
	id, secret = f.get("client_id"), f.get("client_secret")
	headers := r.Header.Values(echo.HeaderAuthorization)
	switch {
	case len(headers) == 0 && (id == "" || secret == ""):
		return "", "", &oauth.Error{Code: oauth.InvalidClient, Description: apikey.ErrInvalidClient.Error()}
	case len(headers) == 0:
		return strings.Clone(id), secret, nil
	case secret != "":
		return "", "", &oauth.Error{Code: oauth.InvalidRequest, Description: "the client authenticates both in the header and in the body"}
	}
	basicID, basicSecret, ok := parseBasic(headers[0])
	switch {
	case !ok || len(headers) > 1:
		return "", "", &oauth.Error{Code: oauth.InvalidClient, Description: apikey.ErrInvalidClient.Error()}
	case id != "" && id != basicID:
		return "", "", &oauth.Error{Code: oauth.InvalidRequest, Description: "client_id differs from the one in the header"}
	}
	return strings.Clone(basicID), basicSecret, nil
}

// parseBasic decodes an Authorization header of the Basic scheme, whose two halves are form-encoded (RFC 6749 §2.3.1).
func parseBasic(header string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(decoded), ":")
	if !ok {
		return "", "", false
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	return id, secret, errID == nil && errSecret == nil
}
