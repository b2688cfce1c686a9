package e2e

import (
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// spreadTimeout is far beyond the bound within which every replica must know of a change.
const spreadTimeout = 10 * time.Second

func TestReplicasActAsOne(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		first, second := start(t, e), start(t, e)
		operator := signIn(first)
		elsewhere := operator.at(second)
		elsewhere.want(http.StatusOK, elsewhere.get("/v1/session"))

		t.Run("a key works everywhere at once", func(t *testing.T) {
			elsewhere.accessToken(operator.create("created on one"))
		})

		for _, change := range []string{"/deactivate", "/rotate-secret", ""} {
			name, method, body := "POST "+change, http.MethodPost, any(nil)
			switch change {
			case "":
				name, method = "DELETE", http.MethodDelete
			case "/rotate-secret":
				body = map[string]int{"grace_period_seconds": 0}
			}
			t.Run(name, func(t *testing.T) {
				key := operator.create("to be ended by " + name)
				elsewhere.accessToken(key)
				a := operator.do(method, "/v1/api-keys/"+key.ClientID+change, body)
				if a.status >= http.StatusMultipleChoices {
					t.Fatal(a)
				}
				changed := time.Now()
				operator.want(http.StatusUnauthorized, operator.token(key.ClientID, key.ClientSecret))
				await.Until(t, spreadTimeout, "the other replica refuses the key", func() bool {
					return elsewhere.token(key.ClientID, key.ClientSecret).status == http.StatusUnauthorized
				})
				t.Logf("refused on the other replica after %v", time.Since(changed).Round(time.Millisecond))
			})
		}

		t.Run("a token dies everywhere", func(t *testing.T) {
			key := operator.create("a managing program", "settings.api-keys:readonly")
			token := operator.accessToken(key)
			bearer := func() int {
				return stranger(second).do(http.MethodGet, "/v1/api-keys", nil, "Authorization", "Bearer "+token).status
			}
			if status := bearer(); status != http.StatusOK {
				t.Fatalf("the token gets %d", status)
			}
			operator.want(http.StatusOK, operator.post("/v1/api-keys/"+key.ClientID+"/revoke-tokens", nil))
			await.Until(t, spreadTimeout, "the other replica refuses the token", func() bool {
				return bearer() == http.StatusUnauthorized
			})
		})
	})
}

func TestSigningKeyIsPublishedEverywhereBeforeItSigns(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		first, second := start(t, e), start(t, e)
		operator := signIn(first)
		key := operator.create("a program")
		replicas := []*caller{operator, operator.at(second)}
		old := operator.keySet()
		if len(old) != 1 {
			t.Fatalf("%d signing keys are published at first", len(old))
		}

		if r := run(t, e, "signing-key", "rotate"); r.code != 0 {
			t.Fatalf("rotate: %+v", r)
		}
		for i, replica := range replicas {
			await.Until(t, spreadTimeout, "the new signing key is published", func() bool {
				// The old key signs until the new one is published, and for an hour after that.
				if kid := tokenHeader(t, replica.accessToken(key)).KID; kid != old[0] {
					t.Fatalf("replica %d signs with %s", i, kid)
				}
				return len(replica.keySet()) == 2
			})
		}
		if list := run(t, e, "signing-key", "list"); list.code != 0 || strings.Count(list.stdout, "signs from") != 2 {
			t.Errorf("list: %+v", list)
		}

		if r := run(t, e, "signing-key", "rotate", "--now"); r.code != 0 {
			t.Fatalf("rotate --now: %+v", r)
		}
		for _, replica := range replicas {
			await.Until(t, spreadTimeout, "the newest signing key signs", func() bool {
				kid := tokenHeader(t, replica.accessToken(key)).KID
				published := replica.keySet()
				if !slices.Contains(published, kid) {
					t.Fatalf("%s signs and is not published", kid)
				}
				return len(published) == 3 && kid != old[0]
			})
		}
	})
}

