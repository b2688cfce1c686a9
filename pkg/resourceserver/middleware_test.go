package resourceserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

// whoami answers with the ID of the client that the middleware let through.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	identity, ok := resourceserver.FromContext(r.Context())
	if !ok {
		http.Error(w, "nobody", http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprint(w, identity.ClientID)
})

// serve sends a request with these Authorization headers through the handler.
func serve(handler http.Handler, path string, authorization ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for _, value := range authorization {
		request.Header.Add("Authorization", value)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestMiddlewareAnswers(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	good := issuer.Token(claims{"scope": "lighthouse.workspaces:editor"})
	poor := issuer.Token(claims{"scope": "lighthouse.views:admin"})
	foreign := issuer.Token(claims{"scope": "lighthouse:admin", "tenancy_id": "other"})
	expired := issuer.Token(claims{"iat": 1, "exp": 2})
	const realm = `Bearer realm="the \"API\""`

	tests := map[string]struct {
		authorization []string
		status        int
		challenge     string
		oauth         string
		envelope      string
	}{
		"good token": {
			[]string{"Bearer " + good}, 200, "", resourceservertest.ClientID, resourceservertest.ClientID,
		},
		"scheme in lower case": {
			[]string{"bearer " + good}, 200, "", resourceservertest.ClientID, resourceservertest.ClientID,
		},
		"scheme and two spaces": {
			[]string{"BEARER  " + good}, 200, "", resourceservertest.ClientID, resourceservertest.ClientID,
		},
		"no header": {
			nil, 401, realm, "", `{"code":"failed","message":"invalid or expired token"}`,
		},
		"Basic": {
			[]string{"Basic YTpi"}, 401, realm, "", `{"code":"failed","message":"invalid or expired token"}`,
		},
		"two headers": {
			[]string{"Bearer " + good, "Bearer " + good},
			401, realm + `, error="invalid_token", error_description="malformed token"`,
			`{"error":"invalid_token","error_description":"malformed token"}`, `{"code":"failed","message":"invalid or expired token"}`,
		},
		"two tokens": {
			[]string{"Bearer " + good + " " + good},
			401, realm + `, error="invalid_token", error_description="malformed token"`,
			`{"error":"invalid_token","error_description":"malformed token"}`, `{"code":"failed","message":"invalid or expired token"}`,
		},
		"no token": {
			[]string{"Bearer"},
			401, realm + `, error="invalid_token", error_description="malformed token"`,
			`{"error":"invalid_token","error_description":"malformed token"}`, `{"code":"failed","message":"invalid or expired token"}`,
		},
		"64 KB": {
			[]string{"Bearer " + strings.Repeat("a", 64<<10)},
			401, realm + `, error="invalid_token", error_description="malformed token"`,
			`{"error":"invalid_token","error_description":"malformed token"}`, `{"code":"failed","message":"invalid or expired token"}`,
		},
		"expired": {
			[]string{"Bearer " + expired},
			401, realm + `, error="invalid_token", error_description="the token has expired"`,
			`{"error":"invalid_token","error_description":"the token has expired"}`, `{"code":"failed","message":"invalid or expired token"}`,
		},
		"lacking scope": {
			[]string{"Bearer " + poor},
			403,
			realm + `, error="insufficient_scope", error_description="the token lacks a scope", scope="lighthouse.workspaces:readonly"`,
			`{"error":"insufficient_scope","error_description":"the token lacks a scope"}`,
			`{"code":"authorization/forbidden","message":"Unable to give access to the user"}`,
		},
		"another tenancy": {
			[]string{"Bearer " + foreign},
			403,
			realm + `, error="insufficient_scope", error_description="the token belongs to another tenancy"`,
			`{"error":"insufficient_scope","error_description":"the token belongs to another tenancy"}`,
			`{"code":"authorization/forbidden","message":"Unable to give access to the user"}`,
		},
	}
	for _, style := range []resourceserver.ErrorStyle{resourceserver.OAuthErrors, resourceserver.EnvelopeErrors} {
		verifier := issuer.NewVerifier(t, resourceserver.Options{ErrorStyle: style, Realm: `the "API"`})
		mux := http.NewServeMux()
		mux.Handle("GET /tenancies/{tenancy_id}", verifier.Middleware(func(r *http.Request) []resourceserver.Requirement {
			return []resourceserver.Requirement{
				resourceserver.AllScopes("lighthouse.workspaces:readonly"), resourceserver.Tenancy(r.PathValue("tenancy_id")),
			}
		})(whoami))
		for name, test := range tests {
			t.Run(fmt.Sprintf("%s, style %d", name, style), func(t *testing.T) {
				got := serve(mux, "/tenancies/"+resourceservertest.TenancyID, test.authorization...)
				body := test.oauth
				if style == resourceserver.EnvelopeErrors {
					body = test.envelope
				}
				if got.Code != test.status || got.Header().Get("WWW-Authenticate") != test.challenge || strings.TrimSpace(got.Body.String()) != body {
					t.Errorf("got %d\n%s\n%s", got.Code, got.Header().Get("WWW-Authenticate"), got.Body)
				}
				if body != "" && test.status != 200 && got.Header().Get("Content-Type") != "application/json" {
					t.Errorf("got Content-Type %q", got.Header().Get("Content-Type"))
				}
			})
		}
	}
}

func TestTokenInTheQueryIsNotLookedAt(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	if got := serve(verifier.Require()(whoami), "/?access_token="+issuer.Token()); got.Code != http.StatusUnauthorized {
		t.Errorf("got %d", got.Code)
	}
}

func TestRequireAnyTakesOneOfTheScopes(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	handler := verifier.RequireAny("cca:editor", "spot:readonly")(whoami)
	for scope, want := range map[string]int{"spot:admin": 200, "cca:editor": 200, "cca:readonly": 403, "": 403} {
		if got := serve(handler, "/", "Bearer "+issuer.Token(claims{"scope": scope})); got.Code != want {
			t.Errorf("with scope %q: got %d, want %d", scope, got.Code, want)
		}
	}
}

// TestRoutesKeepTheScopesThatTheyWereMadeWith: a caller may make several routes in a loop that reuses one slice.
func TestRoutesKeepTheScopesThatTheyWereMadeWith(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	verifier := issuer.NewVerifier(t, resourceserver.Options{})
	token := "Bearer " + issuer.Token(claims{"scope": "spot:readonly"})
	for name, require := range map[string]func(...string) func(http.Handler) http.Handler{
		"Require": verifier.Require, "RequireAny": verifier.RequireAny,
	} {
		scopes := []string{"cca:admin"}
		handler := require(scopes...)(whoami)
		scopes[0] = "spot:readonly"
		if got := serve(handler, "/", token); got.Code != http.StatusForbidden {
			t.Errorf("%s: got %d", name, got.Code)
		}
	}
}

func TestStaleFeedIsTheServersTroubleNotTheTokens(t *testing.T) {
	for style, body := range map[resourceserver.ErrorStyle]string{
		resourceserver.OAuthErrors:    `{"error":"temporarily_unavailable","error_description":"the token cannot be verified at the moment"}`,
		resourceserver.EnvelopeErrors: `{"code":"service/unavailable","message":"the token cannot be verified at the moment"}`,
	} {
		inBubble(t, resourceserver.Options{ErrorStyle: style}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
			issuer.Stop()
			let(time.Minute)
			got := serve(verifier.Require()(whoami), "/", "Bearer "+issuer.Token())
			if got.Code != 503 || got.Header().Get("Retry-After") == "" || got.Header().Get("WWW-Authenticate") != "" || strings.TrimSpace(got.Body.String()) != body {
				t.Errorf("got %d %v %s", got.Code, got.Header(), got.Body)
			}
			synctest.Wait()
		})
	}
}

var b64token = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

func FuzzAuthorizationHeader(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer a.b.c", "bearer a.b.c", "Bearer\ta.b.c", "Basic YTpi", "Bearer a.b.c, Bearer d.e.f",
		"Bearer  a.b.c ", "BearerToken a", "Bearer \x00", strings.Repeat("Bearer ", 4096), "Bearer é", " Bearer a", "Bearer a\vb", "Bearer =",
	} {
		f.Add(seed, "")
	}
	f.Add("Bearer a.b.c", "Bearer a.b.c")
	f.Fuzz(func(t *testing.T, first, second string) {
		header := http.Header{"Authorization": {first}}
		if second != "" {
			header.Add("Authorization", second)
		}
		token, err := resourceserver.TokenFromHeader(header)
		switch {
		case err != nil:
			if resourceserver.Status(err) != http.StatusUnauthorized || token != "" {
				t.Errorf("got %q, %v", token, err)
			}
		case second != "":
			t.Error("one of two headers was believed")
		case len(token) > 16<<10 || !b64token.MatchString(token):
			t.Errorf("got the token %q", token)
		case !strings.EqualFold(first[:7], "bearer ") || !strings.Contains(first, token):
			t.Errorf("got a token from %q", first)
		}
	})
}
