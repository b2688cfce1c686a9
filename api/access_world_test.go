package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/operator"
)

// targetName is the prefix of the names and e-mail addresses of the keys and operators that the requests of [TestWhoMayDoWhat] are
// about. Nothing else starts with it.
const targetName = "target-of-the-customer"

// world holds the callers of [TestWhoMayDoWhat], and the key and the operator of the customer's tenancy that their requests are
// about. Both are replaced after a change.
type world struct {
	t           *testing.T
	s           *service
	owner       *caller // an admin of the customer's tenancy, who sets up the test and reads the state
	platform    *caller // an admin of the platform tenancy
	callers     []namedCaller
	sessions    map[string]string // session cookies by e-mail address
	editorToken string
	current     *createdKey
	operatorID  string
	issued      string // the access token that a request is about
	made        int
}

// namedCaller is a caller of one of the kinds that are the columns of the table.
type namedCaller struct {
	kind, name    string
	email         string // of an operator with a session
	cookie        string // of a session that is not valid
	authorization string
}

// sessionEnding are the operations that change or end the caller's session.
var sessionEnding = map[string]bool{"signOut": true, "changePassword": true}

// caller returns the caller that makes a request. It has no cookie jar, so that nobody is signed in by accident.
func (w *world) caller(n namedCaller) *caller {
	w.t.Helper()
	c := w.s.stranger(w.t)
	c.http.Jar = nil
	if n.authorization != "" {
		c.headers["Authorization"] = n.authorization
	}
	if n.email != "" {
		n.cookie = w.session(n.email)
	}
	if n.cookie != "" {
		c.headers["Cookie"] = "apikeys_session=" + n.cookie
	}
	return c
}

// session returns the cookie of an operator's session.
func (w *world) session(email string) string {
	w.t.Helper()
	if w.sessions[email] == "" {
		w.sessions[email] = w.s.stranger(w.t).post("/v1/session", credentials(email, password)).wants(http.StatusCreated).cookie().Value
	}
	return w.sessions[email]
}

// newWorld creates three tenancies and all callers.
func newWorld(t *testing.T, s *service) *world {
	t.Helper()
	w := &world{t: t, s: s, sessions: map[string]string{}}
	customer, err := s.Operators.CreateTenancy(t.Context(), "Customer", system)
	if err != nil {
		t.Fatal(err)
	}
	for email, role := range map[string]operator.Role{"ro": operator.Readonly, "ed": operator.Editor, "ad": operator.Admin, "owner": operator.Admin} {
		s.operator(t, customer.ID, email+"@customer.example", role)
	}
	_, other := s.otherTenancy(t)
	s.operator(t, s.tenancy(t), "platform@example.com", operator.Admin)
	w.owner = s.as(t, "owner@customer.example")
	expiredSession, expiredToken := w.session("ro@customer.example"), w.newToken(w.owner, "expired", "settings:admin")
	s.pass(25 * time.Hour)
	clear(w.sessions)
	w.owner, w.platform = s.as(t, "owner@customer.example"), s.admin(t)
	w.callers = []namedCaller{
		{kind: "none", name: "nobody"},
		{kind: "xcook", name: "of a session that has expired", cookie: expiredSession},
		{kind: "xtok", name: "that has expired", authorization: "Bearer " + expiredToken},
	}
	w.addDeadSessions(customer.ID)
	w.addDeadTokens()
	w.addLiving(other)
	return w
}

// newKey returns a new key and an access token of it; newToken returns only the token.
func (w *world) newKey(owner *caller, name string, scopes ...string) (createdKey, string) {
	w.t.Helper()
	k := owner.create(name, scopes...)
	return k, owner.token(k.ClientID, k.ClientSecret)
}

func (w *world) newToken(owner *caller, name string, scopes ...string) string {
	w.t.Helper()
	_, token := w.newKey(owner, name, scopes...)
	return token
}

