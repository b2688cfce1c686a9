package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/usage"
)

// impatience is the store's timeout in tests that wait for the timeout.
const impatience = 500 * time.Millisecond

// call is one of the store's methods that use the database.
type call struct {
	name   string
	writes bool
	do     func(ctx context.Context) error
}

// calls returns one call of each kind, for a key that exists.
func calls(s *Store, tenancy, clientID string) []call {
	return []call{
		{"Lookup", false, func(ctx context.Context) error { _, err := s.Lookup(ctx, clientID); return err }},
		{"List", false, func(ctx context.Context) error {
			_, err := s.List(ctx, tenancy, apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName})
			return err
		}},
		{"After", false, func(ctx context.Context) error { _, err := s.After(ctx, 0, 10); return err }},
		{"Head", false, func(ctx context.Context) error { _, err := s.Head(ctx); return err }},
		{"SigningKeys", false, func(ctx context.Context) error { _, err := s.SigningKeys(ctx); return err }},
		{"FindCtx", false, func(ctx context.Context) error { _, _, err := s.Sessions().FindCtx(ctx, "token"); return err }},
		{"EachAnswer", false, func(ctx context.Context) error {
			return s.EachAnswer(ctx, func(apikey.Answer) error { return nil })
		}},
		{"Update", true, func(ctx context.Context) error { return updateKey(ctx, s, tenancy, clientID) }},
		{"ChangeSigningKeys", true, func(ctx context.Context) error {
			return s.ChangeSigningKeys(ctx, func([]signing.Record) (*signing.Change, error) { return nil, nil })
		}},
		{"ReplaceCtx", true, func(ctx context.Context) error {
			return s.Sessions().ReplaceCtx(ctx, "token", nil, []byte{}, epoch)
		}},
		{"CommitCtx", true, func(ctx context.Context) error { return s.Sessions().CommitCtx(ctx, "token", []byte{}, epoch) }},
		{"Record", true, func(ctx context.Context) error {
			return s.Record(ctx, usage.Batch{Uses: []usage.Use{{ClientID: clientID, SecretID: "s", At: epoch}}})
		}},
		{"PurgeAnswers", true, func(ctx context.Context) error { return s.PurgeAnswers(ctx, epoch) }},
		{"ResealAnswers", true, func(ctx context.Context) error {
			_, err := s.ResealAnswers(ctx, func(apikey.Answer) ([]byte, error) { return nil, nil })
			return err
		}},
		{"Ping", true, s.Ping},
	}
}

func updateKey(ctx context.Context, s *Store, tenancy, clientID string) error {
	_, err := s.Update(ctx, tenancy, clientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		k.Version++
		event := newDraft(k)
		return k, &event, nil
	})
	return err
}

// wantUnavailable fails the test unless the call reports in time that the database does not answer.
func wantUnavailable(t *testing.T, name string, do func(context.Context) error) {
	t.Helper()
	started := time.Now()
	if err := do(t.Context()); !errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("%s: got %v, want ErrUnavailable", name, err)
	}
	if took := time.Since(started); took > patience/2 {
		t.Errorf("%s took %v", name, took)
	}
}

// answers fails the test unless the call succeeds within patience. It repeats the call while that fails with ErrUnavailable.
func answers(t *testing.T, name string, do func(context.Context) error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := do(t.Context())
		if err == nil {
			return
		}
		if !errors.Is(err, apikey.ErrUnavailable) || time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v", name, err)
		}
	}
}

func TestPostgreSQLThatGoesAwayAndReturns(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	s := newStore(t, Options{URL: server.URL(), Timeout: 10 * time.Second})
	server.Stop()
	wantUnavailable(t, "Migrate", s.Migrate)
	wantUnavailable(t, "Ping", s.Ping)

	server.Start()
	answers(t, "Migrate", s.Migrate)
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]
	for _, c := range calls(s, tenancy, id) {
		if err := c.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	before, err := s.Get(t.Context(), tenancy, id)
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	for _, c := range calls(s, tenancy, id) {
		wantUnavailable(t, c.name, c.do)
	}
	server.Start()
	for _, c := range calls(s, tenancy, id) {
		answers(t, c.name, c.do)
	}
	after, err := s.Get(t.Context(), tenancy, id)
	if err != nil || after.Version != before.Version+1 {
		t.Errorf("the key went from version %d to %d, %v", before.Version, after.Version, err)
	}
	if _, err := eventlog.Verify(t.Context(), s, eventlog.EmptyHead()); err != nil {
		t.Error(err)
	}
}

