package e2e

import (
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to hold a lock beside the service

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// recoveryTimeout bounds how long the service may take to notice that its database is back.
const recoveryTimeout = 20 * time.Second

// freeAddress returns an address that was free a moment ago, for a service that does not get as far as saying where it listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// listens waits until a service answers, even if it is not ready.
func listens(s *service) *caller {
	s.t.Helper()
	c := stranger(s)
	await.Until(s.t, startTimeout, "the service answers", func() bool {
		a, err := c.try(http.MethodGet, "/healthz", nil)
		return err == nil && a.status == http.StatusOK
	})
	return c
}

// wantUnavailable checks that a service without its database says so in the error format of each kind of route.
func wantUnavailable(c *caller, key apiKey) {
	c.t.Helper()
	c.want(http.StatusOK, c.get("/healthz"))
	probe := c.want(http.StatusServiceUnavailable, c.get("/readyz"))
	if p := decode[struct{ Status, Reason string }](c.t, probe); p.Status != "unavailable" || !strings.Contains(p.Reason, "database") {
		c.t.Errorf("%v gives no reason", probe)
	}
	wantTokenUnavailable(c, c.token(key.ClientID, key.ClientSecret))
	vendor := c.want(http.StatusServiceUnavailable, c.post("/auth", clientPair{key.ClientID, key.ClientSecret}))
	if p := decode[struct{ Code, Message string }](c.t, vendor); p.Code != "service/unavailable" || p.Message == "" {
		c.t.Errorf("%v is not the vendor's form", vendor)
	}
	wantProblem(c, c.get("/v1/api-keys"))
	wantProblem(c, c.post("/v1/session", credentials{"admin@localhost", password}))
}

func wantProblem(c *caller, a answer) {
	c.t.Helper()
	c.want(http.StatusServiceUnavailable, a)
	if p := decode[struct{ Code, Detail string }](c.t, a); p.Code != "service/unavailable" || p.Detail == "" ||
		a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Retry-After") == "" {
		c.t.Errorf("%v is not a problem of an unavailable service", a)
	}
}

func wantTokenUnavailable(c *caller, a answer) {
	c.t.Helper()
	c.want(http.StatusServiceUnavailable, a)
	if p := decode[struct{ Error string }](c.t, a); p.Error != "temporarily_unavailable" || a.header.Get("Cache-Control") != "no-store" {
		c.t.Errorf("%v is not the form of RFC 6749", a)
	}
}

// someone is a client that may not exist.
var someone = apiKey{ClientID: "ak_" + strings.Repeat("0", 22), ClientSecret: "aks_" + strings.Repeat("0", 49)}

func TestServiceStartsBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	t.Run("PostgreSQL is down", func(t *testing.T) {
		t.Parallel()
		server := pgtest.NewServer(t)
		server.Stop()
		s := launch(t, onPostgreSQL(server.URL()).with("APIKEYS_LISTEN", freeAddress(t)))
		wantUnavailable(listens(s), someone)
		server.Start()
		s.awaitReady()
		signIn(s).create("made after all")
	})
	t.Run("SQLite is locked", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "apikeys.db")
		unlock := lock(t, path)
		s := launch(t, base().with("APIKEYS_DATABASE_URL", "sqlite://"+path, "APIKEYS_LISTEN", freeAddress(t)))
		wantUnavailable(listens(s), someone)
		unlock()
		s.awaitReady()
		signIn(s).create("made after all")
	})
}

// lock takes the exclusive lock of a SQLite database, as another program may. The returned function releases it.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		conn.Close()
		pool.Close()
	}
}

// link is a network between a service and its PostgreSQL that a test can cut.
type link struct {
	t       testing.TB
	address string
	to      string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	all      sync.WaitGroup
}

// newLink returns a link and the URL of the database behind it.
func newLink(t testing.TB, database string) (*link, string) {
	t.Helper()
	through, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{t: t, address: "127.0.0.1:0", to: through.Host}
	l.restore()
	t.Cleanup(l.cut)
	through.Host = l.address
	return l, through.String()
}

