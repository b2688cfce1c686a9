package resourceserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

// A resource server in a few lines: one verifier for the process, one wrapper per route.
func Example() {
	issuer := resourceservertest.Start() // stands for https://keys.example.com
	defer issuer.Close()

	verifier, err := resourceserver.New(context.Background(), issuer.URL(), resourceserver.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /reports", verifier.Require("lighthouse.workspaces:readonly")(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			identity, _ := resourceserver.FromContext(r.Context())
			_, _ = fmt.Fprintf(w, "reports for %s", identity.ClientID)
		})))

	request := httptest.NewRequest(http.MethodGet, "/reports", nil)
	request.Header.Set("Authorization", "Bearer "+issuer.Token(resourceservertest.Claims{"scope": "lighthouse.workspaces:editor"}))
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, request)
	fmt.Println(response.Code, response.Body)
	// Output: 200 reports for ak_0000000000000000000000
}

// Without middleware: a token from anywhere, such as a message queue.
func ExampleVerifier_Verify() {
	issuer := resourceservertest.Start()
	defer issuer.Close()
	ctx := context.Background()
	verifier, err := resourceserver.New(ctx, issuer.URL(), resourceserver.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()

	token := issuer.Token(resourceservertest.Claims{"scope": "cca:readonly"})
	_, err = verifier.Verify(ctx, token, resourceserver.AllScopes("cca:editor"))
	fmt.Println(err)

	position := issuer.Revoke(resourceservertest.ClientID) // an operator deactivates the key
	if err := verifier.AwaitPosition(ctx, position); err != nil {
		fmt.Println(err)
	}
	_, err = verifier.Verify(ctx, token, resourceserver.AllScopes("cca:readonly"))
	fmt.Println(errors.Is(err, resourceserver.ErrRevoked))
	// Output:
	// insufficient scope: needs all of cca:editor
	// true
}

// What a request has to satisfy can depend on the request, such as on the tenancy in its path.
func ExampleVerifier_Middleware() {
	issuer := resourceservertest.Start()
	defer issuer.Close()
	verifier, err := resourceserver.New(context.Background(), issuer.URL(), resourceserver.Options{
		ErrorStyle: resourceserver.EnvelopeErrors,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()

	protect := verifier.Middleware(func(r *http.Request) []resourceserver.Requirement {
		return []resourceserver.Requirement{
			resourceserver.AllScopes("lighthouse.workspaces:readonly"),
			resourceserver.Tenancy(r.PathValue("tenancy_id")),
		}
	})
	mux := http.NewServeMux()
	mux.Handle("GET /tenancies/{tenancy_id}/workspaces", protect(http.NotFoundHandler()))

	request := httptest.NewRequest(http.MethodGet, "/tenancies/another/workspaces", nil)
	request.Header.Set("Authorization", "Bearer "+issuer.Token(resourceservertest.Claims{"scope": "lighthouse:admin"}))
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, request)
	fmt.Print(response.Code, " ", response.Body)
	// Output: 403 {"code":"authorization/forbidden","message":"Unable to give access to the user"}
}