func TestPostgreSQLThatIsLocked(t *testing.T) {
	t.Parallel()
	database := postgreSQLURL(t)
	patient := newStore(t, Options{URL: database, Timeout: patience})
	tenancy := newTenancy(t, patient)
	id := fill(t, patient, tenancy, 1)[0]
	s := newStore(t, Options{URL: database, Timeout: impatience})
	other := connect(t, database)
	// An administrator's lock stops readers, too.
	if _, err := other.Exec(t.Context(), "BEGIN; LOCK TABLE log_head, api_key, event, session, signing_key, idempotency_answer"); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls(s, tenancy, id) {
		wantUnavailable(t, c.name, c.do)
	}
	if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls(s, tenancy, id) {
		answers(t, c.name, c.do)
	}
	// A change that another process does not finish stops only changes.
	if _, err := other.Exec(t.Context(), "BEGIN; SELECT seq FROM log_head FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, "Update", func(ctx context.Context) error { return updateKey(ctx, s, tenancy, id) })
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Lookup(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// TestAProcessThatStandsStillHoldsUpNoOther: a process that is suspended while it writes keeps its locks in the database.
func TestAProcessThatStandsStillHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	database := postgreSQLURL(t)
	other := newStore(t, Options{URL: database, Timeout: patience})
	tenancy := newTenancy(t, other)
	id := fill(t, other, tenancy, 1)[0]
	s := newStore(t, Options{URL: database, Timeout: patience})
	otherWrites := func() {
		t.Helper()
		if err := updateKey(t.Context(), other, tenancy, id); err != nil {
			t.Errorf("another process: %v", err)
		}
	}
	for name, write := range map[string]func() error{
		"in a change": func() error {
			_, err := s.Update(t.Context(), tenancy, id, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
				otherWrites()
				k.Version++
				event := newDraft(k)
				return k, &event, nil
			})
			return err
		},
		"in a batch": func() error {
			return s.writeAll(t.Context(), func(b tx) error {
				batch, err := b.lockKeys(usage.Batch{Uses: []usage.Use{{ClientID: id, At: epoch}}})
				if err := errors.Join(err, b.recordUses(batch.Uses)); err != nil {
					return err
				}
				otherWrites()
				return b.recordUses(batch.Uses)
			})
		},
	} {
		if err := write(); !errors.Is(err, apikey.ErrUnavailable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	k, err := other.Get(t.Context(), tenancy, id)
	if err != nil || k.Version != 3 || !k.LastUsedAt.IsZero() {
		t.Errorf("got version %d, used %v, %v; want the other's two changes alone", k.Version, k.LastUsedAt, err)
	}
}

func TestAProcessThatStandsStillInManyChangesHoldsUpNoOtherForLonger(t *testing.T) {
	t.Parallel()
	database := postgreSQLURL(t)
	other := newStore(t, Options{URL: database}) // with the default timeout
	tenancy := newTenancy(t, other)
	id := fill(t, other, tenancy, 1)[0]
	s := newStore(t, Options{URL: database, Timeout: patience})
	goesOn := make(chan struct{})
	var changes errgroup.Group
	var refused atomic.Int64
	const count = 8
	for range count {
		changes.Go(func() error {
			_, err := s.Update(t.Context(), tenancy, id, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
				<-goesOn
				k.Version++
				event := newDraft(k)
				return k, &event, nil
			})
			if errors.Is(err, apikey.ErrUnavailable) {
				refused.Add(1)
				return nil
			}
			return err
		})
	}
	await.Until(t, patience, "changes wait for each other in the database", func() bool {
		var waiting int64
		err := other.reader.Raw("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting).Error
		return err == nil && waiting == min(count, changingMax)-1
	})
	if err := updateKey(t.Context(), other, tenancy, id); err != nil {
		t.Errorf("another process: %v", err)
	}
	close(goesOn)
	if err := changes.Wait(); err != nil {
		t.Error(err)
	}
	k, err := other.Get(t.Context(), tenancy, id)
	if want := 1 + 1 + count - refused.Load(); err != nil || k.Version != want || refused.Load() > changingMax {
		t.Errorf("got version %d, %v; want %d; %d changes were lost", k.Version, err, want, refused.Load())
	}
}

func TestAChangeWaitsForItsTurnNoLongerThanForTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: impatience})
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]
	update := func(ctx context.Context) error { return updateKey(ctx, s, tenancy, id) }
	for range changingMax {
		s.changing <- struct{}{}
	}
	wantUnavailable(t, "Update", update)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := update(cancelled); !errors.Is(err, context.Canceled) || errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	<-s.changing
	for range changingMax + 1 { // more than there are turns, so each change must give its turn back
		answers(t, "Update", update)
	}
}

