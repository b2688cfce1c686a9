package api_test

import (
	"bytes"
	"context"
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
	if response.Header.Get("X-Request-Id") == "" {
		c.t.Errorf("%s %s: the answer has no X-Request-Id", r.Method, r.URL.Path)
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/v1/revocations" && response.Header.Get("Cache-Control") != "no-store" {
		c.t.Errorf("%s %s: the answer may be stored", r.Method, r.URL.Path)
	}
	router, err := contract()
	if err != nil {
		c.t.Errorf("load the contract: %v", err)
		return
	}
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		return // no operation of the contract
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{
			MultiError: true, IncludeResponseStatus: true,
			AuthenticationFunc: func(context.Context, *openapi3filter.AuthenticationInput) error { return nil },
		},
	}
	input.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(r.Context(), input); err != nil {
		c.t.Errorf("%s %s: the answer is not in the contract: %d: %v", r.Method, r.URL.Path, response.StatusCode, err)
	}
}
