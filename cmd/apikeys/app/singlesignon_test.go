package app_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func TestAProviderIsConfiguredWholeOrNotAtAll(t *testing.T) {
	whole := map[string]string{
		"APIKEYS_OIDC_ISSUER": "https://login.example.com/realms/staff", "APIKEYS_OIDC_CLIENT_ID": "apikeys",
		"APIKEYS_OIDC_CLIENT_SECRET": "a-secret-of-a-test", "APIKEYS_OIDC_ROLES": "admin=keys-admins,readonly=*",
	}
	config, err := app.LoadConfig(whole)
	if err != nil || config.OIDCScopes != "openid email profile" || config.OIDCRoleClaim != "groups" || config.OIDCVerifiedClaim != "email_verified" {
		t.Fatalf("got %+v, %v", config, err)
	}
	for name, test := range map[string]struct {
		change map[string]string // empty values are left out
		wants  string
	}{
		"no issuer":               {map[string]string{"APIKEYS_OIDC_ISSUER": ""}, "APIKEYS_OIDC_ISSUER"},
		"no client id":            {map[string]string{"APIKEYS_OIDC_CLIENT_ID": ""}, "APIKEYS_OIDC_CLIENT_ID"},
		"no roles":                {map[string]string{"APIKEYS_OIDC_ROLES": ""}, "APIKEYS_OIDC_ROLES"},
		"a role that is none":     {map[string]string{"APIKEYS_OIDC_ROLES": "owner=keys-admins"}, "APIKEYS_OIDC_ROLES"},
		"everybody is an admin":   {map[string]string{"APIKEYS_OIDC_ROLES": "admin=*"}, "APIKEYS_OIDC_ROLES"},
		"not OpenID Connect":      {map[string]string{"APIKEYS_OIDC_SCOPES": "email"}, "APIKEYS_OIDC_SCOPES"},
		"a name without an end":   {map[string]string{"APIKEYS_OIDC_NAME": strings.Repeat("é", 41)}, "APIKEYS_OIDC_NAME"},
		"no TLS":                  {map[string]string{"APIKEYS_OIDC_ISSUER": "http://login.example.com"}, "APIKEYS_OIDC_ISSUER"},
		"no scheme":               {map[string]string{"APIKEYS_OIDC_ISSUER": "login.example.com"}, "APIKEYS_OIDC_ISSUER"},
		"no host":                 {map[string]string{"APIKEYS_OIDC_ISSUER": "https://"}, "APIKEYS_OIDC_ISSUER"},
		"an issuer with a query":  {map[string]string{"APIKEYS_OIDC_ISSUER": "https://login.example.com?a=b"}, "APIKEYS_OIDC_ISSUER"},
		"an issuer with a secret": {map[string]string{"APIKEYS_OIDC_ISSUER": "https://a:b@login.example.com"}, "APIKEYS_OIDC_ISSUER"},
		"a public client":         {map[string]string{"APIKEYS_OIDC_CLIENT_SECRET": ""}, ""},
		"a provider on this host": {map[string]string{"APIKEYS_OIDC_ISSUER": "http://[::1]:9000"}, ""},
	} {
		environment := maps.Clone(whole)
		maps.Copy(environment, test.change)
		maps.DeleteFunc(environment, func(_, value string) bool { return value == "" })
		_, err := app.LoadConfig(environment)
		if names := wrong(err); strings.Join(names, " ") != test.wants {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), whole["APIKEYS_OIDC_CLIENT_SECRET"]) {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
	for _, alone := range []string{"APIKEYS_OIDC_CLIENT_ID", "APIKEYS_OIDC_CLIENT_SECRET", "APIKEYS_OIDC_ROLES", "APIKEYS_OIDC_NAME"} {
		if _, err := app.LoadConfig(map[string]string{alone: "x"}); !slices.Equal(wrong(err), []string{"APIKEYS_OIDC_ISSUER"}) {
			t.Errorf("%s alone: %v", alone, err)
		}
	}
}
