package resourceserver

import (
	"slices"
	"strings"
)

// Scopes are the scopes of a token, as granted: "<product>[.<feature>]:<access>", such as "lighthouse.workspaces:readonly".
type Scopes []string

// Covers reports whether some scope of the list is sufficient where want is required. A scope is sufficient if it equals want, or
// if it is of the same product, names the same feature or none, and has at least the same access: admin covers editor, which
// covers readonly.
func (s Scopes) Covers(want string) bool {
	return slices.ContainsFunc(s, func(have string) bool { return covers(have, want) })
}

// CoversAll reports whether every scope in want is covered. An empty want always is.
func (s Scopes) CoversAll(want ...string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !s.Covers(w) })
}

// CoversAny reports whether at least one scope in want is covered. An empty want never is.
func (s Scopes) CoversAny(want ...string) bool {
	return slices.ContainsFunc(want, s.Covers)
}

func covers(have, want string) bool {
	if have == want {
		return true
	}
	haveResource, haveAccess, _ := strings.Cut(have, ":")
	wantResource, wantAccess, _ := strings.Cut(want, ":")
	haveProduct, haveFeature, _ := strings.Cut(haveResource, ".")
	wantProduct, wantFeature, _ := strings.Cut(wantResource, ".")
	if haveProduct == "" || haveProduct != wantProduct || accessRank(wantAccess) == 0 {
		return false
	}
	return (haveFeature == "" || haveFeature == wantFeature) && accessRank(haveAccess) >= accessRank(wantAccess)
}

// accessRank orders the kinds of access; 0 means an unknown one.
func accessRank(access string) int {
	switch access {
	case "admin":
		return 3
	case "editor":
		return 2
	case "readonly":
		return 1
	default:
		return 0
	}
}

// Requirement is what a token must satisfy beyond being valid. Make one with AllScopes, AnyScope or Tenancy. It keeps the slice
// of scopes it is made from instead of copying it, so making one for each request costs nothing. No token satisfies the zero
// value.
type Requirement struct {
	kind   requirementKind
	values []string
}

type requirementKind int

const (
	anyScope requirementKind = iota // the zero Requirement: at least one of no scopes
	allScopes
	tenancy
)

// AllScopes requires a token that covers every one of scopes.
func AllScopes(scopes ...string) Requirement { return Requirement{kind: allScopes, values: scopes} }

// AnyScope requires a token that covers at least one of scopes. With none given, no token satisfies it.
func AnyScope(scopes ...string) Requirement { return Requirement{kind: anyScope, values: scopes} }

// Tenancy requires a token of the tenancy with this ID. No token satisfies an empty ID, so a path value that is missing by
// mistake doesn't open the route.
func Tenancy(id string) Requirement { return Requirement{kind: tenancy, values: []string{id}} }

// check returns nil, an *InsufficientScopeError or ErrTenancy.
func (q Requirement) check(tenancyID string, scopes Scopes) error {
	switch q.kind {
	case anyScope:
		if !scopes.CoversAny(q.values...) {
			return &InsufficientScopeError{Scopes: slices.Clone(q.values), Any: true}
		}
	case tenancy:
		if tenancyID == "" || tenancyID != q.values[0] {
			return ErrTenancy
		}
	default:
		if !scopes.CoversAll(q.values...) {
			return &InsufficientScopeError{Scopes: slices.Clone(q.values)}
		}
	}
	return nil
}
