package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// storeCalls returns how often the service has called its database.
func storeCalls(t *testing.T, h http.Handler) (calls int) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	request.RemoteAddr = "127.0.0.1:50000"
	response := httptest.NewRecorder()
	h.ServeHTTP(response, request)
	found := false
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if series, text, _ := strings.Cut(lines.Text(), " "); strings.HasPrefix(series, "apikeys_store_duration_seconds_count") {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			calls, found = calls+n, true
		}
	}
	if !found {
		t.Fatal("the metrics do not tell of the database")
	}
	return calls
}

// TestTokensOfKeysInMemoryTouchNoDatabase: neither issuing nor verifying a token calls the database. All counts are written later
// in one call, however many tokens and keys there were. The clock stands still, so that nothing else is due.
func TestTokensOfKeysInMemoryTouchNoDatabase(t *testing.T) {
	t.Parallel()
	const keys, rounds = 10, 50
	for name, database := range map[string]func() string{
		"SQLite":     func() string { return sqlstoretest.SQLite(t) },
		"PostgreSQL": func() string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			config, err := app.LoadConfig(map[string]string{
				"APIKEYS_DATABASE_URL": database(), "APIKEYS_MASTER_KEY": sealed.NewMasterKey(), "APIKEYS_LIMITS": "off",
				"APIKEYS_OPERATOR_PASSWORD": "correct horse battery staple",
			})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			a, err := app.New(config, app.Options{Now: func() time.Time { return now }, Logger: app.NewLogger(config, io.Discard)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Close() })
			if err := a.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			pairs := make([]apikey.Created, keys)
			for i := range pairs {
				pairs[i], err = a.Keys.Create(t.Context(), apikey.Caller{
					TenancyID: operator.PlatformTenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"},
				}, apikey.Draft{Name: "key " + strconv.Itoa(i), Scopes: []string{"cca:editor"}, Lifespan: apikey.DefaultLifespan}, "")
				if err != nil {
					t.Fatal(err)
				}
			}
			spendAll := func() {
				for _, k := range pairs {
					verifies(t, a.Handler(), obtains(t, a.Handler(), k))
				}
			}
			spendAll() // into memory
			before := storeCalls(t, a.Handler())
			for range rounds {
				spendAll()
			}
			if calls := storeCalls(t, a.Handler()) - before; calls != 0 {
				t.Errorf("%d tokens called the database %d times", keys*rounds, calls)
			}
			if err := a.Uses.Flush(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
			if calls := storeCalls(t, a.Handler()) - before; calls != 1 {
				t.Errorf("counting them called the database %d times", calls)
			}
		})
	}
}

// obtains returns an access token of a key.
func obtains(t testing.TB, h http.Handler, k apikey.Created) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(k.Key.ClientID, k.Secret)
	response := httptest.NewRecorder()
	h.ServeHTTP(response, request)
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(response.Body.Bytes(), &issued); err != nil || response.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", response.Code, response.Body, err)
	}
	return issued.AccessToken
}

// verifies asks about a token, which must be accepted.
func verifies(t *testing.T, h http.Handler, token string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth2/verify", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	response := httptest.NewRecorder()
	h.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		t.Fatalf("%d %s", response.Code, response.Header().Get("WWW-Authenticate"))
	}
}
