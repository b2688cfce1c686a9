package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/piercloud/apikeys/api/internal/oas"
)

// contract is what openapi.yaml says of the routes that are generated from it, prepared for checking requests against it.
type contract struct {
	operations map[string]*operation // by operationId
}

// operation is what a request is checked against.
type operation struct {
	route *routers.Route
	query map[string]*openapi3.Schema // the operation's query parameters, by name
	// ignoresOthers: unknown query parameters are ignored, not refused.
	ignoresOthers bool
	// media are the media types that its body may have; nil if it has no body.
	media []string
	// answered holds the names of its answer's members. A body that has one of these without its own schema listing it is told that
	// the member can't be set, rather than that it is unknown.
	answered map[string]bool
}

// loadContract returns the contract. It is read only once, since it is the same for every handler of a process, and none changes
// it.
var loadContract = sync.OnceValues(readContract)

// readContract reads the contract.
func readContract() (*contract, error) {
	doc, err := oas.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("load contract: %w", err)
	}
	c := &contract{operations: make(map[string]*operation)}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			c.operations[o.OperationID] = newOperation(&routers.Route{
				Spec: doc, Path: path, PathItem: item, Method: method, Operation: o,
			})
		}
	}
	return c, nil
}

func newOperation(route *routers.Route) *operation {
	op := &operation{route: route, query: map[string]*openapi3.Schema{}, answered: map[string]bool{}}
	op.ignoresOthers = route.Operation.Extensions["x-other-parameters"] == "ignored"
	for _, parameters := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
		for _, p := range parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				op.query[p.Value.Name] = p.Value.Schema.Value
			}
		}
	}
	if body := route.Operation.RequestBody; body != nil {
		op.media = slices.Sorted(maps.Keys(body.Value.Content))
	}
	for _, status := range []int{http.StatusOK, http.StatusCreated} {
		if answer := route.Operation.Responses.Status(status); answer != nil {
			for _, media := range answer.Value.Content {
				addMembers(op.answered, media.Schema)
			}
		}
	}
	return op
}

// addMembers collects the names of an object's members, including those of the schemas that it is composed of.
func addMembers(members map[string]bool, schema *openapi3.SchemaRef) {
	for name := range schema.Value.Properties {
		members[name] = true
	}
	for _, part := range schema.Value.AllOf {
		addMembers(members, part)
	}
}
