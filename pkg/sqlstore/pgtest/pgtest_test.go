package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// TestMain also serves as the test process that TestServerDoesNotOutliveAKilledTestProcess kills.
func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_PLAY_VICTIM") != "" {
		victim()
	}
	os.Exit(m.Run())
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	// t.Context is done before cleanups run.
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, database, statement string) {
	t.Helper()
	if _, err := connect(t, database).Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, database, table string) int {
	t.Helper()
	var n int
	if err := connect(t, database).QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEveryDatabaseIsEmptyAndItsOwn(t *testing.T) {
	t.Parallel()
	first, second := pgtest.URL(t), pgtest.URL(t)
	if first == second {
		t.Fatal("two calls gave the same database")
	}
	execute(t, first, "CREATE TABLE mark (n int)")
	execute(t, second, "CREATE TABLE mark (n int)")
}

func TestDatabaseIsDroppedWithItsConnectionsWhenTheTestEnds(t *testing.T) {
	t.Parallel()
	var database string
	t.Run("that leaves a connection open", func(t *testing.T) {
		database = pgtest.URL(t)
		if _, err := pgx.Connect(t.Context(), database); err != nil {
			t.Fatal(err)
		}
	})
	_, err := pgx.Connect(t.Context(), database)
	if invalidCatalogName := "3D000"; codeOf(err) != invalidCatalogName {
		t.Fatalf("got %v, want SQLSTATE %s", err, invalidCatalogName)
	}
}

func TestServerHasTheExtensionsThatTheStoreNeeds(t *testing.T) {
	t.Parallel()
	execute(t, pgtest.URL(t), "CREATE EXTENSION pg_trgm")
}

func TestDigestTellsWhenAFileIsAnother(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for what, files := range map[string]fstest.MapFS{
		"one":        {"a/1.sql": {Data: []byte("x")}},
		"other text": {"a/1.sql": {Data: []byte("y")}},
		"other name": {"a/2.sql": {Data: []byte("x")}},
		"one more":   {"a/1.sql": {Data: []byte("x")}, "a/2.sql": {}},
	} {
		digest := pgtest.Digest(t, files)
		if like, ok := seen[digest]; ok || digest != pgtest.Digest(t, files) {
			t.Errorf("%s: %s, as %q", what, digest, like)
		}
		seen[digest] = what
	}
}

func TestTemplateIsPreparedOnceAndCopied(t *testing.T) {
	t.Parallel()
	name := t.Name() + time.Now().String() // new on a server that outlives this process
	var prepared atomic.Int32
	prepare := func(database string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(context.Background(), database)
		if err != nil {
			return err
		}
		// The connection stays open, like one of a pool that is still closing.
		_, err = conn.Exec(context.Background(), "CREATE TABLE mark (n int); INSERT INTO mark VALUES (1)")
		return err
	}
	databases := make([]string, 4)
	var all sync.WaitGroup
	for i := range databases {
		all.Go(func() { databases[i] = pgtest.URLFromTemplate(t, name, prepare) })
	}
	all.Wait()
	if n := prepared.Load(); n != 1 {
		t.Errorf("prepared %d times, want once", n)
	}
	execute(t, databases[0], "INSERT INTO mark VALUES (2)")
	for i, want := range []int{2, 1, 1, 1} {
		if n := count(t, databases[i], "mark"); n != want {
			t.Errorf("copy %d has %d rows, want %d", i, n, want)
		}
	}
}

func TestTemplateThatFailedIsPreparedAgain(t *testing.T) {
	t.Parallel()
	name := t.Name() + time.Now().String()
	boom := errors.New("boom")
	failed := &recorder{TB: t}
	failed.run(func() {
		pgtest.URLFromTemplate(failed, name, func(database string) error {
			execute(t, database, "CREATE TABLE half (n int)")
			return boom
		})
	})
	if !strings.Contains(failed.message, boom.Error()) {
		t.Fatalf("got %q, want a failure that says %q", failed.message, boom)
	}
	database := pgtest.URLFromTemplate(t, name, func(database string) error {
		execute(t, database, "CREATE TABLE whole (n int)")
		return nil
	})
	if n := count(t, database, "pg_tables WHERE tablename IN ('half', 'whole')"); n != 1 {
		t.Errorf("%d of the two tables are there, want only the second one's", n)
	}
}

func TestServerThatStopsBreaksConnectionsAndKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	if shared := pgtest.URL(t); host(t, shared) == host(t, server.URL()) {
		t.Fatal("the server is the shared one")
	}
	held := connect(t, server.URL())
	execute(t, server.URL(), "CREATE TABLE mark (n int)")
	execute(t, server.URL(), "INSERT INTO mark VALUES (1)")

	server.Stop()
	server.Stop()
	if err := held.Ping(t.Context()); err == nil {
		t.Error("a connection survived the stop")
	}
	if _, err := pgx.Connect(t.Context(), server.URL()); err == nil {
		t.Error("a stopped server accepted a connection")
	}

	server.Start()
	server.Start()
	if n := count(t, server.URL(), "mark"); n != 1 {
		t.Errorf("%d rows after the restart, want 1", n)
	}
}

func TestServerDoesNotOutliveAKilledTestProcess(t *testing.T) {
	t.Parallel()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), "PGTEST_PLAY_VICTIM=yes", "TEST_DATABASE_URL=")
	process.Stderr = os.Stderr
	if _, err := process.StdinPipe(); err != nil { // held open, so that the process has something to wait for
		t.Fatal(err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the process said nothing: %v", err)
	}
	database := strings.TrimSpace(line)
	conn := connect(t, database)

	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait() // it was killed, which Wait reports as an error

	// When the server ends, the connection breaks, or receives a message that it is being closed.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := conn.WaitForNotification(ctx); err == nil || ctx.Err() != nil {
		t.Fatalf("the server is still there: %v", err)
	}
	if _, err := pgx.Connect(t.Context(), database); err == nil {
		t.Error("the server accepted a connection afterwards")
	}
}

// victim starts the shared server, prints its URL and waits to be killed.
func victim() {
	var t victimTB
	fmt.Println(pgtest.URL(&t))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// victimTB provides what pgtest needs of a test in a process that runs none.
type victimTB struct{ testing.TB }

func (*victimTB) Helper()        {}
func (*victimTB) Cleanup(func()) {}
func (*victimTB) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// recorder records a failure that a test provokes.
type recorder struct {
	testing.TB
	message string
}

type failure struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.message = fmt.Sprintf(format, args...)
	panic(failure{})
}

func (r *recorder) run(f func()) {
	defer func() {
		if caught := recover(); caught != nil && caught != (failure{}) {
			panic(caught)
		}
	}()
	f()
}

func codeOf(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

func host(t *testing.T, database string) string {
	t.Helper()
	parsed, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(parsed.Hostname(), parsed.Port())
}
