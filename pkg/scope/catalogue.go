package scope

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"

	"gopkg.in/yaml.v3"
)

//go:embed catalogue.yaml
var defaultCatalogue []byte

// Label is a display name in each language of the console.
type Label struct {
	English    string `yaml:"en"`
	Portuguese string `yaml:"pt-BR"`
}

// Product is a product of the catalogue.
type Product struct {
	Name     string    `yaml:"name"`
	Label    Label     `yaml:"label"`
	Access   []Access  `yaml:"access"` // that can be granted for the whole product
	Features []Feature `yaml:"features"`
}

// Feature is a part of a product for which access can be granted.
type Feature struct {
	Name   string   `yaml:"name"`
	Label  Label    `yaml:"label"`
	Access []Access `yaml:"access"`
}

// Scopes returns the scopes of the whole product, in the catalogue's order.
func (p Product) Scopes() []Scope { return scopesOf(p.Name, p.Access) }

// FeatureScopes returns the scopes of one of the product's features, in the catalogue's order.
func (p Product) FeatureScopes(f Feature) []Scope { return scopesOf(p.Name+"."+f.Name, f.Access) }

func scopesOf(resource string, access []Access) []Scope {
	scopes := make([]Scope, len(access))
	for i, a := range access {
		scopes[i] = Scope(resource + ":" + string(a))
	}
	return scopes
}

// Access returns the type of access that s grants.
func (s Scope) Access() Access {
	_, _, access := s.split()
	return access
}

// Catalogue holds the scopes that keys can be granted. It is immutable once loaded, and safe for concurrent use.
type Catalogue struct {
	products []Product
	scopes   Set
}

// DefaultCatalogue returns the built-in catalogue.
func DefaultCatalogue() *Catalogue {
	c, err := parseCatalogue(defaultCatalogue)
	if err != nil {
		panic(fmt.Sprintf("the embedded catalogue: %v", err)) // a test loads it
	}
	return c
}

// LoadCatalogue loads a catalogue from a YAML file that has the same form as the embedded one. Errors say what is wrong and
// where.
func LoadCatalogue(path string) (*Catalogue, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := parseCatalogue(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseCatalogue(text []byte) (*Catalogue, error) {
	var file struct {
		Products []Product `yaml:"products"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if len(file.Products) == 0 {
		return nil, errors.New("lists no products")
	}
	c := &Catalogue{products: file.Products}
	for _, p := range file.Products {
		if err := c.add(p.Name, p.Label, p.Scopes()); err != nil {
			return nil, err
		}
		for _, f := range p.Features {
			if err := c.add(p.Name+"."+f.Name, f.Label, p.FeatureScopes(f)); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(c.scopes)
	return c, nil
}

func (c *Catalogue) add(name string, label Label, scopes []Scope) error {
	if label.English == "" || label.Portuguese == "" {
		return fmt.Errorf("%s: the label must be given in en and pt-BR", name)
	}
	for _, s := range scopes {
		if _, err := Parse(string(s)); err != nil {
			return err
		}
		if slices.Contains(c.scopes, s) {
			return fmt.Errorf("%s is listed twice", s)
		}
		c.scopes = append(c.scopes, s)
	}
	return nil
}

// Products returns the products in the catalogue's order. The caller must not change them.
func (c *Catalogue) Products() []Product { return c.products }

// Scopes returns all scopes, sorted. The caller must not change them.
func (c *Catalogue) Scopes() Set { return c.scopes }

// Contains reports whether the scope can be granted.
func (c *Catalogue) Contains(s Scope) bool { return c.scopes.Contains(s) }