func TestPostgreSQLThatRefusesIsUnavailable(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections and sends nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	database := postgreSQLURL(t)
	for name, wrong := range map[string]string{
		"no such database": strings.Replace(database, "/pgtest_", "/no_such_", 1),
		"no such host":     "postgres://apikeys@host.invalid/apikeys",
		"no such port":     "postgres://apikeys@127.0.0.1:1/apikeys",
		"no answer":        "postgres://apikeys@" + silent.Addr().String() + "/apikeys",
	} {
		if wrong == database {
			t.Fatalf("the URL %q was not changed", database)
		}
		s := newStore(t, Options{URL: wrong, Timeout: 2 * time.Second})
		wantUnavailable(t, name, s.Ping)
		wantUnavailable(t, name, s.Migrate)
	}
}

// TestPostgreSQLBehindAHostThatSwallowsEverythingAnswers: a machine that died does not refuse connections.
func TestPostgreSQLBehindAHostThatSwallowsEverythingAnswers(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	database, err := url.Parse(postgreSQLURL(t))
	if err != nil {
		t.Fatal(err)
	}
	database.Host = silent.Addr().String() + "," + database.Host
	s := newStore(t, Options{URL: database.String()})
	answers(t, "Ping", s.Ping)
}

func TestEachHostOfAURLLeavesTimeForTheNext(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]time.Duration{
		"postgres://u@a/db":                                  3 * time.Second, // a host name may have two addresses
		"postgres://u@a/db?sslmode=disable":                  3 * time.Second,
		"postgres://u@a,b/db":                                2 * time.Second,
		"postgres://u@a:5432,a:5433,a:5434,a:5435,a:5436/db": time.Second,
	} {
		conn, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		if got := connectTimeout(conn, 6*time.Second); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}

func TestPostgreSQLThatHasNoConnectionLeftIsUnavailable(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{MaxConns: 2, Timeout: impatience})
	pool := s.pools[0]
	for range 2 {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	wantUnavailable(t, "Ping", s.Ping)
}

