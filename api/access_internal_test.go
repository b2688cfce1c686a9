package api

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/piercloud/apikeys/api/internal/oas"
)

func TestEveryOperationOfTheContractHasAnAccessRule(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(oas.Contract)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			known[o.OperationID] = true
			rule, ok := access[o.OperationID]
			switch {
			case !ok:
				t.Errorf("%s %s: %s has no rule", method, path, o.OperationID)
			case !rule.public && !rule.role.Valid():
				t.Errorf("%s: its rule lets every role in", o.OperationID)
			case rule.public != (o.Security != nil && allowsNobody(*o.Security)):
				t.Errorf("%s: rule and contract disagree on whether it is public", o.OperationID)
			}
		}
	}
	for id := range access {
		if !known[id] {
			t.Errorf("the rule for %s is for no operation", id)
		}
	}
}

// allowsNobody reports whether an operation may be called without credentials.
func allowsNobody(security openapi3.SecurityRequirements) bool {
	if len(security) == 0 {
		return true
	}
	for _, requirement := range security {
		if len(requirement) == 0 {
			return true
		}
	}
	return false
}