func TestReplicasThatStartTogetherAgreeOnTheFirstSigningKeyAndOperator(t *testing.T) {
	t.Parallel()
	e := onPostgreSQL(pgtest.URL(t))
	delete(e, "APIKEYS_OPERATOR_PASSWORD")
	replicas := []*service{launch(t, e), launch(t, e), launch(t, e)}
	var generated []string
	for _, s := range replicas {
		s.awaitReady()
		for _, found := range printedPassword.FindAllStringSubmatch(s.stdout.String(), -1) {
			generated = append(generated, found[1])
		}
	}
	if len(generated) != 1 {
		t.Fatalf("%d passwords were printed", len(generated))
	}
	operator := stranger(replicas[0])
	operator.want(http.StatusCreated, operator.post("/v1/session", credentials{"admin@localhost", generated[0]}))
	key := operator.create("a program")
	first := operator.keySet()
	for i, s := range replicas {
		replica := operator.at(s)
		if kids := replica.keySet(); len(kids) != 1 || kids[0] != first[0] {
			t.Errorf("replica %d publishes %v, the first one %v", i, kids, first)
		}
		token := replica.accessToken(key)
		for _, other := range replicas {
			c := stranger(other)
			c.want(http.StatusOK, c.do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token))
		}
	}
}

// TestNoReplicaMeetsATokenOfASigningKeyThatItDoesNotKnow rotates without the usual lead time, while every replica verifies the
// tokens of every other one.
func TestNoReplicaMeetsATokenOfASigningKeyThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	e := onPostgreSQL(pgtest.URL(t))
	replicas := []*service{start(t, e), start(t, e)}
	operator := signIn(replicas[0])
	key := operator.create("a program")
	old := operator.keySet()[0]
	if r := run(t, e, "signing-key", "rotate", "--now"); r.code != 0 {
		t.Fatalf("rotate --now: %+v", r)
	}
	await.Until(t, spreadTimeout, "both replicas sign with the new key", func() bool {
		signing := 0
		for _, s := range replicas {
			token := operator.at(s).accessToken(key)
			if tokenHeader(t, token).KID != old {
				signing++
			}
			for _, other := range replicas {
				c := stranger(other)
				c.want(http.StatusOK, c.do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token))
			}
		}
		return signing == len(replicas)
	})
}

func TestWhatOneReplicaKeepsTheOthersKnowAtOnce(t *testing.T) {
	t.Parallel()
	e := onPostgreSQL(pgtest.URL(t))
	first, second := start(t, e), start(t, e)
	operator := signIn(first)

	t.Run("a session that was ended", func(t *testing.T) {
		here := signIn(first)
		there := here.at(second)
		there.want(http.StatusOK, there.get("/v1/session"))
		here.want(http.StatusNoContent, here.do(http.MethodDelete, "/v1/session", nil))
		there.want(http.StatusUnauthorized, there.get("/v1/session"))
	})
	t.Run("a role that was changed, and an operator who was deactivated", func(t *testing.T) {
		r := run(t, e, "operator", "create", "ana@example.com", "--role", "editor")
		generated := printedPassword.FindStringSubmatch(r.stdout)
		if generated == nil {
			t.Fatalf("%+v", r)
		}
		ana := stranger(second)
		signedIn := ana.want(http.StatusCreated, ana.post("/v1/session", credentials{"ana@example.com", generated[1]}))
		path := "/v1/operators/" + decode[struct{ Operator struct{ ID string } }](t, signedIn).Operator.ID
		ana.create("hers")
		operator.want(http.StatusOK, operator.do(http.MethodPatch, path, map[string]string{"role": "readonly"}))
		ana.want(http.StatusForbidden, ana.post("/v1/api-keys", draft{"hers, too", []string{"cca:readonly"}}))
		operator.want(http.StatusOK, operator.do(http.MethodPatch, path, map[string]string{"status": "deactivated"}))
		ana.want(http.StatusUnauthorized, ana.get("/v1/session"))
	})
	t.Run("an answer to an Idempotency-Key", func(t *testing.T) {
		create := func(s *service) (string, apiKey) {
			a := operator.at(s).do(http.MethodPost, "/v1/api-keys", draft{"once", []string{"cca:readonly"}}, "Idempotency-Key", "once")
			return string(operator.want(http.StatusCreated, a).body), decode[apiKey](t, a)
		}
		one, key := create(first)
		if other, _ := create(second); other != one {
			t.Errorf("the other replica answers %s, not %s", other, one)
		}
		operator.accessToken(key)

		var all sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			all.Go(func() {
				replica := operator.at([]*service{first, second}[i%2])
				a, err := replica.try(http.MethodPost, "/v1/api-keys", draft{"together", []string{"cca:readonly"}}, "Idempotency-Key", "together")
				if err != nil || a.status != http.StatusCreated {
					t.Errorf("%v, %v", a, err)
					return
				}
				ids[i] = decode[apiKey](t, a).ClientID
			})
		}
		all.Wait()
		if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
			t.Errorf("requests at once made the keys %v", ids)
		}
	})
}

