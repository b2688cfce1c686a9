package api

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unsafe"

	"github.com/labstack/echo/v4"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/oauth"
)

// TestClientCredentialsAreReadFromOneFormOrOneHeader: ambiguous credentials are refused, and so are those in the query, which would
// end up in logs.
func TestClientCredentialsAreReadFromOneFormOrOneHeader(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	for name, test := range map[string]struct {
		target, contentType, body string
		headers                   []string
		want                      string // id and secret, or the code of the refusal
	}{
		"in the body":                    {"/oauth2/token", form, "client_id=id&client_secret=s%2Bt", nil, "id s+t"},
		"in the body, with a charset":    {"/oauth2/token", form + "; charset=UTF-8", "client_id=id&client_secret=s", nil, "id s"},
		"in the header":                  {"/oauth2/token", form, "", []string{basic("id:s")}, "id s"},
		"in the header, encoded":         {"/oauth2/token", form, "", []string{basic("i%3Ad:s%2Bt")}, "i:d s+t"},
		"in the header, the id in both":  {"/oauth2/token", form, "client_id=id", []string{basic("id:s")}, "id s"},
		"none":                           {"/oauth2/token", form, "client_id=id", nil, "invalid_client"},
		"a parameter in the query":       {"/oauth2/token?scope=a:b", form, "client_id=id&client_secret=s", nil, "invalid_request"},
		"JSON":                           {"/oauth2/token", "application/json", "client_id=id&client_secret=s", nil, "invalid_request"},
		"plain text, as pages can send":  {"/oauth2/token", "text/plain", "client_id=id&client_secret=s", nil, "invalid_request"},
		"no media type":                  {"/oauth2/token", "", "client_id=id&client_secret=s", nil, "invalid_request"},
		"a parameter twice":              {"/oauth2/token", form, "client_id=id&client_secret=s&client_id=other", nil, "invalid_request"},
		"the secret in header and body":  {"/oauth2/token", form, "client_id=id&client_secret=s", []string{basic("id:s")}, "invalid_request"},
		"another id in header than body": {"/oauth2/token", form, "client_id=other", []string{basic("id:s")}, "invalid_request"},
		"two headers":                    {"/oauth2/token", form, "", []string{basic("id:s"), basic("id:s")}, "invalid_client"},
		"another scheme":                 {"/oauth2/token", form, "", []string{strings.Replace(basic("id:s"), "Basic", "Bearer", 1)}, "invalid_client"},
		"no colon":                       {"/oauth2/token", form, "", []string{basic("id")}, "invalid_client"},
		"a broken escape":                {"/oauth2/token", form, "", []string{basic("id:%zz")}, "invalid_client"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(test.body))
		r.Header.Set(echo.HeaderContentType, test.contentType)
		r.Header[echo.HeaderAuthorization] = test.headers
		var id, secret string
		read, err := readForm(echo.New().NewContext(r, httptest.NewRecorder()))
		if err == nil {
			id, secret, err = clientCredentials(r, read)
		}
		got := id + " " + secret
		if refused := (*oauth.Error)(nil); errors.As(err, &refused) {
			got = string(refused.Code)
		}
		if got != test.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// TestTheVendorsRouteReadsOneObjectOfTwoMembers: anything else is refused.
func TestTheVendorsRouteReadsOneObjectOfTwoMembers(t *testing.T) {
	const good = `{"client_id":"a","client_secret":"b"}`
	for name, test := range map[string]struct {
		target, contentType, body string
		want                      int // status of the refusal; 0 for none
	}{
		"as documented":       {"/auth", "application/json", good, 0},
		"with a charset":      {"/auth", "application/json; charset=utf-8", good + "\n", 0},
		"a query":             {"/auth?a=b", "application/json", good, http.StatusBadRequest},
		"a form":              {"/auth", "application/x-www-form-urlencoded", good, http.StatusUnsupportedMediaType},
		"plain text":          {"/auth", "text/plain", good, http.StatusUnsupportedMediaType},
		"no media type":       {"/auth", "", good, http.StatusUnsupportedMediaType},
		"a second value":      {"/auth", "application/json", good + good, http.StatusBadRequest},
		"an unknown member":   {"/auth", "application/json", `{"client_id":"a","client_secret":"b","scope":"c"}`, http.StatusBadRequest},
		"a long member":       {"/auth", "application/json", `{"` + strings.Repeat("a", 1000) + `":1}`, http.StatusBadRequest},
		"what is no UTF-8":    {"/auth", "application/json", "{\"client_id\":\"a\",\"client_secret\":\"\xff\"}", http.StatusBadRequest},
		"no client id":        {"/auth", "application/json", `{"client_secret":"b"}`, http.StatusBadRequest},
		"no client secret":    {"/auth", "application/json", `{"client_id":"a"}`, http.StatusBadRequest},
		"a secret of no text": {"/auth", "application/json", `{"client_id":"a","client_secret":1}`, http.StatusBadRequest},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(test.body))
		r.Header.Set(echo.HeaderContentType, test.contentType)
		got := 0
		if _, err := readAuthRequest(r); err != nil {
			refused := faultOf(err)
			if got = refused.status; len(refused.detail) > 100 {
				t.Errorf("%s: the answer is as long as what was sent: %s", name, refused.detail)
			}
		}
		if got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

// TestAClientIDKeepsNoSecretInMemory: the key cache and the usage counters keep client ids. A substring of the request's text would
// keep all of that text in memory, including the secret.
func TestAClientIDKeepsNoSecretInMemory(t *testing.T) {
	id, secret := apikey.NewClientID(), apikey.NewSecret() // of real length, since the allocator packs very short texts together
	for name, request := range map[string]struct{ body, authorization string }{
		"in the body":   {"client_id=" + id + "&client_secret=" + secret, ""},
		"in the header": {"", "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", nil)
		if request.authorization != "" {
			r.Header.Set(echo.HeaderAuthorization, request.authorization)
		}
		read, err := parseForm(request.body)
		if err != nil {
			t.Fatal(err)
		}
		gotID, gotSecret, err := clientCredentials(r, read)
		if err != nil || gotID != id || gotSecret != secret {
			t.Fatalf("%s: %q, %q, %v", name, gotID, gotSecret, err)
		}
		between := uintptr(unsafe.Pointer(unsafe.StringData(gotSecret))) - uintptr(unsafe.Pointer(unsafe.StringData(gotID)))
		if between <= uintptr(len(request.body)+len(request.authorization)) {
			t.Errorf("%s: the secret is %d bytes behind the id, in one text", name, between)
		}
	}
}
