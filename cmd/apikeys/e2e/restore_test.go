package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// load makes changes until it is stopped, and counts those that were acknowledged.
type load struct {
	mu    sync.Mutex
	made  int
	stop  chan struct{}
	ended sync.WaitGroup
}

func newLoad(session *caller, writers int) *load {
	l := &load{stop: make(chan struct{})}
	for range writers {
		l.ended.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				if a, err := session.try(http.MethodPost, "/v1/api-keys", draft{"load " + rand.Text(), []string{"cca:readonly"}}); err == nil && a.status == http.StatusCreated {
					l.mu.Lock()
					l.made++
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made
}

func (l *load) end() {
	close(l.stop)
	l.ended.Wait()
}

// backUp makes a backup as docs/operations/backup.md says. The returned function restores it into another database and returns the
// environment with that.
func backUp(t *testing.T, e environment) (restore func() (environment, result)) {
	t.Helper()
	path, isSQLite := strings.CutPrefix(e["APIKEYS_DATABASE_URL"], "sqlite://")
	file := filepath.Join(t.TempDir(), "backup")
	if !isSQLite {
		onService(t, e["APIKEYS_DATABASE_URL"], "pg_dump", "--format=custom", "--file="+file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the dump is %v, %v", info, err)
		}
		return func() (environment, result) {
			restored := e.with("APIKEYS_DATABASE_URL", ownedByPlainRole(t, pgtest.URL(t)))
			onService(t, restored["APIKEYS_DATABASE_URL"], "pg_restore", "--no-owner", "--no-comments", "--exit-on-error", file)
			return restored, run(t, restored, "restore")
		}
	}
	if r := run(t, e, "backup", file); r.code != 0 {
		t.Fatalf("backup: %+v", r)
	}
	if r := run(t, e, "backup", file); r.code != 1 {
		t.Errorf("a backup is overwritten: %+v", r)
	}
	return func() (environment, result) {
		target := filepath.Join(t.TempDir(), "apikeys.db")
		restored := e.with("APIKEYS_DATABASE_URL", "sqlite://"+target)
		if r := run(t, restored, "restore", file); r.code != 2 || !strings.Contains(r.stderr, "APIKEYS_MASTER_KEY") {
			t.Errorf("without the master key: %+v", r)
		}
		copyTo(t, path+".master-key", target+".master-key")
		cut := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(cut, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := run(t, restored, "restore", cut); r.code != 1 || !strings.Contains(r.stderr, "is no backup") {
			t.Errorf("from a file without content, as a full disk leaves it: %+v", r)
		}
		copyTo(t, file, target)
		if r := run(t, restored, "serve"); r.code != 1 || !strings.Contains(r.stderr, "apikeys restore") {
			t.Errorf("a backup that is served as it is: %+v", r)
		}
		if r := run(t, restored, "restore", file); r.code != 1 || !strings.Contains(r.stderr, "move the old database away") {
			t.Errorf("restored over a database: %+v", r)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(target + suffix) // it may not be there
		}
		return restored, run(t, restored, "restore", file)
	}
}

func TestABackupForWhichThereIsNoRoomSaysSo(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	start(t, e).stop()
	file := filepath.Join(t.TempDir(), "backup")
	c := command(t, e, "backup", file)
	c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -f 128 && exec "$0" "$@"`}, c.Args...) // less than an empty one
	output, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "the backup can't be written") {
		t.Errorf("got %v: %s", err, output)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup is left: %v", err)
	}
}

// TestARestoredBackupHonoursNothingOfBefore makes a backup under load and restores it, while a real resource server follows the
// feed.
func TestARestoredBackupHonoursNothingOfBefore(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		operator, verifier := signIn(s), newVerifier(t, s.url(""))
		key, stopped, deleted := operator.create("key"), operator.create("stopped"), operator.create("deleted")
		before := operator.accessToken(key)
		stranger(s).want(http.StatusOK, verifyAt(s, before))

		load := newLoad(operator, 2)
		acknowledged := []apiKey{}
		for range 5 {
			acknowledged = append(acknowledged, operator.create("acknowledged "+rand.Text()))
		}
		restore := backUp(t, e)
		made := load.count()
		await.Until(t, startTimeout, "changes are made after the backup", func() bool { return load.count() > made+10 })
		operator.change(key, "revoke-tokens")
		operator.change(key, "revoke-tokens")
		operator.change(stopped, "deactivate")
		operator.change(deleted, "delete")
		late := operator.accessToken(key)
		load.end()
		await.Until(t, refusalTimeout, "the verifier knows what was revoked", func() bool { return !honours(t, verifier, before) })
		if !honours(t, verifier, late) {
			t.Fatal("a fresh token is refused")
		}
		s.stop()

		e, r := restore()
		if r.code != 0 || !strings.Contains(r.stdout, "must be done again") {
			t.Fatalf("restore: %+v", r)
		}
		again := start(t, e.with("APIKEYS_LISTEN", s.address))
		if r := run(t, e, "verify-log"); r.code != 0 {
			t.Errorf("the log: %+v", r)
		}
		for _, token := range []string{before, late} {
			stranger(again).want(http.StatusUnauthorized, verifyAt(again, token))
			await.Until(t, refusalTimeout, "the verifier refuses what was issued before", func() bool {
				_, err := verifier.Verify(t.Context(), token)
				return err != nil
			})
		}
		operator.at(again).want(http.StatusUnauthorized, operator.at(again).get("/v1/session"))
		session := signIn(again)
		for _, k := range append(acknowledged, key, stopped, deleted) {
			fresh := session.accessToken(k)
			await.Until(t, refusalTimeout, "the verifier accepts what is issued now", func() bool {
				_, err := verifier.Verify(t.Context(), fresh)
				return err == nil
			})
		}
		// The verifier follows the new feed: it learns of further revocations.
		fresh := session.accessToken(key)
		session.change(key, "deactivate")
		await.Until(t, refusalTimeout, "the verifier hears of a revocation", func() bool { return !honours(t, verifier, fresh) })
	})
}

// TestAServiceEndsWhenItsDatabaseLosesItsNewestChange, as in a failover to a copy that was a moment behind. Here the log has as
// many events as before, but another newest one.
func TestAServiceEndsWhenItsDatabaseLosesItsNewestChange(t *testing.T) {
	t.Parallel()
	e := onPostgreSQL(pgtest.URL(t))
	s := start(t, e)
	signIn(s)
	onService(t, e["APIKEYS_DATABASE_URL"], "psql", "--command=UPDATE log_head SET hash = sha256(hash)")
	if code := s.exitCode(); code != 1 || !strings.Contains(s.stderr.String(), "lost its newest changes") {
		t.Errorf("it ended with code %d: %s", code, s.stderr.String())
	}
}

// TestAServiceEndsWhenItsDatabaseIsRestoredUnderIt, because its memory is out of date. Such a restore needs --force, so that it
// can't happen by mistake.
func TestAServiceEndsWhenItsDatabaseIsRestoredUnderIt(t *testing.T) {
	t.Parallel()
	e := onPostgreSQL(pgtest.URL(t))
	s := start(t, e)
	operator := signIn(s)
	if r := run(t, e, "restore"); r.code != 1 || !strings.Contains(r.stderr, "stop every replica first") {
		t.Errorf("restore under a running service: %+v", r)
	}
	operator.want(http.StatusOK, operator.get("/v1/session"))
	if r := run(t, e, "restore", "--force"); r.code != 0 {
		t.Fatalf("restore: %+v", r)
	}
	if code := s.exitCode(); code != 1 || !strings.Contains(s.stderr.String(), "was restored from a backup") {
		t.Errorf("it ended with code %d", code)
	}
}

// ownedByPlainRole creates the extension in an empty database as an administrator, makes a role without other rights the owner, and
// returns the database's URL for that role.
func ownedByPlainRole(t *testing.T, database string) string {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	role, password := "plain_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	asAdmin := func(statements string) {
		t.Helper()
		ctx := context.WithoutCancel(t.Context()) // for the clean-up after the test
		conn, err := pgx.Connect(ctx, database)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(ctx) }()
		if _, err := conn.Exec(ctx, statements); err != nil {
			t.Fatal(err)
		}
	}
	asAdmin("CREATE EXTENSION pg_trgm; CREATE ROLE " + role + " LOGIN PASSWORD '" + password + "'; " +
		"ALTER DATABASE \"" + strings.TrimPrefix(address.Path, "/") + "\" OWNER TO " + role)
	t.Cleanup(func() { asAdmin("REASSIGN OWNED BY " + role + " TO CURRENT_USER; DROP ROLE " + role) })
	address.User = url.UserPassword(role, password)
	return address.String()
}

// postgresProgram returns the path of one of PostgreSQL's client programs, of the server's version if there is one.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), filepath.Join(repository, ".make", "postgres-bin")).Output()
	if err != nil {
		t.Fatal(err)
	}
	initdb, err := filepath.EvalSymlinks(filepath.Join(strings.TrimSpace(string(folder)), "initdb"))
	if err != nil {
		t.Fatal(err)
	}
	if path := filepath.Join(filepath.Dir(initdb), name); exec.Command(path, "--version").Run() == nil {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v; install postgresql-client", err)
	}
	return path
}

// onService runs one of PostgreSQL's client programs on a database, which it passes in a service file.
func onService(t *testing.T, database, program string, arguments ...string) {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := address.User.Password()
	entry := fmt.Sprintf("[apikeys]\nhost=%s\nport=%s\ndbname=%s\nuser=%s\npassword=%s\n",
		address.Hostname(), address.Port(), strings.TrimPrefix(address.Path, "/"), address.User.Username(), password)
	for name, values := range address.Query() {
		entry += name + "=" + values[0] + "\n"
	}
	services := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(services, []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments = append([]string{"-c", `umask 077; exec "$0" --dbname=service=apikeys "$@"`, postgresProgram(t, program)}, arguments...)
	command := exec.CommandContext(t.Context(), "sh", arguments...)
	command.Env = append(os.Environ(), "PGSERVICEFILE="+services)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, output)
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Clean(from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Clean(to), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
