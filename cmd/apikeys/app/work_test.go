package app_test

import (
	"database/sql"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
	"github.com/piercloud/apikeys/pkg/usage"
)

// workPatience is how long a test waits for the service's background work.
const workPatience = 20 * time.Second

// worker is a service that can be stopped and restarted on its database, with a clock that a test advances.
type worker struct {
	*app.App
	config app.Config
	ahead  atomic.Int64 // of the machine's clock, nanoseconds
	stop   func()
}

func newWorker(t *testing.T) *worker {
	t.Helper()
	return newWorkerOn(t, sqlstoretest.SQLite(t))
}

func newWorkerOn(t *testing.T, database string) *worker {
	t.Helper()
	config, err := app.LoadConfig(map[string]string{
		"APIKEYS_DATABASE_URL":      database,
		"APIKEYS_MASTER_KEY":        masterKey(),
		"APIKEYS_OPERATOR_PASSWORD": adminPassword,
		"APIKEYS_DRAIN":             "0s",
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{config: config}
	w.start(t)
	t.Cleanup(func() { w.stop() }) // of the last start
	return w
}

func (w *worker) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *worker) pass(d time.Duration) { w.ahead.Add(int64(d)) }

// start returns when the service listens.
func (w *worker) start(t *testing.T) {
	t.Helper()
	said := newOutput()
	w.App, _, w.stop = launch(t, w.config, app.Options{Now: w.now, Output: said, Logger: app.NewLogger(w.config, io.Discard)})
	said.waitFor(t, "API Keys listens on ")
}

var worksCaller = apikey.Caller{
	TenancyID: operator.PlatformTenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"},
}

func (w *worker) create(t *testing.T) string {
	t.Helper()
	created, err := w.Keys.Create(t.Context(), worksCaller, apikey.Draft{Name: "program", Scopes: []string{"cca:editor"}, Lifespan: apikey.DefaultLifespan}, "")
	if err != nil {
		t.Fatal(err)
	}
	return created.Key.ClientID
}

// events returns the number of events with an action.
func (w *worker) events(t *testing.T, action eventlog.Action) (n int) {
	t.Helper()
	events, err := w.Store.After(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Action == action {
			n++
		}
	}
	return n
}

func TestTheServiceRetiresSecretsWhileItRunsAndThoseWhoseTimeCameWhileItDidNot(t *testing.T) {
	w := newWorker(t)
	id := w.create(t)
	rotate := func() {
		t.Helper()
		if _, err := w.Keys.RotateSecret(t.Context(), worksCaller, id, nil, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	retired := func(want int) func() bool {
		return func() bool { return w.events(t, eventlog.APIKeySecretExpired) == want }
	}
	rotate()
	w.pass(time.Minute)
	await.Until(t, workPatience, "the running service retired the old secret", retired(1))
	rotate()
	w.stop()
	w.pass(time.Minute)
	w.start(t)
	await.Until(t, workPatience, "the service retired the old secret when it started", retired(2))
}

func TestTheServicePurgesUsageThatIsTooOld(t *testing.T) {
	w := newWorker(t)
	id := w.create(t)
	hours := func() []usage.Hour {
		t.Helper()
		found, err := w.Store.Hours(t.Context(), operator.PlatformTenancyID, []string{id}, w.now().AddDate(-1, 0, 0), w.now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	recent := w.now().UTC().Truncate(time.Hour)
	old := recent.AddDate(0, 0, -w.config.UsageDays).Add(time.Hour) // not too old yet
	counts := []usage.Count{{ClientID: id, Hour: recent, Denied: 1}, {ClientID: id, Hour: old, Denied: 1}}
	if err := w.Store.Record(t.Context(), usage.Batch{Counts: counts}); err != nil {
		t.Fatal(err)
	}
	if n := len(hours()); n != 2 {
		t.Fatalf("%d hours were counted", n)
	}
	w.stop()
	w.pass(2 * time.Hour)
	w.start(t)
	await.Until(t, workPatience, "the service dropped the hour that is too old", func() bool { return len(hours()) == 1 })
	if left := hours(); !left[0].Start.Equal(recent) {
		t.Errorf("it kept %+v", left)
	}
}

// metrics returns the metrics as a program on this machine reads them.
func (w *worker) metrics(t *testing.T) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	request.RemoteAddr = "127.0.0.1:50000"
	w.Handler().ServeHTTP(recorder, request)
	return recorder.Body.String()
}

func TestTheServiceTellsOfAClockThatIsNotTheDatabases(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorkerOn(t, pgtest.URL(t))
			w.stop()
			w.pass(ahead)
			w.start(t)
			await.Until(t, workPatience, "the metrics tell", func() bool {
				_, rest, _ := strings.Cut(w.metrics(t), "\napikeys_clock_offset_seconds ")
				value, _, _ := strings.Cut(rest, "\n")
				offset, err := strconv.ParseFloat(value, 64)
				return err == nil && math.Abs(offset-ahead.Seconds()) < 60
			})
		})
	}
}

func TestTheServiceSurveysWhatDeservesAttention(t *testing.T) {
	w := newWorker(t)
	id := w.create(t)
	w.pass(31 * 24 * time.Hour)
	if _, err := w.Keys.RotateSecret(t.Context(), worksCaller, id, nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.start(t) // it surveys the keys soon after its start
	await.Until(t, workPatience, "the metrics tell of the key that is unused, and of its secret that ends", func() bool {
		metrics := w.metrics(t)
		return strings.Contains(metrics, `apikeys_unused_keys{for="30d"} 1`) && strings.Contains(metrics, `apikeys_unused_keys{for="90d"} 0`) &&
			strings.Contains(metrics, `apikeys_grace_periods_ending{within="24h"} 1`)
	})
}

// failSignIn tries to sign in with a wrong password.
func (w *worker) failSignIn(t *testing.T) {
	t.Helper()
	_, err := w.Operators.SignIn(t.Context(), w.config.OperatorEmail, "a-password-that-is-wrong", eventlog.Origin{IP: "192.0.2.1"})
	if !errors.Is(err, operator.ErrWrongPassword) {
		t.Fatal(err)
	}
}

func TestTheServiceWritesFailedSignInsToTheLog(t *testing.T) {
	w := newWorker(t)
	w.failSignIn(t)
	await.Until(t, workPatience, "the first is an event", func() bool { return w.events(t, eventlog.OperatorSignInFailed) == 1 })
	w.failSignIn(t)
	w.failSignIn(t)
	w.pass(time.Minute)
	await.Until(t, workPatience, "those of the rest of its minute are another", func() bool { return w.events(t, eventlog.OperatorSignInFailed) == 2 })
}

// TestUsesThatCanNotBeWrittenKeepNoFailedSignInFromTheLog: when the service stops, it has little time, and evidence counts more.
func TestUsesThatCanNotBeWrittenKeepNoFailedSignInFromTheLog(t *testing.T) {
	database := pgtest.URL(t)
	w := newWorkerOn(t, database)
	id := w.create(t)
	w.failSignIn(t)
	await.Until(t, workPatience, "the first is an event", func() bool { return w.events(t, eventlog.OperatorSignInFailed) == 1 })
	w.failSignIn(t)
	other, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), "SELECT 1 FROM api_key FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	w.Uses.Issued(id, "secret", "192.0.2.1")
	w.stop()
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	if n := w.events(t, eventlog.OperatorSignInFailed); n != 2 {
		t.Errorf("%d failed sign-ins are in the log", n)
	}
}
