package scope_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/scope"
)

// vendorTable is the published table of products, features and types of access, with the two features of this service.
var vendorTable = map[string]string{
	"lighthouse":                    "admin",
	"lighthouse.workspaces":         "editor readonly",
	"lighthouse.drafts":             "editor readonly",
	"lighthouse.timeline":           "editor readonly",
	"lighthouse.organizational-map": "editor readonly",
	"lighthouse.consumption-groups": "editor readonly",
	"lighthouse.budget-groups":      "editor readonly",
	"lighthouse.forecast":           "editor readonly",
	"lighthouse.alarms":             "editor readonly",
	"lighthouse.anomalies":          "editor readonly",
	"lighthouse.tag-dictionary":     "editor readonly",
	"lighthouse.on-premise":         "editor readonly",
	"cca":                           "admin editor readonly",
	"autofix":                       "admin editor readonly",
	"spot":                          "admin editor readonly",
	"sp-manager":                    "admin editor readonly",
	"space":                         "admin",
	"space.journey":                 "editor readonly",
	"lia":                           "admin",
	"lia.reports":                   "editor readonly",
	"settings":                      "admin",
	"settings.api-keys":             "editor readonly",
	"settings.tokens":               "readonly",
}

func TestDefaultCatalogueIsTheVendorsTable(t *testing.T) {
	var want scope.Set
	for resource, access := range vendorTable {
		for a := range strings.FieldsSeq(access) {
			want = append(want, scope.Scope(resource+":"+a))
		}
	}
	slices.Sort(want)
	catalogue := scope.DefaultCatalogue()
	if got := catalogue.Scopes(); !slices.Equal(got, want) {
		t.Errorf("the catalogue lists\n%v\nwant\n%v", got, want)
	}
	for _, s := range want {
		if !catalogue.Contains(s) {
			t.Errorf("%s can't be granted", s)
		}
	}
	for _, s := range []scope.Scope{"", "lighthouse:readonly", "cca.drafts:readonly", "settings.tokens:editor"} {
		if catalogue.Contains(s) {
			t.Errorf("%q can be granted", s)
		}
	}
}

func TestDefaultCatalogueGroupsEveryScopeOnce(t *testing.T) {
	catalogue := scope.DefaultCatalogue()
	var grouped []scope.Scope
	for _, p := range catalogue.Products() {
		grouped = append(grouped, p.Scopes()...)
		for _, f := range p.Features {
			grouped = append(grouped, p.FeatureScopes(f)...)
		}
	}
	slices.Sort(grouped)
	if !slices.Equal(grouped, []scope.Scope(catalogue.Scopes())) {
		t.Errorf("the groups list\n%v\nwant\n%v", grouped, catalogue.Scopes())
	}
}

func TestTheServicesOwnScopesAreInTheDefaultCatalogue(t *testing.T) {
	for _, s := range []scope.Scope{scope.APIKeysReadonly, scope.APIKeysEditor, scope.TokensReadonly} {
		if !scope.DefaultCatalogue().Contains(s) {
			t.Errorf("%s can't be granted", s)
		}
	}
}

func TestLoadCatalogueSaysWhatIsWrong(t *testing.T) {
	tests := map[string]struct{ text, says string }{
		"not YAML":           {"products: [", "yaml"},
		"empty":              {"", "lists no products"},
		"no products":        {"products: []", "lists no products"},
		"of another form":    {"products: 7", "cannot unmarshal"},
		"unknown access":     {"products: [{name: cca, label: {en: CCA, pt-BR: CCA}, access: [owner]}]", `"cca:owner" is not of the form`},
		"upper case":         {"products: [{name: CCA, label: {en: CCA, pt-BR: CCA}, access: [admin]}]", `"CCA:admin" is not of the form`},
		"no name":            {"products: [{label: {en: CCA, pt-BR: CCA}, access: [admin]}]", `":admin" is not of the form`},
		"no English label":   {"products: [{name: cca, label: {pt-BR: CCA}, access: [admin]}]", "cca: the label must be given in en and pt-BR"},
		"no Portuguese one":  {"products: [{name: cca, label: {en: CCA}, access: [admin]}]", "cca: the label must be given in en and pt-BR"},
		"access given twice": {"products: [{name: cca, label: {en: CCA, pt-BR: CCA}, access: [admin, admin]}]", "cca:admin is listed twice"},
		"product listed twice": {
			"products: [{name: cca, label: {en: C, pt-BR: C}, access: [admin]}, {name: cca, label: {en: C, pt-BR: C}, access: [admin]}]",
			"cca:admin is listed twice",
		},
		"feature without label": {
			"products: [{name: cca, label: {en: C, pt-BR: C}, features: [{name: drafts, access: [editor]}]}]",
			"cca.drafts: the label must be given",
		},
		"dot in a feature": {
			"products: [{name: cca, label: {en: C, pt-BR: C}, features: [{name: a.b, label: {en: C, pt-BR: C}, access: [editor]}]}]",
			`"cca.a.b:editor" is not of the form`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scopes.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := scope.LoadCatalogue(path)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("the error is %v; want the path and %q", err, test.says)
			}
		})
	}
	if _, err := scope.LoadCatalogue(filepath.Join(t.TempDir(), "absent.yaml")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestLoadedCatalogueReplacesTheDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scopes.yaml")
	text := "products: [{name: maps, label: {en: Maps, pt-BR: Mapas}, access: [readonly], features: [{name: tiles, label: {en: Tiles, pt-BR: Blocos}, access: [admin]}]}]"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	catalogue, err := scope.LoadCatalogue(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := catalogue.Scopes().String(); got != "maps.tiles:admin maps:readonly" {
		t.Errorf("it lists %q", got)
	}
	if label := catalogue.Products()[0].Features[0].Label; label != (scope.Label{English: "Tiles", Portuguese: "Blocos"}) {
		t.Errorf("the label is %+v", label)
	}
}
