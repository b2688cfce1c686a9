package api_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/operator"
)

// TestNoRequestIsAnsweredByAFault sends generated requests, valid and spoilt ones, for every operation of the contract. Every
// answer must be one that the contract describes, and none may be a fault of the service. A refused request must change nothing. At
// the end, the log must be intact and everything must be readable.
//
// CONTRACT_REQUESTS is the number of requests on SQLite; PostgreSQL gets a tenth. CONTRACT_SEED repeats a run.
func TestNoRequestIsAnsweredByAFault(t *testing.T) {
	t.Parallel()
	count, seed := setting(t, "CONTRACT_REQUESTS", 3000), setting(t, "CONTRACT_SEED", rand.Uint64N(1<<32))
	t.Logf("CONTRACT_REQUESTS=%d CONTRACT_SEED=%d", count, seed)
	onBoth(t, func(t *testing.T, s *service) {
		count := count
		if strings.HasSuffix(t.Name(), "postgres") {
			count /= 10
		}
		b := newBarrage(t, s, seed)
		for range count {
			b.shoot()
			if b.failures == failuresMax {
				t.Fatalf("there may be more; CONTRACT_SEED=%d", seed)
			}
		}
		b.survey()
	}, map[string]string{"APIKEYS_LOG_LEVEL": "error"}, withStatusLists)
}

// shotsForAll is the number of requests from which on at least one of every operation must have been accepted, except for the
// operations that need a provider and the [seldom] ones.
const shotsForAll = 10_000

// failuresMax is how many failures a run reports before it ends.
const failuresMax = 10

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// barrage is a run of generated requests by an admin, by programs and by strangers.
type barrage struct {
	t          *testing.T
	s          *service
	g          *generator
	operations map[string]contractOperation
	names      []string // of operations, repeated to be drawn more often
	cookie     string
	tokens     []string
	keys       []createdKey           // the latest
	statuses   map[string]map[int]int // by operation
	shots      int
	failures   int
}

// deadlineWriter records an answer and takes the deadlines that a server's writer would.
type deadlineWriter struct{ *httptest.ResponseRecorder }

// SetReadDeadline and SetWriteDeadline are what http.ResponseController looks for.
func (deadlineWriter) SetReadDeadline(time.Time) error  { return nil }
func (deadlineWriter) SetWriteDeadline(time.Time) error { return nil }

// seldom lists expensive operations, each of which costs as much as hundreds of others: they hash a password, make the test hash
// one to sign in again, or return the whole log, the metrics or the contract.
var seldom = map[string]bool{
	"signIn": true, "signOut": true, "changePassword": true, "acceptInvitation": true, "exportEvents": true, "verifyEvents": true, "getMetrics": true, "getContract": true,
}

const barrageAdmin = "barrage@example.com"

func newBarrage(t *testing.T, s *service, seed uint64) *barrage {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), known: map[string][]string{
		"scopes": {"cca:admin", "cca:readonly", "lighthouse.workspaces:readonly", "settings.api-keys:editor"}, "scope": {"cca:readonly", "cca:admin cca:readonly", ""},
		"grant_type": {"client_credentials"}, "list": {"0"}, "time_zone": {"UTC", "America/Sao_Paulo", "Asia/Kathmandu"}, "client_secret": {"aks_none"},
		"action": {"api-key.created", "api-key.updated"}, "email": {"a@example.com", "b@example.com", "c@example.com"}, "password": {password}, "current_password": {"a wrong password"},
	}}
	b := &barrage{t: t, s: s, g: g, operations: contractOperations(t), statuses: map[string]map[int]int{}}
	for _, id := range slices.Sorted(maps.Keys(b.operations)) {
		b.names = append(b.names, slices.Repeat([]string{id}, map[bool]int{true: 1, false: 8}[seldom[id]])...)
		b.statuses[id] = map[int]int{}
	}
	tenancyID, _ := s.otherTenancy(t)
	s.operator(t, tenancyID, barrageAdmin, operator.Admin)
	admin := s.as(t, barrageAdmin)
	b.signIn()
	for i, scopes := range [][]string{{"settings:admin", "cca:admin"}, {"settings.api-keys:readonly"}, {"cca:admin"}} {
		k := admin.create(fmt.Sprintf("program %d", i), scopes...)
		b.tokens = append(b.tokens, admin.token(k.ClientID, k.ClientSecret))
	}
	for i := range 10 {
		b.keep(rotatedKey(admin, fmt.Sprintf("key %d", i)))
		b.known("operator_id", admin.invite(fmt.Sprintf("operator%d@example.com", i), "readonly").Operator.ID)
	}
	return b
}

// known adds a value for further requests to use, and keeps the newest 20.
func (b *barrage) known(name, value string) {
	known := append(b.g.known[name], value)
	b.g.known[name] = known[max(0, len(known)-20):]
}

func (b *barrage) keep(k createdKey) {
	b.keys = append(b.keys, k)
	b.keys = b.keys[max(0, len(b.keys)-20):]
	b.known("client_id", k.ClientID)
	for _, secret := range k.Secrets {
		b.known("secret_id", secret.ID)
	}
	b.known("client_secret", k.ClientSecret)
	b.known("If-Match", k.etag)
}

