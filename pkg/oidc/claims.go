package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/piercloud/apikeys/pkg/operator"
)

// emailClaim is the claim with the e-mail address (OpenID Connect Core 1.0 §5.1), whose name is the same for all providers.
const emailClaim = "email"

// everybody is the value of a rule that applies to everyone whom the provider admits.
const everybody = "*"

// rule gives a role to those who have a value in the role claim.
type rule struct {
	role  operator.Role
	value string
}

// Roles maps the values of a claim to a role. The zero Roles gives none.
type Roles struct{ rules []rule }

// ParseRoles parses rules such as "admin=keys-admins,editor=keys-editors,readonly=*", where * stands for everyone whom the
// provider admits; a role may have several rules. The value * is not accepted for admin.
func ParseRoles(text string) (Roles, error) {
	var r Roles
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		role := operator.Role(name)
		switch {
		case !ok || value == "" || !role.Valid():
			return Roles{}, fmt.Errorf("must be a list such as admin=keys-admins,editor=keys-editors,readonly=*, not %q", part)
		case role == operator.Admin && value == everybody:
			return Roles{}, errors.New("must not make everybody an admin; name a value of the claim")
		}
		r.rules = append(r.rules, rule{role, value})
	}
	return r, nil
}

// of returns the highest of the roles that the values give, or none.
func (r Roles) of(values []string) operator.Role {
	var given operator.Role
	for _, rule := range r.rules {
		if (rule.value == everybody || slices.Contains(values, rule.value)) && !given.Allows(rule.role) {
			given = rule.role
		}
	}
	return given
}

// assertion returns what the claims of a verified ID token assert, supplemented by those of the userinfo endpoint, if any. A
// document vouches for no other address than its own, so the address and its verification are taken from the same one, unless
// both have the same address.
func (c Config) assertion(idToken, userInfo map[string]any) operator.Assertion {
	subject, _ := idToken["sub"].(string)
	email, there := idToken[emailClaim].(string)
	verified := lookUp(idToken, c.VerifiedClaim)
	if !there || verified == nil && userInfo[emailClaim] == email {
		email, _ = userInfo[emailClaim].(string)
		verified = lookUp(userInfo, c.VerifiedClaim)
	}
	roles := lookUp(idToken, c.RoleClaim)
	if roles == nil {
		roles = lookUp(userInfo, c.RoleClaim)
	}
	return operator.Assertion{
		Identity: operator.Identity{Issuer: c.Issuer, Subject: subject}, Email: email, EmailVerified: isTrue(verified),
		Role: c.Roles.of(textsOf(roles)),
	}
}

// lookUp returns a claim, or nil. A name with dots is either that of a claim, as in https://example.com/roles, or a path into
// nested objects, as in realm_access.roles.
func lookUp(claims map[string]any, path string) any {
	if value, ok := claims[path]; ok {
		return value
	}
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		return nil
	}
	inner, _ := claims[name].(map[string]any)
	return lookUp(inner, rest)
}

// textsOf returns the strings in a claim, which may be one or a list.
func textsOf(claim any) []string {
	switch c := claim.(type) {
	case string:
		return []string{c}
	case []any:
		var texts []string
		for _, each := range c {
			if text, ok := each.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	default:
		return nil
	}
}

// isTrue reports whether a claim is true; some providers encode it as a string or a number.
func isTrue(claim any) bool {
	switch c := claim.(type) {
	case bool:
		return c
	case string:
		return c == "true" || c == "1"
	case float64:
		return c == 1
	default:
		return false
	}
}
