package oidc_test

import (
	"testing"

	"github.com/piercloud/apikeys/pkg/oidc"
)

func TestTheHighestRoleThatAValueGivesIsTheRole(t *testing.T) {
	roles, err := oidc.ParseRoles("readonly=staff, editor=keys-editors,admin=keys-admins,admin=root=yes")
	if err != nil {
		t.Fatal(err)
	}
	for want, each := range map[string][][]string{
		"":         {{}, {""}, {"*"}, {"Staff"}, {"keys-admins "}, {"root"}, {"keys-admins,staff"}},
		"readonly": {{"staff"}, {"other", "staff"}},
		"editor":   {{"staff", "keys-editors"}, {"keys-editors"}},
		"admin":    {{"keys-admins", "staff", "keys-editors"}, {"root=yes"}},
	} {
		for _, values := range each {
			if got := roles.Of(values...); got != want {
				t.Errorf("%q give %q, want %q", values, got, want)
			}
		}
	}
	all, err := oidc.ParseRoles("editor=keys-editors,readonly=*")
	if err != nil {
		t.Fatal(err)
	}
	if all.Of() != "readonly" || all.Of("keys-editors") != "editor" || (oidc.Roles{}).Of("*", "") != "" {
		t.Errorf("everybody is %q, an editor %q", all.Of(), all.Of("keys-editors"))
	}
	for _, bad := range []string{"", ",", "admin", "admin=", "=keys-admins", "owner=keys-admins", "Admin=keys-admins", "admin=*", "admin=a,", "admin:a"} {
		if _, err := oidc.ParseRoles(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestAClaimMayHaveDotsInItsNameOrLieInObjects(t *testing.T) {
	claims := map[string]any{
		"groups": "a", "https://example.com/roles": "b", "realm_access": map[string]any{"roles": "c", "deep.er": "d"}, "text": "e",
	}
	for path, want := range map[string]any{
		"groups": "a", "https://example.com/roles": "b", "realm_access.roles": "c", "realm_access.deep.er": "d",
		"realm_access.none": nil, "text.more": nil, "none.roles": nil, "": nil, ".": nil, "realm_access.": nil,
	} {
		if got := oidc.LookUp(claims, path); got != want {
			t.Errorf("%q: got %v, want %v", path, got, want)
		}
	}
}