// TestAReplicaThatIsToStopTellsProxiesFirst checks what a proxy sees between the signal and the end of the process.
func TestAReplicaThatIsToStopTellsProxiesFirst(t *testing.T) {
	t.Parallel()
	s := start(t, onSQLite(t).with("APIKEYS_DRAIN", "5s"))
	operator := signIn(s)
	key := operator.create("a program")
	s.terminate()
	probe := stranger(s)
	await.Until(t, stopTimeout, "it says that it is not ready", func() bool {
		return probe.get("/readyz").status == http.StatusServiceUnavailable
	})
	probe.want(http.StatusOK, probe.get("/healthz"))
	for range 3 { // each on a new connection, which is not refused
		request := probe.tokenRequest(key.ClientID, key.ClientSecret)
		response, err := probe.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close() // the status is enough
		if response.StatusCode != http.StatusOK || !response.Close {
			t.Errorf("a token request gets %d, and its connection is to be closed: %v", response.StatusCode, response.Close)
		}
	}
	operator.want(http.StatusOK, operator.post("/v1/api-keys/"+key.ClientID+"/deactivate", nil))
	operator.want(http.StatusUnauthorized, operator.token(key.ClientID, key.ClientSecret))
	if code := s.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestAReplicaThatCantReadTheLogSaysSoAndBelievesNothingOld locks only the log's events, of which the head announces another one;
// the rest of the database answers.
func TestAReplicaThatCantReadTheLogSaysSoAndBelievesNothingOld(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	s := start(t, onPostgreSQL(database))
	operator := signIn(s)
	key, other := operator.create("a program"), operator.create("another program")
	for _, k := range []apiKey{key, other} {
		operator.accessToken(k)
	}
	var sessions [2]*pgx.Conn
	for i := range sessions {
		conn, err := pgx.Connect(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		sessions[i] = conn
	}
	locking, changing := sessions[0], sessions[1]
	if _, err := locking.Exec(t.Context(), `BEGIN; LOCK TABLE event;
		CREATE TEMPORARY TABLE next ON COMMIT DROP AS SELECT * FROM event ORDER BY seq DESC LIMIT 1;
		UPDATE next SET seq = seq + 1, prev_hash = hash, hash = sha256(hash); INSERT INTO event SELECT * FROM next`); err != nil {
		t.Fatal(err)
	}
	if _, err := changing.Exec(t.Context(), "UPDATE log_head SET seq = seq + 1, hash = sha256(hash)"); err != nil {
		t.Fatal(err)
	}
	metric := func(name string) float64 {
		t.Helper()
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(operator.want(http.StatusOK, operator.get("/metrics")).body)
		if found == nil {
			t.Fatalf("there is no metric %s", name)
		}
		value, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	var probe answer
	await.Until(t, recoveryTimeout, "it says that it is not ready", func() bool {
		probe = operator.get("/readyz")
		return probe.status == http.StatusServiceUnavailable
	})
	if reason := decode[struct{ Reason string }](t, probe).Reason; reason != "the event log can't be read in time" {
		t.Errorf("the reason is %q", reason)
	}
	if lag := metric("apikeys_log_lag_seconds"); lag <= eventlog.StalenessMax.Seconds() || math.IsInf(lag, 0) {
		t.Errorf("the lag is %v seconds", lag)
	}
	const bypasses = `apikeys_key_cache_lookups_total{result="bypass"}`
	before := metric(bypasses)
	operator.accessToken(other) // the key is read from the database alone, perhaps more than once on a slow machine
	if metric(bypasses) <= before {
		t.Error("the cache was used")
	}
	// The key is deactivated in the database, as by another replica.
	if _, err := changing.Exec(t.Context(), "UPDATE api_key SET status = 'inactive' WHERE client_id = $1", key.ClientID); err != nil {
		t.Fatal(err)
	}
	operator.want(http.StatusUnauthorized, operator.token(key.ClientID, key.ClientSecret))
	if _, err := locking.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	await.Until(t, recoveryTimeout, "it is ready again", func() bool { return operator.get("/readyz").status == http.StatusOK })
}
