package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

func TestTheContractIsServedAsItIs(t *testing.T) {
	s := onOne(t)
	want, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := s.stranger(t).get("/openapi.yaml").wants(http.StatusOK)
	if a.Header.Get("Content-Type") != "application/yaml" || !bytes.Equal(a.body, want) {
		t.Errorf("got %s, and %d bytes instead of %d", a.Header.Get("Content-Type"), len(a.body), len(want))
	}
}

func TestSwaggerUIIsServedUnderAPolicyThatNamesItsInlineParts(t *testing.T) {
	c := onOne(t).stranger(t)
	if a := c.get("/docs").wants(http.StatusMovedPermanently); a.Header.Get("Location") != "/docs/" {
		t.Errorf("got %s", a.Header.Get("Location"))
	}
	a := c.get("/docs/").wants(http.StatusOK)
	if !bytes.Contains(a.body, []byte(`url: "\/openapi.yaml"`)) || bytes.Contains(a.body, []byte("doc.json")) {
		t.Errorf("the page does not read the contract alone: %s", a.body)
	}
	policy := a.Header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "unsafe-eval") || strings.Count(policy, "'sha256-") != 4 {
		t.Errorf("got %s", policy)
	}
	for _, file := range regexp.MustCompile(`(?:src|href)="\./([^"]+)"`).FindAllSubmatch(a.body, -1) {
		if got := c.get("/docs/" + string(file[1])).wants(http.StatusOK); len(got.body) == 0 {
			t.Errorf("%s is empty", file[1])
		}
	}
	for _, path := range []string{"/docs/doc.json", "/docs/doc.yaml", "/docs/swagger-ui.js", "/docs/nothing"} {
		c.get(path).refused(http.StatusNotFound, "route/not-found")
	}
}

func TestProbesAnswerWithoutCredentials(t *testing.T) {
	c := onOne(t).stranger(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := c.get(path).wants(http.StatusOK); string(a.body) != `{"status":"ok"}`+"\n" {
			t.Errorf("%s: got %s", path, a.body)
		}
		c.send("HEAD", path, nil).wants(http.StatusOK)
	}
}

func TestTheMetricsRouteAnswersThisMachineAlone(t *testing.T) {
	s := onOne(t)
	c := s.stranger(t)
	c.get("/metrics").wants(http.StatusOK)
	for _, header := range []string{"X-Forwarded-For", "Via"} {
		c.with(header, "192.0.2.1").get("/metrics").refused(http.StatusNotFound, "route/not-found")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.RemoteAddr = "192.0.2.1:5000"
	w := httptest.NewRecorder()
	if s.Handler().ServeHTTP(w, r); w.Code != http.StatusNotFound {
		t.Errorf("another machine gets %d: %s", w.Code, w.Body)
	}
}

func TestAServiceWithoutItsDatabaseSaysSoAndRecovers(t *testing.T) {
	database := pgtest.NewServer(t)
	s := boot(t, database.URL())
	admin := s.admin(t)
	k := admin.create("before")
	database.Stop()
	for _, a := range []answer{
		admin.get("/v1/api-keys"), admin.get(k.path()), admin.get("/v1/session"), admin.patch(k.path(), map[string]any{"name": "lost"}),
		s.stranger(t).post("/v1/session", credentials("admin@example.com", password)),
	} {
		a.refused(http.StatusServiceUnavailable, "service/unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", a.Request.URL)
		}
	}
	admin.get("/healthz").wants(http.StatusOK)
	if a := admin.get("/readyz").wants(http.StatusServiceUnavailable); !bytes.Contains(a.body, []byte(`"reason":"the database does not answer"`)) {
		t.Errorf("got %s", a.body)
	}
	database.Start()
	s.pass(time.Second) // or the last answer would still count
	admin.get("/readyz").wants(http.StatusOK)
	if got := admin.get(k.path()).wants(http.StatusOK).key(); got.Name != "before" {
		t.Errorf("got %+v", got)
	}
}

