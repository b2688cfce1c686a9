package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const badRequest = "bad-request/invalid-parameters"

// manyScopes returns a JSON list of scopes.
func manyScopes(n int) string {
	encoded, err := json.Marshal(slices.Repeat([]string{"cca:readonly"}, n))
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// badKeys are bodies for creating a key, with what the answer must say about each, one field a line.
var badKeys = []struct{ name, body, fields string }{
	{"empty", "", "body is required"},
	{"not JSON", "{", "body must be valid JSON"},
	{"no object", `[]`, "body must be an object"},
	{"null", `null`, "body must not be null"},
	{"a number", `1`, "body must be an object"},
	{"two values", `{"name":"n","scopes":["cca:admin"]} {}`, "body must be a single JSON value"},
	{"trailing garbage", `{"name":"n","scopes":["cca:admin"]}]`, "body must be a single JSON value"},
	{"a member twice", `{"name":"n","name":"m","scopes":["cca:admin"]}`, "name must not be given twice"},
	{"a nested member twice", `{"name":"n","scopes":["cca:admin"],"token_lifespan":{"value":1,"unit":"hours","value":2}}`, "token_lifespan.value must not be given twice"},
	{"nothing", `{}`, "name is required\nscopes is required"},
	{"an unknown member", `{"name":"n","scopes":["cca:admin"],"lifespan":1}`, "lifespan is not a known member"},
	{"unknown members", `{"name":"n","scopes":["cca:admin"],"b":1,"a":1}`, "a is not a known member\nb is not a known member"},
	{"a member in another case", `{"Name":"n","scopes":["cca:admin"]}`, "Name is not a known member\nname is required"},
	{"a nested unknown member", `{"name":"n","scopes":["cca:admin"],"token_lifespan":{"value":1,"unit":"hours","zone":1}}`, "token_lifespan.zone is not a known member"},
	{"a client_id", `{"name":"n","scopes":["cca:admin"],"client_id":"ak_mine"}`, "client_id can't be set"},
	{"a client_secret", `{"name":"n","scopes":["cca:admin"],"client_secret":"aks_mine"}`, "client_secret can't be set"},
	{"wrong types", `{"name":1,"description":true,"scopes":"cca:admin","token_lifespan":"1h"}`, "description must be a string\nname must be a string\nscopes must be a list\ntoken_lifespan must be an object"},
	{"nulls", `{"name":null,"description":null,"scopes":null,"token_lifespan":null}`, "description must not be null\nname must not be null\nscopes must not be null\ntoken_lifespan must not be null"},
	{"a scope that is none", `{"name":"n","scopes":[1]}`, "scopes.0 must be a string"},
	{"a null scope", `{"name":"n","scopes":["cca:admin",null]}`, "scopes.1 must not be null"},
	{"an unknown scope", `{"name":"n","scopes":["cca:admin","nothing:admin"]}`, `scopes.1 "nothing:admin" is not a scope of the catalogue`},
	{"an empty scope", `{"name":"n","scopes":[""]}`, "scopes.0 must not be empty"},
	{"no scopes", `{"name":"n","scopes":[]}`, "scopes must have at least 1 entry"},
	{"10,000 scopes", `{"name":"n","scopes":` + manyScopes(10_000) + `}`, "scopes must have at most 100 entries"},
	{"an empty name", `{"name":"","scopes":["cca:admin"]}`, "name must not be empty"},
	{"a blank name", `{"name":"  ","scopes":["cca:admin"]}`, "name is required"},
	{"a long name", `{"name":"` + strings.Repeat("é", 101) + `","scopes":["cca:admin"]}`, "name must have at most 100 characters"},
	{"a long description", `{"name":"n","description":"` + strings.Repeat("é", 501) + `","scopes":["cca:admin"]}`, "description must have at most 500 characters"},
	{"a line break in the name", `{"name":"a\nb","scopes":["cca:admin"]}`, "name must be text without control characters"},
	{"NUL in the name", `{"name":"a\u0000b","scopes":["cca:admin"]}`, "name must not contain NUL characters"},
	{"NUL in a scope", `{"name":"n","scopes":["cca:admin","\u0000"]}`, "scopes.1 must not contain NUL characters"},
	{"NUL in a member's name", `{"name":"n","scopes":["cca:admin"],"\u0000":1}`, "? must not contain NUL characters"},
	{"a raw NUL", "{\"name\":\"a\x00b\",\"scopes\":[\"cca:admin\"]}", "body must be valid JSON"},
	{"invalid UTF-8 in the name", "{\"name\":\"a\xff\",\"scopes\":[\"cca:admin\"]}", "name must be valid UTF-8"},
	{"invalid UTF-8 in the description", "{\"name\":\"n\",\"description\":\"\xc3\",\"scopes\":[\"cca:admin\"]}", "description must be valid UTF-8"},
	{"half a surrogate pair", `{"name":"a\ud800","scopes":["cca:admin"]}`, "name must be valid Unicode"},
	{"the other half", `{"name":"\\\"\udc00","scopes":["cca:admin"]}`, "name must be valid Unicode"},
	{"half a surrogate pair beside what stands for it", `{"name":"\ufffd\ud83d\ude00\ud800","scopes":["cca:admin"]}`, "name must be valid Unicode"},
	{"half a surrogate pair and an escape", `{"name":"�\ud800\u0041","scopes":["cca:admin"]}`, "name must be valid Unicode"},
	{"more values than any body needs", `{"name":[` + strings.Repeat("0,", 20_000) + `0]}`, "body must not have so many values"},
	{"deep nesting", `{"name":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "body must not be nested so deep"},
	{"lifespan 0", lifespanBody("0", "hours"), lifespanMessage},
	{"lifespan -1", lifespanBody("-1", "hours"), lifespanMessage},
	{"lifespan 25 h", lifespanBody("25", "hours"), "token_lifespan.value must be between 1 and 24 when the unit is hours"},
	{"lifespan 56 min", lifespanBody("56", "minutes"), lifespanMessage},
	{"lifespan 60 h", lifespanBody("60", "hours"), lifespanMessage},
	{"lifespan 1.5", lifespanBody("1.5", "hours"), "token_lifespan.value must be a whole number"},
	{"lifespan 1.0", lifespanBody("1.0", "hours"), "token_lifespan.value must be a whole number"},
	{"lifespan 1e0", lifespanBody("1e0", "hours"), "token_lifespan.value must be a whole number"},
	{"lifespan in text", lifespanBody(`"1"`, "hours"), "token_lifespan.value must be a whole number"},
	{"lifespan 2^31", lifespanBody("2147483648", "hours"), lifespanMessage},
	{"lifespan 10^400", lifespanBody("1e400", "hours"), "token_lifespan.value must be a whole number"},
	{"lifespan in days", lifespanBody("1", "days"), "token_lifespan.unit must be hours or minutes"},
	{"lifespan without a unit", `{"name":"n","scopes":["cca:admin"],"token_lifespan":{"value":1}}`, "token_lifespan.unit is required"},
}

const lifespanMessage = "token_lifespan.value must be between 1 and 24 when the unit is hours, or 1 and 55 when it is minutes"

func lifespanBody(value, unit string) string {
	return fmt.Sprintf(`{"name":"n","scopes":["cca:admin"],"token_lifespan":{"value":%s,"unit":%q}}`, value, unit)
}

func TestABadKeyIsRefusedWithTheFieldNamedAndNothingIsCreated(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		for _, bad := range badKeys {
			t.Run(bad.name, func(t *testing.T) {
				c := *admin
				c.t = t
				got := c.send("POST", "/v1/api-keys", bad.body).refused(http.StatusBadRequest, badRequest).fields()
				if got != bad.fields {
					t.Errorf("got:\n%s\nwant:\n%s", got, bad.fields)
				}
			})
		}
		if names := admin.get("/v1/api-keys").names(); names != "" {
			t.Errorf("created: %s", names)
		}
	})
}

func TestABadEditIsRefusedWithTheFieldNamedAndChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("unchanged")
		for _, bad := range []struct{ body, fields string }{
			{`{}`, "body must have at least one member"},
			{`{"client_id":"ak_other"}`, "client_id can't be changed"},
			{`{"client_id":null}`, "client_id can't be changed"},
			{`{"client_id":"ak_other","name":""}`, "client_id can't be changed\nname must not be empty"},
			{`{"status":"inactive"}`, "status can't be changed"},
			{`{"created_at":"2026-01-01T00:00:00Z","created_by":"me","updated_at":null,"last_used_at":null,"secrets":[]}`, "created_at can't be changed\ncreated_by can't be changed\nlast_used_at can't be changed\nsecrets can't be changed\nupdated_at can't be changed"},
			{`{"client_secret":"aks_x"}`, "client_secret is not a known member"},
			{`{"name":null}`, "name must not be null"},
			{`{"scopes":[]}`, "scopes must have at least 1 entry"},
			{`{"scopes":["nothing:admin"]}`, `scopes.0 "nothing:admin" is not a scope of the catalogue`},
			{`{"token_lifespan":{}}`, "token_lifespan must have at least one member"},
			{`{"token_lifespan":{"value":25}}`, "token_lifespan.value must be between 1 and 24 when the unit is hours"},
			{`{"token_lifespan":{"value":0}}`, lifespanMessage},
			{`{"token_lifespan":{"unit":null}}`, "token_lifespan.unit must not be null"},
			{`{"description":"a\u0000"}`, "description must not contain NUL characters"},
		} {
			for _, media := range []string{"application/json", "application/merge-patch+json"} {
				got := admin.do("PATCH", k.path(), media, strings.NewReader(bad.body)).refused(http.StatusBadRequest, badRequest).fields()
				if got != bad.fields {
					t.Errorf("%s: got:\n%s\nwant:\n%s", bad.body, got, bad.fields)
				}
			}
		}
		if now := admin.get(k.path()).key(); now.etag != k.etag || now.Name != k.Name {
			t.Errorf("changed: %+v", now)
		}
	})
}

func TestABadRotationIsRefusedAndTheSecretStays(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("rotated")
		for body, fields := range map[string]string{
			``:                                "body is required",
			`{}`:                              "grace_period_seconds is required",
			`{"grace_period_seconds":-1}`:     "grace_period_seconds must be between 0 and 604800",
			`{"grace_period_seconds":604801}`: "grace_period_seconds must be between 0 and 604800",
			`{"grace_period_seconds":1.5}`:    "grace_period_seconds must be a whole number",
			`{"grace_period_seconds":6E1}`:    "grace_period_seconds must be a whole number",
			`{"grace_period_seconds":"1"}`:    "grace_period_seconds must be a whole number",
			`{"grace_period_seconds":null}`:   "grace_period_seconds must not be null",
		} {
			if got := admin.send("POST", k.path()+"/rotate-secret", body).refused(http.StatusBadRequest, badRequest).fields(); got != fields {
				t.Errorf("%s: got %q, want %q", body, got, fields)
			}
		}
		if !admin.exchanges(k.ClientID, k.ClientSecret) {
			t.Error("the secret no longer works")
		}
	})
}

func TestABodyOfAnotherMediaTypeIsRefused(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	body := `{"name":"n","scopes":["cca:admin"]}`
	for _, media := range []string{
		"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/merge-patch+json", "json", "application/json; charset=latin1", "application/json, text/plain",
	} {
		admin.do("POST", "/v1/api-keys", media, strings.NewReader(body)).refused(http.StatusUnsupportedMediaType, "request/unsupported-media-type")
	}
	for i, media := range []string{"application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"} {
		body := fmt.Sprintf(`{"name":"n%d","scopes":["cca:admin"]}`, i)
		k := admin.do("POST", "/v1/api-keys", media, strings.NewReader(body)).wants(http.StatusCreated).key()
		admin.do("PATCH", k.path(), media, strings.NewReader(`{"description":"d"}`)).wants(http.StatusOK)
	}
}

func TestABodyOverOneMebibyteIsRefusedInTheFormOfItsRoute(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	large := bytes.Repeat([]byte{' '}, 1<<20+1)
	for _, known := range []bool{true, false} {
		send := func(path, media string) answer {
			if known {
				return admin.do("POST", path, media, bytes.NewReader(large))
			}
			return admin.do("POST", path, media, struct{ *bytes.Reader }{bytes.NewReader(large)}) // in chunks
		}
		send("/v1/api-keys", "application/json").refused(http.StatusRequestEntityTooLarge, "request/too-large")
		a := send("/auth", "application/json").wants(http.StatusRequestEntityTooLarge)
		if !bytes.Contains(a.body, []byte(`"code":"request/too-large"`)) || !bytes.Contains(a.body, []byte(`"message"`)) {
			t.Errorf("got %s", a.body)
		}
		a = send("/oauth2/token", "application/x-www-form-urlencoded").wants(http.StatusRequestEntityTooLarge)
		if !bytes.Contains(a.body, []byte(`"error":"invalid_request"`)) {
			t.Errorf("got %s", a.body)
		}
	}
	if names := admin.get("/v1/api-keys").names(); names != "" {
		t.Errorf("created: %s", names)
	}
}

func TestBadParametersAreRefusedWithTheirName(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		for query, fields := range map[string]string{
			"page=0":                             "page must be between 1 and 1000000",
			"page=1000001":                       "page must be between 1 and 1000000",
			"page=x":                             "page must be a whole number",
			"status=":                            "status must be all, active or inactive",
			"page=1.5":                           "page must be a whole number",
			"page=":                              "page must not be empty",
			"page=1&page=2":                      "page must be given once",
			"page=99999999999999999999":          "page must be a whole number",
			"page_size=0":                        "page_size must be between 1 and 100",
			"page_size=101":                      "page_size must be between 1 and 100",
			"status=gone":                        "status must be all, active or inactive",
			"sort_field=secret":                  "sort_field must be name, created_at or last_used_at",
			"sort_order=asc":                     "sort_order must be ASC or DESC",
			"search=%00":                         "search must not contain NUL characters",
			"search=%ff":                         "search must be valid UTF-8",
			"search=" + strings.Repeat("a", 101): "search must have at most 100 characters",
			"search=%zz":                         "query must be a valid query string",
			"a;b":                                "query must be a valid query string",
			"pagesize=1":                         "pagesize is not a known parameter",
			"Page=1":                             "Page is not a known parameter",
			"page=0&page_size=0&x=1":             "x is not a known parameter",
			"page=0&page_size=0":                 "page must be between 1 and 1000000\npage_size must be between 1 and 100",
			url.QueryEscape("a\nb\x00") + "=1":   "a?b? is not a known parameter",
		} {
			if got := admin.get("/v1/api-keys?"+query).refused(http.StatusBadRequest, badRequest).fields(); got != fields {
				t.Errorf("%s: got %q, want %q", query, got, fields)
			}
		}
		admin.get("/v1/scopes?x=1").refused(http.StatusBadRequest, badRequest)
		for path, fields := range map[string]string{
			"/v1/api-keys/%00":                        "client_id must not contain NUL characters",
			"/v1/api-keys/ak_%ff":                     "client_id must be valid UTF-8",
			"/v1/api-keys/" + strings.Repeat("a", 65): "client_id must have at most 64 characters",
		} {
			if got := admin.get(path).refused(http.StatusBadRequest, badRequest).fields(); got != fields {
				t.Errorf("%s: got %q, want %q", path, got, fields)
			}
		}
		for _, path := range []string{"/v1/api-keys/ak_%2F", "/v1/api-keys/..%2f..", "/v1/api-keys/%20", "/v1/api-keys/%C3%A9", "/v1/api-keys/'--"} {
			admin.get(path).refused(http.StatusNotFound, "api-key/not-found")
		}
		k := admin.create("key")
		for _, key := range []string{strings.Repeat("a", 256), "a b", "é"} {
			got := admin.with("Idempotency-Key", key).post("/v1/api-keys", map[string]any{"name": "n", "scopes": []string{"cca:admin"}}).refused(http.StatusBadRequest, badRequest)
			if !strings.HasPrefix(got.fields(), "Idempotency-Key ") {
				t.Errorf("got %q", got.fields())
			}
		}
		if got := admin.send("DELETE", k.path()+"/secrets/%00", nil).refused(http.StatusBadRequest, badRequest).fields(); got != "secret_id must not contain NUL characters" {
			t.Errorf("got %q", got)
		}
	})
}

func TestAHeaderOfSeveralLinesIsAListOrRefused(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	k := admin.create("key")
	for name, test := range map[string]struct {
		method, path string
		lines        []string
		fields       string // what is wrong, if anything
	}{
		"If-Match":        {"PATCH", k.path(), []string{`"8"`, k.etag}, ""},
		"Idempotency-Key": {"POST", "/v1/api-keys", []string{"one", "two"}, "Idempotency-Key must be given once"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, s.url+test.path, strings.NewReader(`{"name":"n","scopes":["cca:admin"]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/json"}, name: test.lines}
		response, err := admin.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		a := answer{t, response, body}
		if test.fields == "" {
			a.wants(http.StatusOK)
		} else if got := a.refused(http.StatusBadRequest, badRequest).fields(); got != test.fields {
			t.Errorf("got %q, want %q", got, test.fields)
		}
	}
}

func TestATokenRequestNamesItsGrant(t *testing.T) {
	s := onOne(t)
	k := s.admin(t).create("key")
	client := s.stranger(t).basic(k.ClientID, k.ClientSecret)
	client.form("/oauth2/token").oauthError(http.StatusBadRequest, "invalid_request")
	client.form("/oauth2/token", "grant_type", "password").oauthError(http.StatusBadRequest, "unsupported_grant_type")
}

func TestCredentialsInAQueryStringAreRefusedOnEveryRoute(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	for _, parameter := range []string{"client_secret=aks_x", "access_token=x", "password=x", "Client%5FSecret=x", "a=1&password="} {
		admin.get("/v1/api-keys?"+parameter).refused(http.StatusBadRequest, badRequest)
		admin.get("/v1/nothing?"+parameter).refused(http.StatusBadRequest, badRequest)
		a := admin.post("/auth?"+parameter, map[string]string{"client_id": "a", "client_secret": "b"}).wants(http.StatusBadRequest)
		if !bytes.Contains(a.body, []byte(`"code":"bad-request/invalid-parameters","message"`)) {
			t.Errorf("got %s", a.body)
		}
		a = admin.do("POST", "/oauth2/token?"+parameter, "application/x-www-form-urlencoded", strings.NewReader("grant_type=client_credentials")).wants(http.StatusBadRequest)
		if !bytes.Contains(a.body, []byte(`"error":"invalid_request"`)) {
			t.Errorf("got %s", a.body)
		}
	}
}

func TestUnknownRoutesAndMethodsAreAnsweredInTheFormOfTheirPath(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	admin.get("/v1/nothing").refused(http.StatusNotFound, "route/not-found")
	admin.get("/v1/api-keys/").refused(http.StatusNotFound, "route/not-found")
	admin.post("/nothing", nil).refused(http.StatusNotFound, "route/not-found")
	a := admin.do("PUT", "/v1/api-keys", "", nil)
	a.refused(http.StatusMethodNotAllowed, "request/method-not-allowed")
	if allow := a.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow: %s", allow)
	}
	a = admin.get("/v1/api-keys/ak_x/activate")
	a.refused(http.StatusMethodNotAllowed, "request/method-not-allowed")
	for path, body := range map[string]string{
		"/oauth2/nothing": `{"error":"invalid_request"`, "/auth/nothing": `{"code":"route/not-found","message"`,
		"/oauth2/token": `{"error":"invalid_request"`, "/auth": `{"code":"request/method-not-allowed","message"`,
	} {
		if a := admin.get(path); !bytes.HasPrefix(a.body, []byte(body)) || a.Header.Get("Cache-Control") != "no-store" || a.StatusCode/100 != 4 {
			t.Errorf("%s: got %d %s", path, a.StatusCode, a.body)
		}
	}
}

// TestManyUnknownMembersAreNoMoreWorkThanTheyAre: anybody may send them. Looking up each among all the others took hours.
func TestManyUnknownMembersAreNoMoreWorkThanTheyAre(t *testing.T) {
	s := onOne(t)
	var body strings.Builder
	body.WriteString(`{"a":0`)
	for i := range 60_000 {
		fmt.Fprintf(&body, `,"%d":0`, i)
	}
	body.WriteString("}")
	s.stranger(t).do("POST", "/v1/session", "application/json", strings.NewReader(body.String())).wants(http.StatusBadRequest)
}

// TestABodyThatNobodyAskedForLeavesTheConnectionInOrder: generated clients send {} where the contract has no body, and then
// further requests on the same connection.
func TestABodyThatNobodyAskedForLeavesTheConnectionInOrder(t *testing.T) {
	s := onOne(t)
	key := s.admin(t).create("Key")
	session := s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(connection)
	for i := range 3 {
		_, err := fmt.Fprintf(connection, "POST %s/deactivate HTTP/1.1\r\nHost: localhost\r\nCookie: %s=%s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
			key.path(), session.Name, session.Value)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK || response.Close {
			t.Fatalf("request %d: got %s, %v", i, response.Status, err)
		}
		response.Body.Close()
	}
}
