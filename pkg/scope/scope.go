// Package scope owns how access is named: the form of a scope, which scope covers which, and the catalogue of scopes that a key
// can be granted.
//
// A scope is "<product>[.<feature>]:<access>" in lower case with dashes for spaces, such as "lighthouse.workspaces:readonly"
// or "cca:admin".
package scope

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Access is a type of access. Each type covers those after it: admin, editor, readonly.
type Access string

// The types of access.
const (
	Admin    Access = "admin"
	Editor   Access = "editor"
	Readonly Access = "readonly"
)

// rank orders the types of access; 0 for an unknown one.
func (a Access) rank() int {
	switch a {
	case Admin:
		return 3
	case Editor:
		return 2
	case Readonly:
		return 1
	default:
		return 0
	}
}

// The scopes that this service requires at its own routes.
const (
	APIKeysReadonly Scope = "settings.api-keys:readonly"
	APIKeysEditor   Scope = "settings.api-keys:editor"
	TokensReadonly  Scope = "settings.tokens:readonly"
)

// Scope is one scope in its text form.
type Scope string

var pattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?:(admin|editor|readonly)$`)

// Parse returns s as a scope. The error says what form a scope has.
func Parse(s string) (Scope, error) {
	if len(s) > 100 || !pattern.MatchString(s) {
		return "", fmt.Errorf("%q is not of the form <product>[.<feature>]:<access>", s)
	}
	return Scope(s), nil
}

// split returns the parts of a scope; all are empty if there is no colon.
func (s Scope) split() (product, feature string, access Access) {
	resource, a, ok := strings.Cut(string(s), ":")
	if !ok {
		return "", "", ""
	}
	product, feature, _ = strings.Cut(resource, ".")
	return product, feature, Access(a)
}

// Covers reports whether holding s is sufficient where want is required: it must be of the same product, of the same feature or
// of the whole product, and have at least the same access.
func (s Scope) Covers(want Scope) bool {
	if s == want {
		return true
	}
	product, feature, access := s.split()
	wantProduct, wantFeature, wantAccess := want.split()
	if product == "" || product != wantProduct || wantAccess.rank() == 0 {
		return false
	}
	return (feature == "" || feature == wantFeature) && access.rank() >= wantAccess.rank()
}

// Set is a list of scopes, sorted and without duplicates.
type Set []Scope

// NewSet returns the scopes as a set.
func NewSet(scopes ...Scope) Set {
	set := slices.Clone(scopes)
	slices.Sort(set)
	return Set(slices.Compact(set))
}

// ParseSet parses scopes separated by single spaces, as in an OAuth 2.0 request (RFC 6749 §3.3). The empty string yields the
// empty set.
func ParseSet(s string) (Set, error) {
	if s == "" {
		return nil, nil
	}
	fields := strings.Split(s, " ")
	scopes := make([]Scope, len(fields))
	for i, f := range fields {
		parsed, err := Parse(f)
		if err != nil {
			return nil, err
		}
		scopes[i] = parsed
	}
	return NewSet(scopes...), nil
}

// String returns the scopes separated by spaces.
func (s Set) String() string {
	return strings.Join(s.Strings(), " ")
}

// Strings returns the scopes as strings; never nil.
func (s Set) Strings() []string {
	list := make([]string, len(s))
	for i, scope := range s {
		list[i] = string(scope)
	}
	return list
}

// Contains reports whether the set lists exactly this scope.
func (s Set) Contains(want Scope) bool {
	_, found := slices.BinarySearch(s, want)
	return found
}

// Covers reports whether some scope of the set covers want.
func (s Set) Covers(want Scope) bool {
	return slices.ContainsFunc(s, func(have Scope) bool { return have.Covers(want) })
}

// CoversAll reports whether the set covers every scope in want. An empty want is always covered.
func (s Set) CoversAll(want Set) bool {
	return !slices.ContainsFunc(want, func(w Scope) bool { return !s.Covers(w) })
}

// CoversAny reports whether the set covers at least one scope in want.
func (s Set) CoversAny(want Set) bool {
	return slices.ContainsFunc(want, s.Covers)
}