// restore accepts connections again.
func (l *link) restore() {
	l.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener, l.address = listener, listener.Addr().String()
	l.all.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // cut has closed it
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.to)
			if err != nil {
				near.Close()
				continue
			}
			l.join(near, far)
		}
	})
}

// join copies between two connections until one of them ends.
func (l *link) join(near, far net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, near, far)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		l.all.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // only the end of a connection matters
			near.Close()
			far.Close()
		})
	}
}

// cut closes every connection at once and accepts no new one.
func (l *link) cut() {
	l.mu.Lock()
	l.listener.Close()
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
	l.mu.Unlock()
	l.all.Wait()
}

func TestTokensOutliveTheDatabaseForTheStalenessBoundOnly(t *testing.T) {
	t.Parallel()
	network, database := newLink(t, pgtest.URL(t))
	s := start(t, onPostgreSQL(database))
	operator := signIn(s)
	key := operator.create("a program")
	program := stranger(s)
	// The key stays in memory once the event of its creation has been read.
	created := time.Now()
	await.Until(t, recoveryTimeout, "the key is in memory", func() bool {
		program.accessToken(key)
		return time.Since(created) > 3*eventlog.TailInterval
	})

	network.cut()
	cut := time.Now()
	issued := 0
	await.Until(t, recoveryTimeout, "tokens are refused", func() bool {
		asked := time.Now()
		a := program.token(key.ClientID, key.ClientSecret)
		if a.status != http.StatusOK {
			wantTokenUnavailable(program, a)
			return true
		}
		issued++
		if age := asked.Sub(cut); age > eventlog.StalenessMax {
			t.Fatalf("a token is issued %v after the database went away", age)
		}
		return false
	})
	if issued == 0 {
		t.Error("no token was issued from memory")
	}
	t.Logf("%d tokens were issued without the database, which ended after %v", issued, time.Since(cut).Round(time.Millisecond))
	wantUnavailable(operator, key)

	network.restore()
	wantRecovery(operator, key)
}

func TestServiceRecoversFromARestartOfItsDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	s := start(t, onPostgreSQL(server.URL()))
	operator := signIn(s)
	key := operator.create("a program")
	operator.accessToken(key)
	server.Stop()
	await.Until(t, recoveryTimeout, "tokens are refused", func() bool {
		return operator.token(key.ClientID, key.ClientSecret).status == http.StatusServiceUnavailable
	})
	wantUnavailable(operator, key)
	server.Start()
	wantRecovery(operator, key)
}

// wantRecovery checks that a service works again by itself when its database is back.
func wantRecovery(operator *caller, key apiKey) {
	operator.t.Helper()
	await.Until(operator.t, recoveryTimeout, "the service is ready again", func() bool {
		return operator.get("/readyz").status == http.StatusOK
	})
	await.Until(operator.t, recoveryTimeout, "tokens are issued again", func() bool {
		return operator.token(key.ClientID, key.ClientSecret).status == http.StatusOK
	})
	operator.want(http.StatusOK, operator.post("/v1/api-keys/"+key.ClientID+"/deactivate", nil))
	operator.want(http.StatusUnauthorized, operator.token(key.ClientID, key.ClientSecret))
}

func TestLockedSQLiteRefusesChangesAndGoesOnIssuing(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	s := start(t, e)
	operator := signIn(s)
	key := operator.create("a program")

	unlock := lock(t, strings.TrimPrefix(e["APIKEYS_DATABASE_URL"], "sqlite://"))
	wantProblem(operator, operator.post("/v1/api-keys", draft{"refused", []string{"cca:readonly"}}))
	operator.want(http.StatusServiceUnavailable, operator.get("/readyz"))
	operator.want(http.StatusOK, operator.get("/healthz"))
	operator.want(http.StatusOK, operator.get("/v1/api-keys"))
	operator.accessToken(key)

	unlock()
	await.Until(t, recoveryTimeout, "the service is ready again", func() bool {
		return operator.get("/readyz").status == http.StatusOK
	})
	operator.create("refused")
}