// TestTheContractTellsOfOutagesAndFaults: the contract must say that everything except probes answers 503 until the service is
// prepared, and that everything except fixed answers can also fail.
func TestTheContractTellsOfOutagesAndFaults(t *testing.T) {
	c := unprepared(t, sqlstoretest.SQLite(t)).stranger(t)
	probes := []string{"getHealth", "getReadiness", "getMetrics"}
	fixed := []string{"getMetadata", "getOpenIDConfiguration", "getContract"}
	for id, o := range contractOperations(t) {
		if slices.Contains(probes, id) {
			continue
		}
		c.send(o.method, o.path, nil).wants(http.StatusServiceUnavailable) // fails the test if it is not in the contract
		if o.spec.Responses.Status(http.StatusInternalServerError) == nil && !slices.Contains(fixed, id) {
			t.Errorf("%s: no answer for a fault of the service", id)
		}
	}
}

func TestABodyThatEndsEarlyIsTheCallersFault(t *testing.T) {
	s := onOne(t)
	cookie := s.stranger(t).post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie()
	for path, media := range map[string]string{"/v1/api-keys": "application/json", "/auth": "application/json", "/oauth2/token": "application/x-www-form-urlencoded"} {
		for _, body := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"} {
			head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nCookie: apikeys_session=%s\r\n", path, media, cookie.Value)
			if got := raw(t, s.url, head+body); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
				t.Errorf("%s: got %s", path, got)
			}
		}
	}
}

// raw sends text over a connection, then nothing more, and returns the answer.
func raw(t *testing.T, serviceURL, text string) string {
	t.Helper()
	address, err := url.Parse(serviceURL)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestTheLogHoldsNoSecretPasswordTokenOrCookie(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		c := s.stranger(t)
		secrets := map[string]string{"the password": password, "the master key": masterKey}
		secrets["the cookie"] = c.post("/v1/session", credentials("admin@example.com", password)).wants(http.StatusCreated).cookie().Value
		const wrong = "a-password-that-is-wrong"
		secrets["a wrong password"] = wrong
		c.post("/v1/session", credentials("admin@example.com", wrong)).wants(http.StatusUnauthorized)
		k := c.with("Idempotency-Key", "once").post("/v1/api-keys", map[string]any{"name": "key", "scopes": []string{"settings:admin"}}).wants(http.StatusCreated).key()
		secrets["the secret"] = k.ClientSecret
		secrets["the new secret"] = c.post(k.path()+"/rotate-secret", rotation(60)).wants(http.StatusOK).key().ClientSecret
		secrets["the token"] = c.token(k.ClientID, k.ClientSecret)
		basic := base64.StdEncoding.EncodeToString([]byte(k.ClientID + ":" + k.ClientSecret))
		secrets["Basic credentials"] = basic
		c.with("Authorization", "Bearer "+secrets["the token"]).get("/v1/api-keys").wants(http.StatusOK)
		c.with("Authorization", "Bearer "+secrets["the token"]+"x").get("/v1/api-keys").wants(http.StatusUnauthorized)
		c.with("Authorization", "Basic "+basic).do("POST", "/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader("grant_type=client_credentials")).wants(http.StatusOK)
		c.with("Authorization", "Basic "+basic).do("POST", "/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader("grant_type=x")).wants(http.StatusBadRequest)
		c.post("/auth", map[string]string{"client_id": k.ClientID, "client_secret": k.ClientSecret}).wants(http.StatusCreated)
		c.post("/auth", map[string]string{"client_id": k.ClientSecret, "client_secret": k.ClientID}).wants(http.StatusUnauthorized)
		for _, secret := range secrets {
			c.get("/v1/api-keys?access_token=" + url.QueryEscape(secret)).wants(http.StatusBadRequest)
			c.get("/v1/api-keys?search=" + url.QueryEscape(secret))
			c.get("/v1/api-keys/" + url.PathEscape(secret))
			c.get("/" + url.PathEscape(secret))
			c.post("/v1/api-keys", map[string]any{"name": secret, "scopes": []string{secret}}).wants(http.StatusBadRequest)
			c.with("Idempotency-Key", base64.RawURLEncoding.EncodeToString([]byte(secret))).send("POST", "/v1/api-keys", `{"`+secret+`":1}`).wants(http.StatusBadRequest)
		}
		logs := s.logs.text()
		if !strings.Contains(logs, `"route":"/v1/api-keys"`) {
			t.Fatalf("the log holds no requests: %s", logs)
		}
		for what, secret := range secrets {
			for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
				if strings.Contains(logs, form) {
					t.Errorf("the log holds %s", what)
				}
			}
		}
	})
}
