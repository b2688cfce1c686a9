package apikey_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
)

// fieldsOf returns the fields that an InvalidError names, nil for any other error.
func fieldsOf(err error) []string {
	var invalid apikey.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	var fields []string
	for _, f := range invalid {
		fields = append(fields, f.Field)
	}
	return fields
}

func TestCreateNamesEveryInvalidField(t *testing.T) {
	tooMany := make([]string, 101)
	for i := range tooMany {
		tooMany[i] = "maps:admin" // not in the catalogue, but the number of scopes is checked first
	}
	tests := map[string]struct {
		alter  func(*apikey.Draft)
		fields []string
	}{
		"no name":                       {func(d *apikey.Draft) { d.Name = "" }, []string{"name"}},
		"a name of spaces":              {func(d *apikey.Draft) { d.Name = " \t\n\u00a0\u3000" }, []string{"name"}},
		"a name of blank letters":       {func(d *apikey.Draft) { d.Name = "\u3164\u115f\u1160\uffa0\u2800" }, []string{"name"}},
		"a name that can't be seen":     {func(d *apikey.Draft) { d.Name = "\u200b\u2060\u00ad" }, []string{"name"}},
		"a name of 101 characters":      {func(d *apikey.Draft) { d.Name = strings.Repeat("a", 101) }, []string{"name"}},
		"a name of 101 wide characters": {func(d *apikey.Draft) { d.Name = strings.Repeat("漢", 101) }, []string{"name"}},
		"a name with NUL":               {func(d *apikey.Draft) { d.Name = "a\x00b" }, []string{"name"}},
		"a name with a line break":      {func(d *apikey.Draft) { d.Name = "a\nb" }, []string{"name"}},
		"a name with a tab":             {func(d *apikey.Draft) { d.Name = "a\tb" }, []string{"name"}},
		"a name with an escape":         {func(d *apikey.Draft) { d.Name = "a\x1b[31mb" }, []string{"name"}},
		"a name with DEL":               {func(d *apikey.Draft) { d.Name = "a\x7f" }, []string{"name"}},
		"a name with C1":                {func(d *apikey.Draft) { d.Name = "a\u0085b" }, []string{"name"}},
		"a name with a line separator":  {func(d *apikey.Draft) { d.Name = "a\u2028b" }, []string{"name"}},
		"a name that turns the rest":    {func(d *apikey.Draft) { d.Name = "a\u202eb" }, []string{"name"}},
		"a name that isolates":          {func(d *apikey.Draft) { d.Name = "a\u2067b" }, []string{"name"}},
		"a description that turns":      {func(d *apikey.Draft) { d.Description = "a\u202db" }, []string{"description"}},
		"a name of invalid UTF-8":       {func(d *apikey.Draft) { d.Name = "a\xffb" }, []string{"name"}},
		"a long description":            {func(d *apikey.Draft) { d.Description = strings.Repeat("é", 501) }, []string{"description"}},
		"a description with NUL":        {func(d *apikey.Draft) { d.Description = "a\x00b" }, []string{"description"}},
		"a description with an escape":  {func(d *apikey.Draft) { d.Description = "a\x1bb" }, []string{"description"}},
		"a description of bad UTF-8":    {func(d *apikey.Draft) { d.Description = "\xc3\x28" }, []string{"description"}},
		"no scopes":                     {func(d *apikey.Draft) { d.Scopes = nil }, []string{"scopes"}},
		"an empty list of scopes":       {func(d *apikey.Draft) { d.Scopes = []string{} }, []string{"scopes"}},
		"101 scopes":                    {func(d *apikey.Draft) { d.Scopes = tooMany }, []string{"scopes"}},
		"an unknown scope":              {func(d *apikey.Draft) { d.Scopes = []string{"cca:admin", "maps:admin"} }, []string{"scopes.1"}},
		"malformed scopes":              {func(d *apikey.Draft) { d.Scopes = []string{"", "cca", "CCA:admin"} }, []string{"scopes.0", "scopes.1", "scopes.2"}},
		"a scope that none may grant":   {func(d *apikey.Draft) { d.Scopes = []string{"lighthouse:editor"} }, []string{"scopes.0"}},
		"25 hours":                      {func(d *apikey.Draft) { d.Lifespan.Value = 25 }, []string{"token_lifespan.value"}},
		"0 hours":                       {func(d *apikey.Draft) { d.Lifespan.Value = 0 }, []string{"token_lifespan.value"}},
		"days":                          {func(d *apikey.Draft) { d.Lifespan.Unit = "days" }, []string{"token_lifespan.unit"}},
		"a negative rate limit":         {func(d *apikey.Draft) { d.RateLimit = -1 }, []string{"rate_limit"}},
		"a rate limit of 100,001":       {func(d *apikey.Draft) { d.RateLimit = 100_001 }, []string{"rate_limit"}},
		"everything": {
			func(d *apikey.Draft) {
				*d = apikey.Draft{Description: "\x00", Scopes: []string{"maps:admin"}, Lifespan: apikey.Lifespan{Value: 56, Unit: apikey.Minutes}}
			},
			[]string{"name", "description", "scopes.0", "token_lifespan.value"},
		},
	}
	f := newFixture(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := draft("Acme")
			test.alter(&d)
			_, err := f.Create(t.Context(), ana(), d, "")
			if got := fieldsOf(err); !slices.Equal(got, test.fields) {
				t.Errorf("the error is %v and names %v, want %v", err, got, test.fields)
			}
			for _, field := range test.fields {
				if !strings.Contains(err.Error(), field+" ") {
					t.Errorf("the text %q does not name %s", err, field)
				}
			}
		})
	}
	if events := f.events(t); len(events) > 0 {
		t.Errorf("refused input left %d events", len(events))
	}
}

