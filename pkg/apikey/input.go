package apikey

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"

	"github.com/piercloud/apikeys/pkg/scope"
)

// Draft is the input for a new key.
type Draft struct {
	Name        string   `json:"name"        validate:"required,max=100,text=line,visible"`
	Description string   `json:"description" validate:"max=500,text=lines"`
	Scopes      []string `json:"scopes"      validate:"min=1,max=100"`
	Lifespan    Lifespan `json:"token_lifespan" validate:"-"`
	RateLimit   int      `json:"rate_limit,omitempty" validate:"omitempty,min=1,max=100000"` // see [Key]
}

// Patch is an edit; nil fields stay unchanged.
type Patch struct {
	Name          *string
	Description   *string
	Scopes        *[]string
	LifespanValue *int
	LifespanUnit  *Unit
	RateLimit     *int // 0 to return to the configured limit
}

// apply returns the draft that results from applying the patch to a key.
func (p Patch) apply(k Key) Draft {
	d := Draft{Name: k.Name, Description: k.Description, Scopes: k.Scopes.Strings(), Lifespan: k.Lifespan, RateLimit: k.RateLimit}
	if p.Name != nil {
		d.Name = *p.Name
	}
	if p.Description != nil {
		d.Description = *p.Description
	}
	if p.Scopes != nil {
		d.Scopes = *p.Scopes
	}
	if p.LifespanValue != nil {
		d.Lifespan.Value = *p.LifespanValue
	}
	if p.LifespanUnit != nil {
		d.Lifespan.Unit = *p.LifespanUnit
	}
	if p.RateLimit != nil {
		d.RateLimit = *p.RateLimit
	}
	return d
}

// check normalises the draft and returns its scopes. Scopes that the key already has stay allowed even if the catalogue no longer
// lists them. Errors: an [InvalidError] that lists everything that is wrong.
func (d *Draft) check(catalogue *scope.Catalogue, has scope.Set) (scope.Set, error) {
	d.Name = strings.TrimSpace(d.Name)
	invalid := validateStruct(d)
	scopes := make([]scope.Scope, 0, len(d.Scopes))
	if len(d.Scopes) <= scopesMax {
		for i, text := range d.Scopes {
			s, err := scope.Parse(text)
			if err != nil || (!catalogue.Contains(s) && !has.Contains(s)) {
				invalid = append(invalid, FieldError{fmt.Sprintf("scopes.%d", i), fmt.Sprintf("%q is not a scope of the catalogue", truncate(text))})
				continue
			}
			scopes = append(scopes, s)
		}
	}
	var lifespan InvalidError
	if errors.As(d.Lifespan.Validate(), &lifespan) {
		invalid = append(invalid, lifespan...)
	}
	if len(invalid) > 0 {
		return nil, invalid
	}
	return scope.NewSet(scopes...), nil
}

// scopesMax bounds the number of scopes of one key, so that a token always fits into a header.
const scopesMax = 100

// truncate keeps error messages short, whatever was sent.
func truncate(text string) string {
	const limit = 60
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

var validate = newValidator()

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	for tag, rule := range map[string]validator.Func{"text": validText, "visible": visible} {
		if err := v.RegisterValidation(tag, rule); err != nil {
			panic(err) // only for a malformed tag name
		}
	}
	return v
}

// validText accepts valid UTF-8 without control characters; with the parameter "lines", line breaks and tabs are allowed.
func validText(field validator.FieldLevel) bool {
	text, multiline := field.Field().String(), field.Param() == "lines"
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return controls(r) && !(multiline && strings.ContainsRune("\n\r\t\u2028\u2029", r))
	})
}

// controls reports whether a character exists for its effect on the text around it: control characters, Unicode's line breaks,
// and the characters that set the direction of all the text after them, which can make one name look like another. The marks that
// right-to-left text needs (U+061C, U+200E, U+200F) are excluded because they affect only their neighbours.
func controls(r rune) bool {
	const embeddings, isolates = "\u202a\u202b\u202c\u202d\u202e", "\u2066\u2067\u2068\u2069"
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) || strings.ContainsRune(embeddings+isolates, r)
}

// visible rejects text that looks empty because it consists of zero-width spaces and the like, or of letters that some scripts
// leave blank.
func visible(field validator.FieldLevel) bool {
	return strings.ContainsFunc(field.Field().String(), func(r rune) bool {
		const brailleBlank = 0x2800
		return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != brailleBlank
	})
}

// validateStruct applies the rules in the struct's tags and describes the violations in words.
func validateStruct(s any) InvalidError {
	var found validator.ValidationErrors
	if !errors.As(validate.Struct(s), &found) {
		return nil
	}
	invalid := make(InvalidError, len(found))
	for i, f := range found {
		invalid[i] = FieldError{f.Field(), ruleMessage(f)}
	}
	return invalid
}

func ruleMessage(f validator.FieldError) string {
	list := f.Kind() == reflect.Slice
	switch {
	case f.Tag() == "required":
		return "is required"
	case f.Kind() == reflect.Int:
		return "must be between 1 and 100000"
	case f.Tag() == "max" && list:
		return fmt.Sprintf("must have at most %s entries", f.Param())
	case f.Tag() == "max":
		return fmt.Sprintf("must have at most %s characters", f.Param())
	case f.Tag() == "min" && list:
		return fmt.Sprintf("must have at least %s entry", f.Param())
	case f.Tag() == "visible":
		return "must have a character that can be seen"
	default:
		return "must be text without control characters"
	}
}
