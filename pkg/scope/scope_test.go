package scope_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/scope"
)

func TestCoveringFollowsProductFeatureAndAccess(t *testing.T) {
	tests := []struct {
		have, want scope.Scope
		covers     bool
	}{
		{"cca:readonly", "cca:readonly", true},
		{"cca:editor", "cca:readonly", true},
		{"cca:admin", "cca:readonly", true},
		{"cca:admin", "cca:editor", true},
		{"cca:readonly", "cca:editor", false},
		{"cca:editor", "cca:admin", false},

		{"lighthouse:admin", "lighthouse.workspaces:editor", true},
		{"lighthouse:admin", "lighthouse.workspaces:readonly", true},
		{"lighthouse:readonly", "lighthouse.workspaces:readonly", true},
		{"lighthouse:readonly", "lighthouse.workspaces:editor", false},
		{"lighthouse.workspaces:editor", "lighthouse.workspaces:readonly", true},
		{"lighthouse.workspaces:readonly", "lighthouse.workspaces:editor", false},

		{"lighthouse.workspaces:editor", "lighthouse.drafts:readonly", false},
		{"lighthouse.workspaces:editor", "lighthouse:readonly", false},
		{"lighthouse.workspaces:editor", "lighthouse:editor", false},
		{"cca:admin", "spot:readonly", false},
		{"cca:admin", "cca-two:readonly", false},
		{"lighthouse.work:admin", "lighthouse.workspaces:readonly", false},
		{"settings:admin", scope.APIKeysEditor, true},
		{"settings:admin", scope.TokensReadonly, true},

		// A text that is not a scope covers nothing, and nothing but itself covers it.
		{"", "cca:readonly", false},
		{"cca:admin", "", false},
		{"cca:admin", "cca", false},
		{"cca:admin", "cca:owner", false},
		{"cca:owner", "cca:readonly", false},
		{":admin", ":readonly", false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s over %s", test.have, test.want), func(t *testing.T) {
			if got := test.have.Covers(test.want); got != test.covers {
				t.Errorf("%q covers %q: %v, want %v", test.have, test.want, got, test.covers)
			}
		})
	}
}

// anyScope draws from few names, so that scopes often have something in common.
func anyScope() *rapid.Generator[scope.Scope] {
	return rapid.Custom(func(t *rapid.T) scope.Scope {
		product := rapid.SampledFrom([]string{"cca", "spot", "sp-manager"}).Draw(t, "product")
		feature := rapid.SampledFrom([]string{"", ".drafts", ".on-premise"}).Draw(t, "feature")
		access := rapid.SampledFrom([]scope.Access{scope.Admin, scope.Editor, scope.Readonly}).Draw(t, "access")
		return scope.Scope(product + feature + ":" + string(access))
	})
}

func TestCoveringIsAPartialOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyScope().Draw(t, "a"), anyScope().Draw(t, "b"), anyScope().Draw(t, "c")
		if !a.Covers(a) {
			t.Fatalf("%s does not cover itself", a)
		}
		if a.Covers(b) && b.Covers(c) && !a.Covers(c) {
			t.Fatalf("%s covers %s covers %s, but the first does not cover the last", a, b, c)
		}
		if a != b && a.Covers(b) && b.Covers(a) {
			t.Fatalf("%s and %s cover each other", a, b)
		}
	})
}

func TestSetCoversWhatOneOfItsScopesCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have := scope.NewSet(rapid.SliceOfN(anyScope(), 0, 5).Draw(t, "have")...)
		want := scope.NewSet(rapid.SliceOfN(anyScope(), 0, 5).Draw(t, "want")...)
		all := true
		for _, w := range want {
			one := false
			for _, h := range have {
				one = one || h.Covers(w)
			}
			if have.Covers(w) != one {
				t.Fatalf("%s covers %s: %v, want %v", have, w, have.Covers(w), one)
			}
			all = all && one
		}
		if have.CoversAll(want) != all {
			t.Fatalf("%s covers all of %s: %v, want %v", have, want, have.CoversAll(want), all)
		}
	})
}

func TestEverySetCoversTheEmptySet(t *testing.T) {
	if !scope.Set(nil).CoversAll(nil) || !(scope.Set{"cca:admin"}).CoversAll(scope.Set{}) {
		t.Error("the empty set is not covered")
	}
	if scope.Set(nil).CoversAll(scope.Set{"cca:readonly"}) {
		t.Error("the empty set covers something")
	}
}

