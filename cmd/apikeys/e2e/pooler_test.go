package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// pooler is a PgBouncer with few connections to PostgreSQL, each of which it assigns to one transaction at a time.
type pooler struct {
	t       testing.TB
	folder  string
	address string
	owner   *syscall.Credential // nil: the user who runs the tests
	process *exec.Cmd
	ended   chan struct{}
	output  *recording
}

// newPooler starts a pooler and returns it with the URL of the database behind it.
func newPooler(t testing.TB, database string, connections int) (*pooler, string) {
	t.Helper()
	through, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir, which only its owner may enter.
	folder, err := os.MkdirTemp("", "apikeys-pooler-") //nolint:usetesting // as said
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // leftovers in a temporary folder do no harm
	p := &pooler{t: t, folder: folder, address: freeAddress(t), output: &recording{}}
	if os.Getuid() == 0 { // PgBouncer refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, uidErr := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(nobody.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			t.Fatal(err)
		}
		p.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(folder, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(p.address)
	password, _ := through.User.Password()
	p.write("users", fmt.Sprintf("%q %q\n", through.User.Username(), password))
	// Nothing is relaxed: PgBouncer refuses start-up parameters that it does not know.
	p.write("pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=%s port=%s

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = md5
auth_file = users
pool_mode = transaction
default_pool_size = %d
max_client_conn = 200
`, through.Hostname(), through.Port(), port, connections))
	p.start()
	t.Cleanup(p.stop)
	through.Host = p.address
	return p, through.String()
}

// write makes a file that the pooler may read.
func (p *pooler) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if p.owner != nil {
		if err := os.Chown(path, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *pooler) start() {
	p.t.Helper()
	program := gateway{program: "pgbouncer"}.path(p.t)
	p.process = exec.Command(program, "-q", "pgbouncer.ini")
	p.process.Dir = p.folder
	p.process.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	p.process.Stdout, p.process.Stderr = p.output, p.output
	if err := p.process.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func(process *exec.Cmd) {
		defer close(ended)
		_ = process.Wait() // its output says why
	}(p.process)
	await.Until(p.t, startTimeout, "the pooler answers", func() bool {
		select {
		case <-ended:
			p.t.Fatalf("the pooler ended\n%s", p.output)
		default:
		}
		conn, err := (&net.Dialer{}).DialContext(p.t.Context(), "tcp", p.address)
		if err != nil {
			return false
		}
		_ = conn.Close() // only opening it matters
		return true
	})
}

// stop kills the pooler, which closes every connection at once.
func (p *pooler) stop() {
	_ = p.process.Process.Kill() // it may be gone
	<-p.ended
	if p.t.Failed() {
		p.t.Logf("the pooler wrote\n%s", p.output)
	}
}

// TestReplicasWorkBehindAPoolerOfTransactions starts two replicas on an empty database behind a pooler that has fewer
// connections than either of them would open.
func TestReplicasWorkBehindAPoolerOfTransactions(t *testing.T) {
	t.Parallel()
	const connections = 3
	pool, database := newPooler(t, pgtest.URL(t), connections)
	e := onPostgreSQL(database)
	first, second := launch(t, e), launch(t, e)
	first.awaitReady()
	second.awaitReady()
	operator := signIn(first)
	elsewhere := operator.at(second)

	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			k, err := operator.try(http.MethodPost, "/v1/api-keys", draft{fmt.Sprint("program ", i), []string{"cca:readonly"}})
			if err != nil || k.status != http.StatusCreated {
				t.Errorf("%v, %v", k, err)
				return
			}
			program := decode[apiKey](t, k)
			if a, err := elsewhere.tryToken(program.ClientID, program.ClientSecret); err != nil || a.status != http.StatusOK {
				t.Errorf("%v, %v", a, err)
			}
			if a, err := elsewhere.try(http.MethodGet, "/v1/api-keys?sort_field=last_used_at&search=PROGRAM", nil); err != nil || a.status != http.StatusOK {
				t.Errorf("%v, %v", a, err)
			}
		})
	}
	all.Wait()

	key := operator.create("a program")
	elsewhere.accessToken(key)
	rotated := decode[apiKey](t, elsewhere.want(http.StatusOK, elsewhere.post("/v1/api-keys/"+key.ClientID+"/rotate-secret", map[string]int{"grace_period_seconds": 60})))
	operator.accessToken(apiKey{ClientID: key.ClientID, ClientSecret: rotated.ClientSecret})
	operator.want(http.StatusOK, operator.post("/v1/api-keys/"+key.ClientID+"/deactivate", nil))
	await.Until(t, spreadTimeout, "the other replica refuses the key", func() bool {
		return elsewhere.token(key.ClientID, rotated.ClientSecret).status == http.StatusUnauthorized
	})
	for _, command := range [][]string{{"verify-log"}, {"migrate"}, {"signing-key", "rotate"}} {
		if r := run(t, e, command...); r.code != 0 {
			t.Errorf("%s: %+v", strings.Join(command, " "), r)
		}
	}

	for range connections { // each try may reach another of them
		if n := preparedIn(t, database); n > 0 {
			t.Errorf("a session that others use, too, keeps %d prepared statements", n)
		}
	}

	pool.stop()
	await.Until(t, recoveryTimeout, "the service says that it is not ready", func() bool {
		return operator.get("/readyz").status == http.StatusServiceUnavailable
	})
	pool.start()
	// Connections that broke without notice fail once each.
	for _, step := range []struct {
		change string
		status int
	}{{"/activate", http.StatusOK}, {"/deactivate", http.StatusUnauthorized}} {
		await.Until(t, recoveryTimeout, "keys can be changed again", func() bool {
			return operator.post("/v1/api-keys/"+key.ClientID+step.change, nil).status == http.StatusOK
		})
		await.Until(t, recoveryTimeout, "the other replica follows", func() bool {
			return elsewhere.token(key.ClientID, rotated.ClientSecret).status == step.status
		})
	}
}

// preparedIn returns the number of prepared statements in whichever session the pooler assigns.
func preparedIn(t testing.TB, database string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements", pgx.QueryExecModeSimpleProtocol).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
