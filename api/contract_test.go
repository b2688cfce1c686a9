package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// readContract reads and checks the openapi.yaml of the repository.
var readContract = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

func contractDocument(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// contract finds the operation of a request.
var contract = sync.OnceValues(func() (routers.Router, error) {
	doc, err := readContract()
	if err != nil {
		return nil, err
	}
	// The contract describes bodies of these types as text, and they are checked as such.
	openapi3filter.RegisterBodyDecoder("application/yaml", openapi3filter.RegisteredBodyDecoder("text/plain"))
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.RegisteredBodyDecoder("text/plain"))
	openapi3filter.RegisterBodyDecoder("application/statuslist+jwt", openapi3filter.RegisteredBodyDecoder("text/plain"))
	return gorillamux.NewRouter(doc)
})

// contractTransport makes requests, and fails the test if the contract does not describe the answer.
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

// checkAnswer returns how an answer deviates from the contract.
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

// TestNoMemberOfAnAnswerIsReadOnly: generated clients omit read-only members when they serialize an answer, including the secret
// that is shown only once.
func TestNoMemberOfAnAnswerIsReadOnly(t *testing.T) {
	t.Parallel()
	var check func(where string, schema *openapi3.Schema)
	check = func(where string, schema *openapi3.Schema) {
		if schema.ReadOnly {
			t.Errorf("%s is", where)
		}
		for name, member := range schema.Properties {
			check(where+"."+name, member.Value)
		}
		for _, part := range schema.AllOf {
			check(where, part.Value)
		}
		if schema.Items != nil {
			check(where, schema.Items.Value)
		}
	}
	for id, operation := range contractOperations(t) {
		for _, answer := range operation.spec.Responses.Map() {
			for _, body := range answer.Value.Content {
				check(id, body.Schema.Value)
			}
		}
	}
}

func TestTheContractNamesEveryCodeOfAProblem(t *testing.T) {
	t.Parallel()
	given := map[string]bool{}
	inspectSource(t, ".", func(node ast.Node) {
		if pair, ok := node.(*ast.KeyValueExpr); ok && isNamed(pair.Key, "code") {
			given[literal(t, pair.Value)] = true
		}
	})
	wantQuoted(t, "Problem", "code", given)
}

func TestTheContractNamesEveryActionOfAnEvent(t *testing.T) {
	t.Parallel()
	logged := map[string]bool{}
	inspectSource(t, "../pkg/eventlog", func(node ast.Node) {
		if constant, ok := node.(*ast.ValueSpec); ok && isNamed(constant.Type, "Action") {
			logged[literal(t, constant.Values[0])] = true
		}
	})
	wantQuoted(t, "Event", "action", logged)
}

// inspectSource visits the Go code in a directory, without its tests.
func inspectSource(t *testing.T, dir string, visit func(ast.Node)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for node := range ast.Preorder(file) {
			visit(node)
		}
	}
}

func isNamed(node ast.Expr, name string) bool {
	identifier, ok := node.(*ast.Ident)
	return ok && identifier.Name == name
}

// literal returns the value of a string literal.
func literal(t *testing.T, node ast.Expr) string {
	t.Helper()
	written, ok := node.(*ast.BasicLit)
	if !ok {
		t.Fatalf("a %T is no text", node)
	}
	value, err := strconv.Unquote(written.Value)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

var inBackticks = regexp.MustCompile("`([^`]+)`")

// wantQuoted checks that the description of a member names exactly these values in backticks.
func wantQuoted(t *testing.T, schema, member string, want map[string]bool) {
	t.Helper()
	named := map[string]bool{}
	for _, match := range inBackticks.FindAllStringSubmatch(contractDocument(t).Components.Schemas[schema].Value.Properties[member].Value.Description, -1) {
		named[match[1]] = true
		if !want[match[1]] {
			t.Errorf("the contract names %s, which there is not", match[1])
		}
	}
	for name := range want {
		if !named[name] {
			t.Errorf("the contract does not name %s", name)
		}
	}
	if len(want) == 0 {
		t.Error("nothing is to be named")
	}
}