func TestCreateCountsCharactersAndNotBytes(t *testing.T) {
	f := newFixture(t)
	for i, letter := range []string{"a", "é", "漢", "🙂"} {
		d := draft(fmt.Sprint(i) + strings.Repeat(letter, 99))
		d.Description = strings.Repeat(letter, 500)
		if created, err := f.Create(t.Context(), ana(), d, ""); err != nil || created.Key.Name != d.Name || created.Key.Description != d.Description {
			t.Errorf("100 and 500 times %s: %v", letter, err)
		}
	}
}

func TestCreateTrimsNamesAndKeepsDescriptions(t *testing.T) {
	f := newFixture(t)
	d := draft(" \tAcme  Ltd.\u00a0\n")
	d.Description = "  first line\r\n\tsecond line\n"
	created, err := f.Create(t.Context(), ana(), d, "")
	if err != nil {
		t.Fatal(err)
	}
	if created.Key.Name != "Acme  Ltd." || created.Key.Description != d.Description {
		t.Errorf("kept as %q and %q", created.Key.Name, created.Key.Description)
	}
}

func TestCreateSortsScopesAndDropsDuplicates(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme", "spot:editor", "cca:admin", "spot:editor")
	if got := created.Key.Scopes.String(); got != "cca:admin spot:editor" {
		t.Errorf("the scopes are %q", got)
	}
	if created := f.create(t, "Bcme", slices.Repeat([]string{"cca:admin"}, 100)...); created.Key.Scopes.String() != "cca:admin" {
		t.Errorf("100 times the same scope are %q", created.Key.Scopes)
	}
	all := scope.DefaultCatalogue().Scopes().Strings()
	if created := f.create(t, "All", all...); len(created.Key.Scopes) != len(all) {
		t.Errorf("%d of %d scopes were granted", len(created.Key.Scopes), len(all))
	}
}

func TestMessagesStayShortWhateverWasSent(t *testing.T) {
	f := newFixture(t)
	d := draft("Acme")
	for _, text := range []string{strings.Repeat("x", 1<<20), strings.Repeat("é", 1<<10), strings.Repeat("\xff", 1<<10)} {
		d.Scopes = []string{text}
		_, err := f.Create(t.Context(), ana(), d, "")
		if !slices.Equal(fieldsOf(err), []string{"scopes.0"}) || len(err.Error()) > 400 {
			t.Errorf("the message has %d bytes", len(err.Error()))
		}
	}
}

func pointer[T any](value T) *T { return &value }