// forget stops further requests from using a deleted key, unless it is the only one.
func (b *barrage) forget(clientID string) {
	others := slices.DeleteFunc(slices.Clone(b.keys), func(k createdKey) bool { return k.ClientID == clientID })
	if len(others) > 0 {
		b.keys = others
		b.g.known["client_id"] = slices.DeleteFunc(b.g.known["client_id"], func(id string) bool { return id == clientID })
	}
}

func (b *barrage) signIn() {
	b.t.Helper()
	b.cookie = b.s.stranger(b.t).post("/v1/session", credentials(barrageAdmin, password)).wants(http.StatusCreated).cookie().Value
}

// shoot makes one request and judges its answer.
func (b *barrage) shoot() {
	b.t.Helper()
	id := one(b.g, b.names...)
	r, body := b.request(id, b.operations[id])
	if r == nil {
		return
	}
	target := b.target(r)
	before := b.state(target)
	readsLog := id == "getRevocations" || id == "getStatusList"
	if readsLog {
		b.s.follow(b.t)
	}
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(deadlineWriter{w}, r)
	b.statuses[id][w.Code]++
	b.shots++
	var wrong []string
	// On a slow machine, the log may already count as unread again.
	if w.Code >= http.StatusInternalServerError && !(readsLog && w.Code == http.StatusServiceUnavailable) {
		wrong = append(wrong, fmt.Sprintf("a fault: %s\n%s", w.Body, b.s.logs.text()[max(0, len(b.s.logs.text())-500):]))
	}
	if err := checkAnswer(r, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		wrong = append(wrong, fmt.Sprintf("%.300s: %v", w.Body, err))
	}
	if before != "" && w.Code >= http.StatusBadRequest && b.state(target) != before {
		wrong = append(wrong, target+" has changed")
	}
	if wrong != nil {
		b.failures++
		b.t.Errorf("%s %.500s\n%v\n%.2000q\ngot %d: %s", r.Method, r.URL.RequestURI(), r.Header, body, w.Code, strings.Join(wrong, "\n"))
		return
	}
	switch {
	case w.Code >= http.StatusMultipleChoices:
	case id == "createApiKey" || id == "rotateApiKeySecret":
		b.keep(answer{b.t, w.Result(), w.Body.Bytes()}.key())
	case id == "inviteOperator":
		var made invitation
		answer{b.t, w.Result(), w.Body.Bytes()}.decode(&made)
		b.known("operator_id", made.Operator.ID)
	case id == "issueToken": // further requests may revoke this token, but not those in b.tokens
		var issued struct {
			AccessToken string `json:"access_token"`
		}
		answer{b.t, w.Result(), w.Body.Bytes()}.decode(&issued)
		b.known("token", issued.AccessToken)
	case id == "deleteApiKey":
		b.forget(strings.TrimPrefix(r.URL.Path, "/v1/api-keys/"))
	case id == "signOut":
		b.signIn()
	}
}

// target returns the path of what a request may change: the operators or, for some of the requests, a key.
func (b *barrage) target(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	switch {
	case r.Method == http.MethodGet || len(parts) < 3:
		return ""
	case parts[2] == "operators":
		return "/v1/operators"
	case len(parts) > 3 && parts[2] == "api-keys" && slices.Contains(b.g.known["client_id"], parts[3]) && b.g.often(10):
		return "/v1/api-keys/" + parts[3]
	}
	return ""
}

// state returns the version of the key, or the list of operators, at path. It is empty if there is none.
func (b *barrage) state(path string) string {
	if path == "" {
		return ""
	}
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, path, nil)
	r.AddCookie(&http.Cookie{Name: "apikeys_session", Value: b.cookie})
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	switch {
	case w.Code != http.StatusOK:
		return ""
	case path == "/v1/operators":
		return w.Body.String()
	}
	return w.Header().Get("ETag")
}

// survey checks the state of the service after all the requests.
func (b *barrage) survey() {
	b.t.Helper()
	admin := b.s.stranger(b.t)
	admin.http.Jar = nil
	admin.headers["Cookie"] = "apikeys_session=" + b.cookie
	var verified struct {
		Verified bool
		Events   int64
	}
	admin.get("/v1/events/verify").wants(http.StatusOK).decode(&verified)
	if !verified.Verified || verified.Events == 0 {
		b.t.Errorf("the log: %+v", verified)
	}
	var page struct{ Meta struct{ Total int } }
	admin.get("/v1/api-keys?page_size=100").wants(http.StatusOK).decode(&page)
	for n := range page.Meta.Total/100 + 1 {
		admin.get(fmt.Sprintf("/v1/api-keys?page_size=100&page=%d", n+1)).wants(http.StatusOK)
	}
	admin.get("/v1/operators").wants(http.StatusOK)
	admin.get("/v1/events/export?format=jsonl").wants(http.StatusOK)
	classes := map[int]int{}
	for id, statuses := range b.statuses {
		for status, n := range statuses {
			classes[status/100] += n
		}
		if b.shots >= shotsForAll && !strings.HasSuffix(id, "SingleSignOn") && statuses[200]+statuses[201]+statuses[204] == 0 && !seldom[id] {
			b.t.Errorf("no request of %s was accepted: %v", id, statuses)
		}
	}
	// Usually two in five are accepted. One in five is of an operation that needs no credentials.
	if accepted := classes[2]; accepted < b.shots/4 {
		b.t.Errorf("%d of %d requests were accepted: the others try nothing", accepted, b.shots)
	}
	b.t.Logf("%d keys, %d events; answers by class: %v", page.Meta.Total, verified.Events, classes)
}