func (w *world) addDeadSessions(customerID string) {
	w.t.Helper()
	add := func(name, cookie string) {
		w.callers = append(w.callers, namedCaller{kind: "xcook", name: name, cookie: cookie})
	}
	add("that is made up", base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	for name, end := range map[string]func(path, cookie string){
		"of a session that was signed out": func(_, cookie string) {
			w.s.stranger(w.t).with("Cookie", "apikeys_session="+cookie).delete("/v1/session").wants(http.StatusNoContent)
		},
		"of an operator who was deactivated": func(path, _ string) {
			w.owner.patch(path, map[string]any{"status": "deactivated"}).wants(http.StatusOK)
		},
		"of an operator who was removed":              func(path, _ string) { w.owner.delete(path).wants(http.StatusNoContent) },
		"of an operator whom an admin has signed out": func(path, _ string) { w.owner.delete(path + "/sessions").wants(http.StatusNoContent) },
	} {
		email := fmt.Sprintf("former%d@customer.example", len(w.callers))
		created, err := w.s.Operators.Create(w.t.Context(), customerID, email, password, operator.Admin, system)
		if err != nil {
			w.t.Fatal(err)
		}
		cookie := w.session(email)
		end("/v1/operators/"+created.ID, cookie)
		add(name, cookie)
	}
}

func (w *world) addDeadTokens() {
	w.t.Helper()
	add := func(name, token string) {
		w.callers = append(w.callers, namedCaller{kind: "xtok", name: name, authorization: "Bearer " + token})
	}
	add("that is no token", "broken")
	header, claims, _ := strings.Cut(w.newToken(w.owner, "alive", "settings:admin"), ".")
	claims, _, _ = strings.Cut(claims, ".")
	add("that somebody else has signed", signedByAStranger(w.t, header+"."+claims))
	add("that nobody has signed", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))+"."+claims+".")
	post := func(path string, body any) { w.owner.post(path, body).wants(http.StatusOK) }
	for name, end := range map[string]func(k createdKey, token string){
		"of a key that was deactivated": func(k createdKey, _ string) { post(k.path()+"/deactivate", nil) },
		"of a key that was deactivated and activated": func(k createdKey, _ string) {
			post(k.path()+"/deactivate", nil)
			post(k.path()+"/activate", nil)
		},
		"of a key that was deleted":          func(k createdKey, _ string) { w.owner.delete(k.path()).wants(http.StatusNoContent) },
		"of a secret that was replaced":      func(k createdKey, _ string) { post(k.path()+"/rotate-secret", rotation(0)) },
		"of a key whose tokens were revoked": func(k createdKey, _ string) { post(k.path()+"/revoke-tokens", nil) },
		"that was revoked": func(_ createdKey, token string) {
			w.owner.do("POST", "/oauth2/revoke", formType, strings.NewReader("token="+token)).wants(http.StatusOK)
		},
	} {
		k, token := w.newKey(w.owner, name, "settings:admin")
		end(k, token)
		add(name, token)
	}
	w.callers = append(w.callers, namedCaller{kind: "xtok", name: "that is no token, beside a session", email: "ad@customer.example", authorization: "Bearer broken"})
}

// signedByAStranger returns a token with a correct ES256 signature, but by another key.
func signedByAStranger(t *testing.T, signed string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// addLiving adds the callers whose credentials are valid.
func (w *world) addLiving(other string) {
	w.t.Helper()
	reader := "Bearer " + w.newToken(w.owner, "reader", "settings.api-keys:readonly")
	key, token := w.newKey(w.owner, "editor", "settings.api-keys:editor")
	w.editorToken = token
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(key.ClientID+":"+key.ClientSecret))
	const admin = "ad@customer.example"
	w.callers = append(w.callers,
		namedCaller{kind: "ro", name: "a session", email: "ro@customer.example"},
		namedCaller{kind: "ed", name: "a session", email: "ed@customer.example"},
		namedCaller{kind: "ad", name: "a session", email: admin},
		namedCaller{kind: "other", name: "a session", email: other},
		namedCaller{kind: "plat", name: "a session", email: "platform@example.com"},
		namedCaller{kind: "t:ro", name: "a token", authorization: reader},
		namedCaller{kind: "t:ed", name: "a token", authorization: "Bearer " + token},
		namedCaller{kind: "t:ed", name: "a token beside a dead session", authorization: "Bearer " + token, cookie: "unknown"},
		namedCaller{kind: "t:cca", name: "a token", authorization: "Bearer " + w.newToken(w.owner, "unrelated", "cca:admin")},
		namedCaller{kind: "t:oth", name: "a token", authorization: "Bearer " + w.newToken(w.s.as(w.t, other), "other", "settings:admin")},
		namedCaller{kind: "t:pla", name: "a token", authorization: "Bearer " + w.newToken(w.platform, "platform", "settings:admin")},
		namedCaller{kind: "basic", name: "client credentials", authorization: basic},
		namedCaller{kind: "both", name: "a session and a token", email: admin, authorization: reader},
		namedCaller{kind: "query", name: "a session, and a token in the query", email: admin},
	)
}
