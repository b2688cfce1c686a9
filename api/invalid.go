package api

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// messageExtension is the member of a schema in the contract that says in words what a valid value is, where its bounds or its
// pattern alone don't say it well.
const messageExtension = "x-message"

// describe turns what the validator found into one predicate for each field.
func (op *operation) describe(err error) error {
	d := description{op: op, named: map[string]bool{}}
	d.add(err, "")
	if len(d.invalid) == 0 {
		// The validator objected to something that a caller can't get wrong, so the contract itself is at fault.
		return fmt.Errorf("check request: %w", err)
	}
	return d.invalid
}

type description struct {
	op      *operation
	invalid apikey.InvalidError
	named   map[string]bool // objects whose unknown members are listed already
}

// add collects the errors below err. parameter is the parameter that they concern; it is empty for the body.
func (d *description) add(err error, parameter string) {
	switch e := err.(type) { //nolint:errorlint // the validator's errors are walked level by level
	case nil:
	case openapi3.MultiError:
		for _, part := range e {
			d.add(part, parameter)
		}
	case *openapi3filter.RequestError:
		d.addRequest(e)
	case *openapi3.SchemaError:
		d.addSchema(e, parameter)
	}
}

func (d *description) addRequest(e *openapi3filter.RequestError) {
	name := wholeBody
	var schema *openapi3.Schema
	if e.Parameter != nil {
		name = e.Parameter.Name
		schema = e.Parameter.Schema.Value
	}
	var parse *openapi3filter.ParseError
	switch {
	case errors.Is(e.Err, openapi3filter.ErrInvalidRequired):
		d.note(name, "is required")
	case errors.Is(e.Err, openapi3filter.ErrInvalidEmptyValue):
		d.note(name, "must not be empty")
	case errors.As(e.Err, &parse) && schema != nil:
		d.note(name, typePredicate(schema))
	case e.Parameter != nil:
		d.add(e.Err, name)
	default:
		d.add(e.Err, "")
	}
	if len(d.invalid) == 0 && e.Parameter == nil && errors.As(e.Err, &parse) {
		d.note(name, "must be valid JSON")
	}
}

func (d *description) addSchema(e *openapi3.SchemaError, parameter string) {
	if len(d.invalid) == invalidMax {
		return
	}
	path := e.JSONPointer()
	for i, part := range path {
		path[i] = printable(part)
	}
	if parameter != "" {
		path = []string{parameter}
	}
	if e.SchemaField == "properties" {
		d.addUnknown(e, path)
		return
	}
	d.note(fieldName(path), predicate(e))
}

// addUnknown lists the members that the schema does not have. The validator returns one error for each of them, which names the
// member only in its text. So the first error lists all of them, and the others are skipped.
func (d *description) addUnknown(e *openapi3.SchemaError, path []string) {
	object := fieldName(path)
	if d.named[object] {
		return
	}
	d.named[object] = true
	members, _ := e.Value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if e.Schema.Properties[name] != nil {
			continue
		}
		message := "is not a known member"
		if len(path) == 0 && d.op.answered[name] {
			message = "can't be set"
			if d.op.route.Method == http.MethodPatch {
				message = immutable
			}
		}
		d.note(fieldName(append(path[:len(path):len(path)], printable(name))), message)
	}
}

// immutable is the message for members that only the service sets.
const immutable = "can't be changed"

// note adds an error, but only the first one for each field.
func (d *description) note(field, message string) {
	known := slices.ContainsFunc(d.invalid, func(e apikey.FieldError) bool { return e.Field == field })
	if !known && len(d.invalid) < invalidMax {
		d.invalid = append(d.invalid, apikey.FieldError{Field: field, Message: message})
	}
}

// predicate says in words what the schema requires of a value.
func predicate(e *openapi3.SchemaError) string {
	schema := e.Schema
	if schema == nil {
		return "is invalid"
	}
	if schema.ReadOnly {
		return immutable
	}
	if e.Value == nil && e.SchemaField != "required" {
		return "must not be null"
	}
	switch e.SchemaField {
	case "required":
		return "is required"
	case "type":
		return typePredicate(schema)
	case "enum":
		return "must be " + alternatives(schema.Enum)
	case "minimum", "maximum", "pattern", "format":
		if message, ok := schema.Extensions[messageExtension].(string); ok {
			return message
		}
		return boundsPredicate(schema)
	case "minLength":
		if schema.MinLength == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", schema.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *schema.MaxLength)
	case "minItems":
		if schema.MinItems == 1 {
			return "must have at least 1 entry"
		}
		return fmt.Sprintf("must have at least %d entries", schema.MinItems)
	case "maxItems":
		return fmt.Sprintf("must have at most %d entries", *schema.MaxItems)
	case "minProperties":
		return "must have at least one member"
	default:
		return "is invalid"
	}
}

func boundsPredicate(schema *openapi3.Schema) string {
	switch {
	case schema.Min != nil && schema.Max != nil:
		return fmt.Sprintf("must be between %.0f and %.0f", *schema.Min, *schema.Max)
	case schema.Min != nil:
		return fmt.Sprintf("must be at least %.0f", *schema.Min)
	case schema.Max != nil:
		return fmt.Sprintf("must be at most %.0f", *schema.Max)
	default:
		return "has an invalid form"
	}
}

func typePredicate(schema *openapi3.Schema) string {
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		return wholeNumber
	case schema.Type.Is(openapi3.TypeString):
		return "must be a string"
	case schema.Type.Is(openapi3.TypeArray):
		return "must be a list"
	case schema.Type.Is(openapi3.TypeObject):
		return "must be an object"
	default:
		return "has the wrong type"
	}
}

// alternatives lists values as "a, b or c".
func alternatives(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
