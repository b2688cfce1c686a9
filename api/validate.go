package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// invalidMax bounds how many errors an answer lists.
const invalidMax = 20

// listHeaders are the headers whose values are lists, so that several lines mean the same as one (RFC 9110 §5.3).
var listHeaders = []string{"If-Match"}

// singleHeaders are the headers that may be given only once.
var singleHeaders = []string{"Idempotency-Key"}

// receivedBody is the key under which [receive] puts the body into Echo's context.
const receivedBody = "body"

// receive reads the whole body before anybody asks who calls. Otherwise a caller could have that settled, hold back the end of
// the body, and send it long after losing access.
func receive(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			// A copy, because net/http looks at the original to see what is left to read before the next request on the connection.
			r := c.Request().WithContext(c.Request().Context())
			c.SetRequest(r)
			if op.media == nil {
				r.Body, r.ContentLength = http.NoBody, 0 // the operation takes no body
				return next(c)
			}
			body, err := readBody(r)
			if err != nil {
				return err
			}
			c.Set(receivedBody, body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body)) // for the validator
			return next(c)
		}
	}
}

// validate checks requests against the contract before their handlers see them. It names every field that is wrong, and is
// stricter than the contract's language can express: it refuses parameters and members that the contract does not know, since
// they are most likely misspelt, and text that a database could not store.
func validate(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := op.check(c); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// check returns what is wrong with the request, as an [apikey.InvalidError] or a [fault].
func (op *operation) check(c echo.Context) error {
	r := c.Request()
	path, invalid := pathParameters(c)
	invalid = append(invalid, op.checkQuery(r.URL.RawQuery)...)
	for _, name := range listHeaders {
		if lines := r.Header[name]; len(lines) > 1 {
			r.Header.Set(name, strings.Join(lines, ", "))
		}
	}
	for _, name := range singleHeaders {
		if len(r.Header[name]) > 1 {
			invalid = append(invalid, apikey.FieldError{Field: name, Message: "must be given once"})
		}
	}
	if body, ok := c.Get(receivedBody).([]byte); ok {
		wrong, err := op.checkBody(r.Header, body)
		if err != nil {
			return err
		}
		invalid = append(invalid, wrong...)
	}
	if len(invalid) > 0 {
		return invalid
	}
	err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: path, Route: op.route, Options: &openapi3filter.Options{
			MultiError:         true,
			KeepValidatedValue: true, // the handler gets the value that was checked, and does not parse the body again
			AuthenticationFunc: alreadyAuthorized,
		},
	})
	if err != nil {
		return op.describe(err)
	}
	return nil
}

// alreadyAuthorized leaves the question of who calls to [server.authorize], through which every request has already passed.
func alreadyAuthorized(context.Context, *openapi3filter.AuthenticationInput) error { return nil }

// pathParameters returns the decoded parameters of the path, and an error for each that is not valid text.
func pathParameters(c echo.Context) (map[string]string, apikey.InvalidError) {
	parameters := make(map[string]string, len(c.ParamNames()))
	var invalid apikey.InvalidError
	for _, name := range c.ParamNames() {
		value := c.Param(name)
		if c.Request().URL.RawPath != "" {
			// Then Echo has routed by the encoded path, and the value is still encoded.
			if decoded, err := url.PathUnescape(value); err == nil {
				value = decoded
			}
		}
		parameters[name] = value
		if message := checkText(value); message != "" {
			invalid = append(invalid, apikey.FieldError{Field: name, Message: message})
		}
	}
	return parameters, invalid
}

// checkQuery refuses malformed query strings, parameters that the operation does not have or that are given twice, and invalid
// values that the validator would let pass.
func (op *operation) checkQuery(raw string) apikey.InvalidError {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return apikey.InvalidError{{Field: "query", Message: "must be a valid query string"}}
	}
	var invalid apikey.InvalidError
	for name, values := range query {
		message, schema := checkText(strings.Join(values, "")), op.query[name]
		switch {
		case schema == nil && op.ignoresOthers:
			continue
		case schema == nil:
			message = "is not a known parameter"
		case schema.Type.Is(openapi3.TypeArray):
		case len(values) > 1:
			message = "must be given once"
		case values[0] == "" && !schema.Type.Is(openapi3.TypeString):
			message = "must not be empty" // the validator would use the default instead
		case schema.Format == "date-time" && !isTime(values[0]):
			message = "must be a date and time, such as 2026-11-23T12:00:00Z" // the validator lets days pass that the month does not have
		}
		if message != "" && len(invalid) < invalidMax {
			invalid = append(invalid, apikey.FieldError{Field: printable(name), Message: message})
		}
	}
	slices.SortFunc(invalid, func(a, b apikey.FieldError) int { return strings.Compare(a.Field, b.Field) })
	return invalid
}

// isTime reports whether text is a time of RFC 3339. The year must have four digits in every time zone, even a day later, since
// an answer may name the end of the day that the time is in.
func isTime(text string) bool {
	at, err := time.Parse(time.RFC3339, text)
	return err == nil && at.UTC().Year() >= 1 && at.UTC().Year() < 9999
}

// checkText returns what is wrong with a text, or "" if nothing is.
func checkText(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "must be valid UTF-8"
	case strings.ContainsRune(text, 0):
		return "must not contain NUL characters"
	default:
		return ""
	}
}

// checkBody returns what is wrong with a JSON text. Errors: a [fault] if its declared media type is not one of the operation's.
func (op *operation) checkBody(h http.Header, body []byte) (apikey.InvalidError, error) {
	if len(body) == 0 {
		return apikey.InvalidError{{Field: wholeBody, Message: "is required"}}, nil
	}
	media, parameters, err := mime.ParseMediaType(h.Get(echo.HeaderContentType))
	charset := strings.ToLower(parameters["charset"])
	if err != nil || !slices.Contains(op.media, media) || charset != "" && charset != "utf-8" {
		return nil, &fault{
			status: http.StatusUnsupportedMediaType, code: "request/unsupported-media-type",
			detail: "Send " + strings.Join(op.media, " or ") + ", in UTF-8.",
		}
	}
	h.Set(echo.HeaderContentType, media) // normalized, as the validator compares it
	return checkJSON(body), nil
}

// believedMax is the largest announced body, in bytes, for which memory is allocated in advance. A larger one gets memory as it
// arrives: many callers who announce a lot and send nothing must not exhaust it.
const believedMax = 16 << 10

// readBody returns the whole body. Errors: a [fault] that blames the caller, since reading from memory or from the network fails
// for no other reason.
func readBody(r *http.Request) ([]byte, error) {
	var body []byte
	var err error
	if r.ContentLength >= 0 && r.ContentLength <= believedMax {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(r.Body)
	}
	if err == nil {
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLargeFault()
	}
	return nil, &fault{status: http.StatusBadRequest, code: "bad-request/invalid-parameters", detail: "The body could not be read to its end.", cause: err}
}
