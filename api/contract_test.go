package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// contract is openapi.yaml as a reader of the repository sees it.
var contract = sync.OnceValues(func() (routers.Router, error) {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	// The contract describes itself as text, and is checked as such.
	openapi3filter.RegisterBodyDecoder("application/yaml", openapi3filter.RegisteredBodyDecoder("text/plain"))
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.RegisteredBodyDecoder("text/plain"))
	openapi3filter.RegisterBodyDecoder("application/statuslist+jwt", openapi3filter.RegisteredBodyDecoder("text/plain"))
	return gorillamux.NewRouter(doc)
})

// contractTransport makes requests and fails the test when an answer is not one that the contract describes.
type contractTransport struct{ t *testing.T }

func (c contractTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	c.check(r, response, body)
	return response, nil
}

func (c contractTransport) check(r *http.Request, response *http.Response, body []byte) {
	c.t.Helper()
	if err := checkAnswer(r, response.StatusCode, response.Header, body); err != nil {
		c.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
}

// checkAnswer returns what about an answer is not as the contract says.
func checkAnswer(r *http.Request, status int, header http.Header, body []byte) error {
	if header.Get("X-Request-Id") == "" {
		return errors.New("the answer has no X-Request-Id")
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/v1/revocations" && header.Get("Cache-Control") != "no-store" {
		return errors.New("the answer may be stored")
	}
	router, err := contract()
	if err != nil {
		return fmt.Errorf("load the contract: %w", err)
	}
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		return nil //nolint:nilerr // no operation of the contract
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 status, Header: header,
		Options: &openapi3filter.Options{
			MultiError: true, IncludeResponseStatus: true,
			AuthenticationFunc: func(context.Context, *openapi3filter.AuthenticationInput) error { return nil },
		},
	}
	input.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(r.Context(), input); err != nil {
		return fmt.Errorf("the answer is not in the contract: %d: %w", status, err)
	}
	return nil
}
