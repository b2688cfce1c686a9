package api

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/statuslist"
)

// discoveryCaching lets verifiers and proxies keep the metadata and the key set for five minutes, well below the time for which a
// signing key is published before it signs.
const discoveryCaching = "public, max-age=300"

// metadata is the document of RFC 8414 §2, with the member of draft-ietf-oauth-status-list §9.1. The last two members are for
// readers that expect OpenID Connect's metadata.
type metadata struct {
	Issuer             string   `json:"issuer"`
	TokenEndpoint      string   `json:"token_endpoint"`
	JWKSURI            string   `json:"jwks_uri"`
	ScopesSupported    []string `json:"scopes_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	GrantTypes         []string `json:"grant_types_supported"`
	TokenAuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Documentation      string   `json:"service_documentation"`
	Introspection      string   `json:"introspection_endpoint"`
	IntrospectionAuth  []string `json:"introspection_endpoint_auth_methods_supported"`
	Revocation         string   `json:"revocation_endpoint"`
	RevocationAuth     []string `json:"revocation_endpoint_auth_methods_supported"`
	Revocations        string   `json:"revocations_endpoint"` // this service's own: the feed for offline verifiers
	StatusLists        string   `json:"status_list_aggregation_endpoint,omitempty"`
	SubjectTypes       []string `json:"subject_types_supported"`
	IDTokenSigningAlgs []string `json:"id_token_signing_alg_values_supported"`
}

// discoveryRoutes are where verifiers find the service's endpoints and keys.
type discoveryRoutes struct {
	document []byte
	keyring  *signing.Keyring
}

func newDiscoveryRoutes(issuer string, catalogue *scope.Catalogue, keyring *signing.Keyring, statusLists bool) (discoveryRoutes, error) {
	clientAuth := []string{"client_secret_basic", "client_secret_post"}
	says := metadata{
		Issuer:             issuer,
		TokenEndpoint:      issuer + "/oauth2/token",
		JWKSURI:            issuer + "/.well-known/jwks.json",
		ScopesSupported:    catalogue.Scopes().Strings(),
		ResponseTypes:      []string{},
		GrantTypes:         []string{oauth.ClientCredentials},
		TokenAuthMethods:   clientAuth,
		Documentation:      issuer + "/docs/",
		Introspection:      issuer + "/oauth2/introspect",
		IntrospectionAuth:  clientAuth,
		Revocation:         issuer + "/oauth2/revoke",
		RevocationAuth:     clientAuth,
		Revocations:        issuer + "/v1/revocations",
		SubjectTypes:       []string{"public"},
		IDTokenSigningAlgs: []string{signing.Algorithm},
	}
	if statusLists {
		says.StatusLists = issuer + statuslist.Path
	}
	document, err := json.Marshal(says)
	return discoveryRoutes{document: document, keyring: keyring}, err
}

func (r discoveryRoutes) register(e *echo.Echo) {
	e.Match(reads, "/.well-known/oauth-authorization-server", r.metadata)
	e.Match(reads, "/.well-known/openid-configuration", r.metadata)
	e.Match(reads, "/.well-known/jwks.json", r.jwks)
}

func (r discoveryRoutes) metadata(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderCacheControl, discoveryCaching)
	return c.JSONBlob(http.StatusOK, r.document)
}

func (r discoveryRoutes) jwks(c echo.Context) error {
	keys, err := r.keyring.JWKS()
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, discoveryCaching)
	return c.JSONBlob(http.StatusOK, keys)
}
