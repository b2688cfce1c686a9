package api_test

import (
	"io/fs"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/frontend"
)

// contractOperation is one operation of openapi.yaml.
type contractOperation struct {
	method, path string
	spec         *openapi3.Operation
	parameters   openapi3.Parameters // also those of its path
}

// contractOperations returns the operations by operationId.
func contractOperations(t testing.TB) map[string]contractOperation {
	t.Helper()
	operations := map[string]contractOperation{}
	for path, item := range contractDocument(t).Paths.Map() {
		for method, o := range item.Operations() {
			operations[o.OperationID] = contractOperation{method, path, o, slices.Concat(item.Parameters, o.Parameters)}
		}
	}
	return operations
}

// accessTable reads testdata/access.txt: the statuses by operation and kind of caller, and the operations in their order.
func accessTable(t *testing.T) (operations []string, statuses map[string]map[string]int) {
	t.Helper()
	text, err := os.ReadFile("testdata/access.txt")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	statuses = map[string]map[string]int{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Fields(line)
		switch {
		case len(cells) == 0 || cells[0] == "#":
			continue
		case kinds == nil:
			kinds = cells[1:]
			continue
		case len(cells) != len(kinds)+1 || statuses[cells[0]] != nil:
			t.Fatalf("the row of %s has not one cell for each kind of caller, or is there twice", cells[0])
		}
		row := map[string]int{}
		for i, kind := range kinds {
			if row[kind], err = strconv.Atoi(cells[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		operations, statuses[cells[0]] = append(operations, cells[0]), row
	}
	return operations, statuses
}

// TestWhoMayDoWhat makes a working request of every operation, in the name of every kind of caller, and compares the answers with
// the table. A refused request must also have changed nothing and revealed nothing.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	rows, table := accessTable(t)
	contract := contractOperations(t)
	for id := range contract {
		if table[id] == nil || workingRequests[id] == nil {
			t.Errorf("%s is missing in testdata/access.txt or among the working requests", id)
		}
	}
	onBoth(t, func(t *testing.T, s *service) {
		w := newWorld(t, s)
		for _, id := range rows {
			operation, ok := contract[id]
			if !ok {
				t.Errorf("the contract has no operation %s", id)
				continue
			}
			tried := map[string]bool{}
			for _, who := range w.callers {
				if tried[who.kind] && (hashing[id] || strings.HasSuffix(t.Name(), "postgres")) {
					continue
				}
				tried[who.kind] = true
				want, ok := table[id][who.kind]
				if !ok {
					t.Fatalf("the table has no column %s", who.kind)
				}
				w.try(id, operation, who, want)
			}
			w.renew()
		}
	}, withStatusLists)
}

// hashing lists the operations that hash a password for any caller, which is slow. They are tried with one caller of each kind, as
// all operations are on PostgreSQL.
var hashing = map[string]bool{"signIn": true, "acceptInvitation": true}

// try makes one request and checks its answer and its effects.
func (w *world) try(id string, operation contractOperation, who namedCaller, want int) {
	w.t.Helper()
	made := workingRequests[id](w, who)
	c := w.caller(who)
	path := strings.NewReplacer("{client_id}", w.key().ClientID, "{secret_id}", w.key().Secrets[1].ID, "{operator_id}", w.operator(), "{list}", "0").Replace(operation.path)
	if made.query != "" {
		path += "?" + made.query
	}
	if who.kind == "query" {
		path += map[bool]string{true: "&", false: "?"}[made.query != ""] + "access_token=" + w.editorToken
	}
	before := w.state(operation)
	a := c.do(operation.method, path, made.media, strings.NewReader(made.body))
	if a.StatusCode != want {
		w.t.Errorf("%s by %s (%s): got %d, want %d: %.300s", id, who.kind, who.name, a.StatusCode, want, a.body)
	}
	if sessionEnding[id] {
		delete(w.sessions, who.email)
	}
	switch {
	case a.StatusCode >= 400:
		w.refused(id, who, a)
		if w.state(operation) != before {
			w.t.Errorf("%s by %s (%s) was refused and changed something", id, who.kind, who.name)
			w.renew()
		}
	case slices.Contains(strangers, who.kind):
		if strings.Contains(string(a.body), targetName) {
			w.t.Errorf("%s by %s tells of another tenancy: %s", id, who.kind, a.body)
		}
		if w.state(operation) != before {
			w.t.Errorf("%s by %s changed another tenancy", id, who.kind)
			w.renew()
		}
	case operation.method != http.MethodGet:
		w.renew()
	}
}

// strangers lists the kinds of callers that belong to another tenancy.
var strangers = []string{"other", "plat", "t:oth", "t:pla"}

// refused checks the form of a refusal: its code, and that a 401 names the authentication scheme.
func (w *world) refused(id string, who namedCaller, a answer) {
	w.t.Helper()
	if !strings.HasPrefix(a.Request.URL.Path, "/v1/") {
		if a.StatusCode == http.StatusUnauthorized && id != "authenticate" && a.Header.Get("WWW-Authenticate") == "" {
			w.t.Errorf("%s by %s: no WWW-Authenticate", id, who.name)
		}
		return
	}
	code := map[int]string{400: badRequest, 401: "failed", 403: "authorization/forbidden", 404: "api-key/not-found"}[a.StatusCode]
	if strings.HasPrefix(a.Request.URL.Path, "/v1/operators") && a.StatusCode == http.StatusNotFound {
		code = "operator/not-found"
	}
	if strings.HasPrefix(a.Request.URL.Path, "/v1/session/oidc") && a.StatusCode == http.StatusNotFound {
		code = "route/not-found"
	}
	a.refused(a.StatusCode, code)
	if challenge := a.Header.Get("WWW-Authenticate"); a.StatusCode == http.StatusUnauthorized && !strings.HasPrefix(challenge, "Bearer ") {
		w.t.Errorf("%s by %s: WWW-Authenticate: %q", id, who.name, challenge)
	}
}

// otherRoutes lists the routes that are not in the contract, with their statuses. They are open to everybody and answer everybody
// alike.
var otherRoutes = map[string]int{
	"GET /docs": 301, "GET /docs/": 200, "HEAD /docs/": 200, "HEAD /openapi.yaml": 200, "HEAD /healthz": 200, "HEAD /readyz": 200,
	"HEAD /docs": 301, "HEAD /.well-known/oauth-authorization-server": 200, "HEAD /.well-known/openid-configuration": 200, "HEAD /.well-known/jwks.json": 200,
	"HEAD /oauth2/status-lists": 200, "HEAD /oauth2/status-lists/{list}": 200,
	"GET /docs/swagger-ui.css": 200, "GET /docs/swagger-ui-bundle.js": 200, "GET /docs/swagger-ui-standalone-preset.js": 200,
	"GET /docs/favicon-16x16.png": 200, "GET /docs/favicon-32x32.png": 200,
	// The console answers where there is no route.
	"GET /": consoleStatus(), "GET /api-keys": consoleStatus(), "HEAD /api-keys": consoleStatus(), "GET /assets/none.js": 404, "GET /none.txt": 404,
	"GET /v1": 404, "GET /v1/none": 404, "GET /auth/none": 404, "GET /oauth2/none": 404, "POST /": 404, "GET /docs/none": 404,
}

// consoleStatus returns the status of the console's pages. The tests also run before the console is built.
func consoleStatus() int {
	if _, err := fs.Stat(frontend.Dist(), "index.html"); err != nil {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// TestRoutesAndMethodsBesideTheContractAreTheSameForEverybody also fails for a route that is neither in otherRoutes nor in the
// contract.
func TestRoutesAndMethodsBesideTheContractAreTheSameForEverybody(t *testing.T) {
	s := onOne(t, withStatusLists)
	contract := contractOperations(t)
	described := map[string]bool{}
	for _, o := range contract {
		described[o.method+" "+o.path] = true
	}
	router, ok := s.Handler().(*echo.Echo)
	if !ok {
		t.Fatalf("the handler is a %T", s.Handler())
	}
	for _, r := range router.Routes() {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}")
		if name := r.Method + " " + path; !described[name] && otherRoutes[name] == 0 && strings.TrimSuffix(path, "/*") != "/oauth2/verify" {
			t.Errorf("%s is neither in the contract nor in this test's table", name)
		}
	}
	wanted := maps.Clone(otherRoutes)
	for _, o := range contract {
		if o.path == "/oauth2/verify" {
			continue // every method gets the same answer there
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			if name := method + " " + o.path; !described[name] && wanted[name] == 0 {
				wanted[name] = map[bool]int{true: http.StatusNoContent, false: http.StatusMethodNotAllowed}[method == "OPTIONS"]
			}
		}
	}
	admin := s.admin(t)
	k := rotatedKey(admin, "ours")
	callers := []*caller{s.stranger(t), admin, s.bearer(t, "settings:admin"), s.stranger(t).with("Authorization", "Bearer broken")}
	for name, want := range wanted {
		method, path, _ := strings.Cut(name, " ")
		path = strings.NewReplacer("{client_id}", k.ClientID, "{secret_id}", k.Secrets[1].ID, "{operator_id}", "x", "{list}", "0").Replace(path)
		for i, c := range callers {
			ask := func() answer { return c.do(method, path, "", nil) }
			a := ask()
			if a.StatusCode == http.StatusServiceUnavailable && want != a.StatusCode { // a status list: the log must be read first
				a = s.followed(t, ask)
			}
			if a.StatusCode != want {
				t.Errorf("%s by caller %d: got %d, want %d", name, i, a.StatusCode, want)
			}
			if a := c.do(method, path+"?access_token=x", "", nil); a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s with a token in the query, by caller %d: got %d", name, i, a.StatusCode)
			}
		}
	}
	if now := admin.get(k.path()).wants(http.StatusOK).key(); now.etag != k.etag {
		t.Error("the key was changed")
	}
}
