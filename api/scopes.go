package api

import (
	"context"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/scope"
)

// ListScopes returns the catalogue, grouped by product and feature.
func (s *server) ListScopes(context.Context, oas.ListScopesRequestObject) (oas.ListScopesResponseObject, error) {
	products := make([]oas.ScopeProduct, len(s.catalogue.Products()))
	for i, p := range s.catalogue.Products() {
		features := make([]oas.ScopeFeature, len(p.Features))
		for j, f := range p.Features {
			features[j] = oas.ScopeFeature{Name: f.Name, Label: labelView(f.Label), Scopes: scopeViews(p.FeatureScopes(f))}
		}
		products[i] = oas.ScopeProduct{Name: p.Name, Label: labelView(p.Label), Scopes: scopeViews(p.Scopes()), Features: features}
	}
	return oas.ListScopes200JSONResponse{Products: products}, nil
}

func labelView(l scope.Label) oas.Label { return oas.Label{En: l.English, PtBR: l.Portuguese} }

func scopeViews(scopes []scope.Scope) []oas.CatalogueScope {
	views := make([]oas.CatalogueScope, len(scopes))
	for i, s := range scopes {
		views[i] = oas.CatalogueScope{Scope: string(s), Access: oas.CatalogueScopeAccess(s.Access())}
	}
	return views
}