func TestPostgreSQLSessionKeepsNothingButPreparedStatements(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{MaxConns: 2, Timeout: patience})
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]
	for range 10 { // often enough for a statement cache to keep the statements
		for _, c := range calls(s, tenancy, id) {
			if err := c.do(t.Context()); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
	}
	migrate(t, s)
	kept := 0
	for range 2 {
		conn, err := s.pools[0].Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		var prepared, locks, settings int
		err = conn.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM pg_prepared_statements),
			(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
			(SELECT count(*) FROM pg_settings WHERE source = 'session')`).Scan(&prepared, &locks, &settings)
		if err != nil || locks+settings > 0 || prepared > preparedMax {
			t.Errorf("a session keeps %d prepared statements, %d locks and %d settings, %v", prepared, locks, settings, err)
		}
		kept += prepared
	}
	if kept == 0 {
		t.Error("no statement is prepared")
	}
}

func TestPostgreSQLReplicasMigrateTogether(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	const replicas = 5
	failures := make(chan error, replicas)
	for range replicas {
		s := newStore(t, Options{URL: database, Timeout: patience})
		go func() { failures <- s.Migrate(t.Context()) }()
	}
	for range replicas {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	if err := newStore(t, Options{URL: database}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPostgreSQLMigrationsAreNotWaitedForInVain: a process that was frozen in its turn must not keep others from starting when there
// is nothing to migrate.
func TestPostgreSQLMigrationsAreNotWaitedForInVain(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	lock, err := takeTurn(t.Context(), s.pools[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience/4)
	defer cancel()
	if err := s.Migrate(ctx); err != nil {
		t.Error(err)
	}
}

// TestPostgreSQLKeepsTheMigrationsTurnForAsLongAsTheyMayTake: the turn's transaction is idle while they run, which the server may
// forbid, or allow without end.
func TestPostgreSQLKeepsTheMigrationsTurnForAsLongAsTheyMayTake(t *testing.T) {
	t.Parallel()
	s := newStore(t, Options{URL: pgtest.URL(t), Timeout: patience})
	lock, err := takeTurn(t.Context(), s.pools[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	var limit string
	err = lock.QueryRowContext(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&limit)
	if idle, _ := time.ParseDuration(strings.TrimSuffix(limit, "in")); err != nil || idle != migrationTimeout {
		t.Errorf("the turn ends after %q of idling, %v", limit, err)
	}
}

func TestPostgreSQLRoleThatMayNotCreateTheExtensionIsToldSo(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	admin := connect(t, server.URL())
	password := rand.Text()
	for _, statement := range []string{
		"CREATE ROLE plain LOGIN PASSWORD '" + password + "'", "GRANT CREATE, USAGE ON SCHEMA public TO plain",
	} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	database, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	database.User = url.UserPassword("plain", password)
	s := newStore(t, Options{URL: database.String(), Timeout: patience})
	err = s.Migrate(t.Context())
	if err == nil || errors.Is(err, apikey.ErrUnavailable) || !strings.Contains(err.Error(), "CREATE EXTENSION pg_trgm") {
		t.Errorf("got %v", err)
	}
	if _, err := admin.Exec(t.Context(), "CREATE EXTENSION pg_trgm"); err != nil {
		t.Fatal(err)
	}
	migrate(t, s)
	newTenancy(t, s)
}

func TestSQLiteThatIsLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "apikeys.db")
	s := newStore(t, Options{URL: "sqlite://" + path, Timeout: impatience})
	release := lockSQLite(t, path)
	wantUnavailable(t, "Migrate", s.Migrate)
	wantUnavailable(t, "Ping", s.Ping)
	release()
	answers(t, "Migrate", s.Migrate)
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]

	release = lockSQLite(t, path)
	for _, c := range calls(s, tenancy, id) {
		if c.writes {
			wantUnavailable(t, c.name, c.do)
		} else {
			answers(t, c.name, c.do) // without waiting for a writer
		}
	}
	release()
	for _, c := range calls(s, tenancy, id) {
		answers(t, c.name, c.do)
	}
	if _, err := eventlog.Verify(t.Context(), s, eventlog.EmptyHead()); err != nil {
		t.Error(err)
	}
}

func TestSQLiteCallThatIsCancelledWhileItWaitsSaysSo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "apikeys.db")
	s := newStore(t, Options{URL: "sqlite://" + path, Timeout: patience})
	migrate(t, s)
	release := lockSQLite(t, path)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), impatience)
	defer cancel()
	err := s.CreateTenancy(ctx, operator.Tenancy{ID: "t", CreatedAt: epoch}, eventlog.Draft{At: epoch})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("got %v, want the caller's own deadline", err)
	}
}

// TestSQLiteProcessesMigrateTogether: a process that opens the file at the moment in which another one turns it into a database is
// told to try again, as the service does. SQLite does not wait for that moment to pass.
func TestSQLiteProcessesMigrateTogether(t *testing.T) {
	t.Parallel()
	database := "sqlite://" + filepath.Join(t.TempDir(), "apikeys.db")
	const processes = 5
	failures := make(chan error, processes)
	for range processes {
		s := newStore(t, Options{URL: database, Timeout: patience})
		go func() {
			err := s.Migrate(t.Context())
			for errors.Is(err, apikey.ErrUnavailable) {
				err = s.Migrate(t.Context())
			}
			failures <- err
		}()
	}
	for range processes {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

// lockSQLite begins a transaction, as another process might, and returns a function that ends it.
func lockSQLite(t *testing.T, path string) (release func()) {
	t.Helper()
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	if _, err := other.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		_, err := other.ExecContext(t.Context(), "ROLLBACK")
		if err := errors.Join(err, other.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// connect returns a connection that is not one of the store's.
func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
