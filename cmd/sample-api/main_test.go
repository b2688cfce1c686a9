package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

const path = "/lighthouse/tenancies/" + resourceservertest.TenancyID + "/contexts"

func get(handler http.Handler, target, token string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, target, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestContextsAreForTokensOfTheTenancyThatMayReadThem(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{ErrorStyle: resourceserver.EnvelopeErrors})
	handler := newHandler(verifier)
	token := func(scope string) string { return issuer.Token(resourceservertest.Claims{"scope": scope}) }
	revoked := token("lighthouse:admin")
	if err := verifier.AwaitPosition(t.Context(), issuer.RevokeToken(revoked)); err != nil {
		t.Fatal(err)
	}
	const unauthorized = `{"code":"failed","message":"invalid or expired token"}`
	const forbidden = `{"code":"authorization/forbidden","message":"Unable to give access to the user"}`

	tests := map[string]struct {
		target, token string
		status        int
		body          string // its beginning
	}{
		"readonly":          {path, token("lighthouse.workspaces:readonly"), 200, `{"code":"success","data":{"contexts":[{`},
		"editor":            {path, token("lighthouse.workspaces:editor"), 200, `{"code":"success"`},
		"the whole product": {path, token("lighthouse:admin"), 200, `{"code":"success"`},
		"another feature":   {path, token("lighthouse.timeline:editor"), 403, forbidden},
		"another product":   {path, token("cca:admin"), 403, forbidden},
		"another tenancy":   {"/lighthouse/tenancies/other/contexts", token("lighthouse:admin"), 403, forbidden},
		"no token":          {path, "", 401, unauthorized},
		"broken token":      {path, "broken", 401, unauthorized},
		"revoked token":     {path, revoked, 401, unauthorized},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := get(handler, test.target, test.token)
			if got.Code != test.status || !strings.HasPrefix(got.Body.String(), test.body) {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		})
	}
}

func TestContextsAreListedByTheVendorsConventions(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	handler := newHandler(issuer.NewVerifier(t, resourceserver.Options{}))
	token := issuer.Token(resourceservertest.Claims{"scope": "lighthouse.workspaces:readonly"})

	tests := map[string]struct {
		query  string
		status int
		parts  []string
	}{
		"defaults":        {"", 200, []string{`"Production"`, `"Development"`, `"meta":{"total":2,"page":1,"pageSize":10,"sortBy":{"field":"created_at","order":"ASC"}}`}},
		"sorted":          {"?sort_field=name&sort_order=DESC&page_size=1", 200, []string{`[{"id":"8f7b2a52`, `"total":2`, `"pageSize":1`, `{"field":"name","order":"DESC"}`}},
		"second page":     {"?page=2&page_size=1&sort_field=name", 200, []string{`"Production"`, `"page":2`}},
		"far page":        {"?page=2147483647&page_size=100", 200, []string{`"contexts":[]`, `"total":2`}},
		"search":          {"?search=DEVEL", 200, []string{`[{"id":"2c4d1e9b`, `"total":1`}},
		"search in vain":  {"?search=x", 200, []string{`"contexts":[]`, `"total":0`}},
		"large page size": {"?page_size=1000", 200, []string{`"pageSize":100`}},
		"page zero":       {"?page=0", 400, []string{`"bad-request/invalid-parameters"`, "page must be a positive number"}},
		"no number":       {"?page_size=x", 400, []string{"page_size"}},
		"sort field":      {"?sort_field=id", 400, []string{"sort_field"}},
		"sort order":      {"?sort_order=up", 400, []string{"sort_order"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := get(handler, path+test.query, token)
			if got.Code != test.status {
				t.Errorf("got status %d", got.Code)
			}
			for _, part := range test.parts {
				if !strings.Contains(got.Body.String(), part) {
					t.Errorf("got %s, want %s in it", got.Body, part)
				}
			}
		})
	}
}