func TestUpdateChangesWhatThePatchNames(t *testing.T) {
	f := newFixture(t)
	key := f.create(t, "Acme", "cca:admin").Key
	patches := []struct {
		patch apikey.Patch
		apply func(*apikey.Key)
	}{
		{apikey.Patch{Name: pointer(" Acme 2 ")}, func(k *apikey.Key) { k.Name = "Acme 2" }},
		{apikey.Patch{Description: pointer("")}, func(k *apikey.Key) { k.Description = "" }},
		{apikey.Patch{Scopes: &[]string{"spot:editor", "cca:admin"}}, func(k *apikey.Key) { k.Scopes = scope.Set{"cca:admin", "spot:editor"} }},
		{apikey.Patch{RateLimit: pointer(100_000)}, func(k *apikey.Key) { k.RateLimit = 100_000 }},
		{apikey.Patch{RateLimit: pointer(0)}, func(k *apikey.Key) { k.RateLimit = 0 }},
		{apikey.Patch{LifespanValue: pointer(24)}, func(k *apikey.Key) { k.Lifespan.Value = 24 }},
		{apikey.Patch{LifespanValue: pointer(55), LifespanUnit: pointer(apikey.Minutes)}, func(k *apikey.Key) { k.Lifespan = apikey.Lifespan{Value: 55, Unit: apikey.Minutes} }},
		{apikey.Patch{LifespanValue: pointer(5)}, func(k *apikey.Key) { k.Lifespan.Value = 5 }},
		{apikey.Patch{LifespanUnit: pointer(apikey.Hours)}, func(k *apikey.Key) { k.Lifespan.Unit = apikey.Hours }},
	}
	for i, p := range patches {
		f.advance(1e9)
		want := key
		p.apply(&want)
		want.Version, want.UpdatedAt, want.UpdatedBy = key.Version+1, f.stored(), "ana@example.com"
		updated, err := f.Update(t.Context(), ana(), key.ClientID, nil, p.patch)
		if err != nil {
			t.Fatalf("patch %d: %v", i, err)
		}
		assertKey(t, updated, want)
		read, err := f.Get(t.Context(), ana(), key.ClientID)
		if err != nil {
			t.Fatal(err)
		}
		assertKey(t, read, want)
		key = read
	}
}

func TestUpdateNamesEveryInvalidFieldAndChangesNothing(t *testing.T) {
	f := newFixture(t)
	key := f.create(t, "Acme", "cca:admin").Key
	tests := []struct {
		patch  apikey.Patch
		fields []string
	}{
		{apikey.Patch{Name: pointer("  ")}, []string{"name"}},
		{apikey.Patch{Description: pointer("\x00")}, []string{"description"}},
		{apikey.Patch{Scopes: &[]string{}}, []string{"scopes"}},
		{apikey.Patch{Scopes: &[]string{"maps:admin"}}, []string{"scopes.0"}},
		{apikey.Patch{LifespanValue: pointer(25)}, []string{"token_lifespan.value"}},
		{apikey.Patch{LifespanUnit: pointer(apikey.Unit("days"))}, []string{"token_lifespan.unit"}},
		{apikey.Patch{Name: pointer(""), LifespanValue: pointer(0)}, []string{"name", "token_lifespan.value"}},
	}
	for _, test := range tests {
		_, err := f.Update(t.Context(), ana(), key.ClientID, nil, test.patch)
		if got := fieldsOf(err); !slices.Equal(got, test.fields) {
			t.Errorf("%+v: %v names %v, want %v", test.patch, err, got, test.fields)
		}
	}
	read, err := f.Get(t.Context(), ana(), key.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	assertKey(t, read, key)
	if _, n := f.lastEvent(t); n != 1 {
		t.Errorf("refused edits left %d events", n-1)
	}
}

// TestUpdateKeepsScopesThatLeftTheCatalogue: a key keeps a scope that it was granted after a new catalogue no longer lists it, and
// can still be edited.
func TestUpdateKeepsScopesThatLeftTheCatalogue(t *testing.T) {
	f := newFixture(t)
	key := f.create(t, "Acme", "cca:admin", "spot:editor").Key
	smaller := f.withCatalogue(t, "products: [{name: spot, label: {en: Spot, pt-BR: Spot}, access: [editor, readonly]}]")

	updated, err := smaller.Update(t.Context(), ana(), key.ClientID, nil, apikey.Patch{Name: pointer("Acme 2")})
	if err != nil || updated.Scopes.String() != "cca:admin spot:editor" {
		t.Fatalf("an edit of the name: %v, %v", updated.Scopes, err)
	}
	updated, err = smaller.Update(t.Context(), ana(), key.ClientID, nil, apikey.Patch{Scopes: &[]string{"cca:admin", "spot:readonly"}})
	if err != nil || updated.Scopes.String() != "cca:admin spot:readonly" {
		t.Fatalf("an edit that keeps it: %v, %v", updated.Scopes, err)
	}
	if _, err = smaller.Update(t.Context(), ana(), key.ClientID, nil, apikey.Patch{Scopes: &[]string{"cca:readonly"}}); fieldsOf(err) == nil {
		t.Errorf("a scope that it did not have: %v", err)
	}
	updated, err = smaller.Update(t.Context(), ana(), key.ClientID, nil, apikey.Patch{Scopes: &[]string{"spot:readonly"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = smaller.Update(t.Context(), ana(), key.ClientID, nil, apikey.Patch{Scopes: &[]string{"cca:admin"}}); fieldsOf(err) == nil {
		t.Errorf("what was given up comes back: %v, %v", updated.Scopes, err)
	}
	if _, err := smaller.Create(t.Context(), ana(), draft("New", "cca:admin"), ""); fieldsOf(err) == nil {
		t.Errorf("a new key gets it: %v", err)
	}
}
