package app

import (
	"net/url"
	"slices"
	"strings"

	"github.com/piercloud/apikeys/api"
	"github.com/piercloud/apikeys/pkg/oidc"
)

// validateOIDC checks that a provider is configured completely or not at all. It never repeats the client secret.
func (c Config) validateOIDC() []error {
	const prefix = Prefix + "OIDC_"
	if c.OIDCIssuer == "" {
		for name, value := range map[string]string{
			"CLIENT_ID": c.OIDCClientID, "CLIENT_SECRET": c.OIDCClientSecret, "ROLES": c.OIDCRoles, "NAME": c.OIDCName,
		} {
			if value != "" {
				return []error{&ConfigError{prefix + "ISSUER", "is required with " + prefix + name}}
			}
		}
		return nil
	}
	var problems []error
	if c.OIDCClientID == "" {
		problems = append(problems, &ConfigError{prefix + "CLIENT_ID", "is required with " + prefix + "ISSUER"})
	}
	if !slices.Contains(strings.Fields(c.OIDCScopes), "openid") {
		problems = append(problems, &ConfigError{prefix + "SCOPES", "must be separated by spaces, with openid among them"})
	}
	if c.OIDCRoles == "" {
		problems = append(problems, &ConfigError{prefix + "ROLES", "is required with " + prefix + "ISSUER: otherwise nobody could sign in"})
	} else if _, err := oidc.ParseRoles(c.OIDCRoles); err != nil {
		problems = append(problems, &ConfigError{prefix + "ROLES", err.Error()})
	}
	return problems
}

// isProvider accepts the URL of an OpenID Connect provider: https, or http if it is on this machine.
func isProvider(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(text, "?# ") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLocal(u.Hostname())
}

// provider returns the configuration of the provider. There must be one.
func (c Config) provider() (oidc.Config, error) {
	roles, err := oidc.ParseRoles(c.OIDCRoles)
	if err != nil {
		return oidc.Config{}, &ConfigError{Prefix + "OIDC_ROLES", err.Error()}
	}
	return oidc.Config{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: c.OIDCClientSecret,
		RedirectURL: c.Issuer + api.CallbackPath, Scopes: strings.Fields(c.OIDCScopes),
		RoleClaim: c.OIDCRoleClaim, VerifiedClaim: c.OIDCVerifiedClaim, Roles: roles,
	}, nil
}

// singleSignOn returns the client of the configured provider, or nil if there is none.
func (a *App) singleSignOn() (*oidc.Client, error) {
	if a.Config.OIDCIssuer == "" {
		return nil, nil
	}
	provider, err := a.Config.provider()
	if err != nil {
		return nil, err
	}
	flows, err := a.box.For("oidc flow")
	if err != nil {
		return nil, err
	}
	return oidc.New(provider, a.Operators, flows, a.options.Now), nil
}
