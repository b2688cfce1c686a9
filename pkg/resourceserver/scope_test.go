package resourceserver_test

import (
	"errors"
	"testing"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

func TestScopeCovers(t *testing.T) {
	tests := []struct {
		have, want string
		covers     bool
	}{
		{"lighthouse.workspaces:readonly", "lighthouse.workspaces:readonly", true},
		{"lighthouse.workspaces:editor", "lighthouse.workspaces:readonly", true},
		{"lighthouse.workspaces:admin", "lighthouse.workspaces:editor", true},
		{"lighthouse.workspaces:readonly", "lighthouse.workspaces:editor", false},
		{"lighthouse:readonly", "lighthouse.workspaces:readonly", true},
		{"lighthouse:admin", "lighthouse.workspaces:editor", true},
		{"lighthouse:readonly", "lighthouse.workspaces:editor", false},
		{"lighthouse.workspaces:admin", "lighthouse:readonly", false},
		{"lighthouse.views:admin", "lighthouse.workspaces:readonly", false},
		{"cca:admin", "lighthouse:readonly", false},
		{"lighthouse:admin", "lighthouse:owner", false},
		{"lighthouse:owner", "lighthouse:owner", true},
		{"lighthouse:owner", "lighthouse:readonly", false},
		{"lighthouse:admin", "lighthouses:readonly", false},
		{"", "lighthouse:readonly", false},
		{":admin", ":readonly", false},
		{"lighthouse", "lighthouse:readonly", false},
	}
	for _, test := range tests {
		if got := (resourceserver.Scopes{test.have}).Covers(test.want); got != test.covers {
			t.Errorf("%q covers %q: got %v", test.have, test.want, got)
		}
	}
}

func TestRequirements(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	token := issuer.Token(claims{"scope": "lighthouse.workspaces:editor cca:readonly"})

	tests := map[string]struct {
		requirement resourceserver.Requirement
		want        error
	}{
		"none, not even AllScopes":  {resourceserver.Requirement{}, resourceserver.ErrInsufficientScope},
		"no scopes":                 {resourceserver.AllScopes(), nil},
		"a covered scope":           {resourceserver.AllScopes("lighthouse.workspaces:readonly"), nil},
		"all covered":               {resourceserver.AllScopes("lighthouse.workspaces:readonly", "cca:readonly"), nil},
		"one of all isn't covered":  {resourceserver.AllScopes("lighthouse.workspaces:readonly", "cca:editor"), resourceserver.ErrInsufficientScope},
		"any of none":               {resourceserver.AnyScope(), resourceserver.ErrInsufficientScope},
		"any, the second covered":   {resourceserver.AnyScope("spot:admin", "cca:readonly"), nil},
		"any, none covered":         {resourceserver.AnyScope("spot:admin", "cca:admin"), resourceserver.ErrInsufficientScope},
		"the token's tenancy":       {resourceserver.Tenancy(resourceservertest.TenancyID), nil},
		"another tenancy":           {resourceserver.Tenancy("other"), resourceserver.ErrTenancy},
		"a tenancy that is missing": {resourceserver.Tenancy(""), resourceserver.ErrTenancy},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := verifier.Verify(t.Context(), token, test.requirement); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