func TestParseRefusesWhatIsNotAScope(t *testing.T) {
	bad := []string{
		"", " ", "cca", "cca:", ":readonly", "cca:owner", "CCA:readonly", "cca:Readonly", "cca :readonly", "cca:readonly ",
		"cca:readonly\n", "cca..drafts:readonly", "cca.:readonly", ".cca:readonly", "cca.a.b:readonly", "-cca:readonly", "cca-:readonly",
		"c--ca:readonly", "cca:readonly:editor", "previsão:readonly", "cca\x00:readonly", "cca\xff:readonly", "cca_two:readonly", "cca:*",
		strings.Repeat("a", 92) + ":readonly",
	}
	for _, text := range bad {
		if s, err := scope.Parse(text); err == nil {
			t.Errorf("%q is accepted as %q", text, s)
		}
	}
	for _, text := range []string{"cca:admin", "sp-manager:editor", "lighthouse.consumption-groups:readonly", "7.a1-b2:admin", strings.Repeat("a", 91) + ":readonly"} {
		if s, err := scope.Parse(text); err != nil || string(s) != text {
			t.Errorf("%q is read as %q, %v", text, s, err)
		}
	}
}

func TestSetsAreSortedAndWithoutDuplicates(t *testing.T) {
	given := []scope.Scope{"spot:editor", "cca:admin", "spot:editor", "autofix:readonly"}
	set := scope.NewSet(given...)
	if want := (scope.Set{"autofix:readonly", "cca:admin", "spot:editor"}); !slices.Equal(set, want) {
		t.Errorf("the set is %v, want %v", set, want)
	}
	if given[0] != "spot:editor" {
		t.Error("making a set changed what it was made from")
	}
	if set.String() != "autofix:readonly cca:admin spot:editor" {
		t.Errorf("as text: %q", set)
	}
	if !set.Contains("cca:admin") || set.Contains("cca:readonly") {
		t.Error("Contains is about listed scopes, not about covered ones")
	}
	if list := scope.Set(nil).Strings(); list == nil || len(list) != 0 {
		t.Errorf("the strings of no scopes are %#v, want an empty list that is not nil", list)
	}
}

func TestParseSetRefusesStraySpacesAndBadScopes(t *testing.T) {
	for _, text := range []string{" ", " cca:admin", "cca:admin ", "cca:admin  spot:admin", "cca:admin,spot:admin", "cca:admin\tspot:admin", "cca:admin bad"} {
		if set, err := scope.ParseSet(text); err == nil {
			t.Errorf("%q is accepted as %v", text, set)
		}
	}
	if set, err := scope.ParseSet(""); err != nil || len(set) != 0 {
		t.Errorf("the empty text is %v, %v; want the empty set", set, err)
	}
	set, err := scope.ParseSet("spot:admin cca:admin spot:admin")
	if err != nil || set.String() != "cca:admin spot:admin" {
		t.Errorf("read as %q, %v", set, err)
	}
}

func TestSetSurvivesItsTextForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := scope.NewSet(rapid.SliceOf(anyScope()).Draw(t, "scopes")...)
		read, err := scope.ParseSet(set.String())
		if err != nil || !slices.Equal(read, set) {
			t.Fatalf("%v was read back as %v, %v", set, read, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"cca:admin", "lighthouse.drafts:readonly", "", "cca:", "a.b.c:admin", "\xff:admin", "cca:admin\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scope.Parse(text)
		if err != nil {
			if s != "" {
				t.Errorf("an error comes with the scope %q", s)
			}
			return
		}
		if string(s) != text || !s.Covers(s) || len(text) > 100 || strings.ToLower(text) != text || strings.ContainsAny(text, " \n\x00\"\\") {
			t.Errorf("%q is accepted as %q", text, s)
		}
		if access := s.Access(); access != scope.Admin && access != scope.Editor && access != scope.Readonly {
			t.Errorf("%q grants %q", s, access)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	for _, seed := range []string{"", "cca:admin", "cca:admin spot:readonly", "cca:admin  spot:readonly", "b:admin a:admin b:admin", " "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := scope.ParseSet(text)
		if err != nil {
			return
		}
		again, err := scope.ParseSet(set.String())
		if err != nil || !slices.Equal(again, set) || !slices.IsSorted(set) {
			t.Errorf("%q is read as %v and again as %v, %v", text, set, again, err)
		}
		for _, field := range strings.Fields(text) {
			if !set.Contains(scope.Scope(field)) {
				t.Errorf("%q is read as %v, without %s", text, set, field)
			}
		}
	})
}
