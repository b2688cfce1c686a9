// Package pgtest gives tests a real PostgreSQL: either a database of their own on a shared throwaway server, or a server of their
// own that they may stop.
//
// It owns finding or starting that server and removing everything again. It knows nothing about this project's tables: the caller
// says how a template is prepared. It is for tests alone; nothing that ships imports it.
//
// The shared server is the one named by TEST_DATABASE_URL, with a role that may create databases. If that is unset, the first use
// starts a server with .make/with-postgres, which removes it when the test process ends, however it ends. No test is skipped for
// lack of a server: it fails and says what to install.
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// timeout bounds every single statement of this package; the slowest, copying a template, takes well under a second.
const timeout = time.Minute

// shared is the server of this test process. It stays referenced here for as long as the process lives, because closing its pipe
// ends it.
var shared = sync.OnceValues(func() (*process, error) {
	if named := os.Getenv("TEST_DATABASE_URL"); named != "" {
		return &process{admin: named}, nil
	}
	return launch()
})

// URL returns the URL of a new, empty database. When the test ends, the database is dropped along with any remaining connections.
// It is safe for concurrent use, and so for parallel tests.
func URL(t testing.TB) string {
	t.Helper()
	return create(t, "")
}

// URLFromTemplate is URL for a database that starts as a copy of a template, which takes about 35 ms however long preparing the
// template takes. The first use of a name on a server creates the template: prepare is given the URL of an empty database, fills
// it and must leave no connection open. The name must change whenever what prepare does changes: [Digest] derives one from the
// migrations. If several test processes ask for the same name at once, it is prepared only once. A template stays on the server;
// on one named by TEST_DATABASE_URL, databases called pgtest_template_… may be dropped whenever no test is running.
func URLFromTemplate(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	digest := sha256.Sum256([]byte(name))
	template := "pgtest_template_" + hex.EncodeToString(digest[:8])
	admin := sharedURL(t)
	if err := ensureTemplate(admin, template, prepare); err != nil {
		t.Fatalf("pgtest: prepare template %q: %v", name, err)
	}
	return create(t, template)
}

// Digest names the state that files lead to: it changes when any of them does.
func Digest(t testing.TB, files fs.FS) string {
	t.Helper()
	digest := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		digest.Write(fmt.Appendf(nil, "%s %d\n%s", path, len(text), text))
		return err
	})
	if err != nil {
		t.Fatalf("pgtest: read what a template is made of: %v", err)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

func sharedURL(t testing.TB) string {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return server.admin
}

// create creates a database as a copy of the template, or of the server's default one if the name is empty.
func create(t testing.TB, template string) string {
	t.Helper()
	admin := sharedURL(t)
	name := "pgtest_" + rand.Text()[:16]
	statement := "CREATE DATABASE " + quote(name)
	if template != "" {
		statement += " TEMPLATE " + quote(template)
	}
	if err := execute(admin, statement); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: drop a database: %v", err)
		}
	})
	database, err := withDatabase(admin, name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return database
}

// prepared remembers the templates that this process has seen complete.
var prepared sync.Map

// ensureTemplate creates the template unless it exists. The template is built under another name and renamed when it is complete,
// so that one left unfinished by a killed process is never taken for complete.
func ensureTemplate(admin, template string, prepare func(url string) error) (err error) {
	if _, done := prepared.Load(template); done {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	// The lock belongs to the session, so closing the connection releases it on every path.
	defer func() {
		if closeErr := conn.Close(ctx); closeErr != nil && err == nil {
			err = fmt.Errorf("close: %w", closeErr)
		}
	}()
	digest := sha256.Sum256([]byte(template))
	lock := int64(binary.BigEndian.Uint64(digest[:8])) //nolint:gosec // Any 64 bits will do, even as a negative number.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", template).Scan(&exists); err != nil {
		return fmt.Errorf("look it up: %w", err)
	}
	if !exists {
		building := template + "_building"
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(building)+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("drop what was left of it: %w", err)
		}
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(building)); err != nil {
			return fmt.Errorf("create: %w", err)
		}
		database, err := withDatabase(admin, building)
		if err != nil {
			return err
		}
		if err := prepare(database); err != nil {
			return err
		}
		// A database can be copied only while nobody is connected to it, and a pool's last connection takes a moment to disappear
		// after it has been closed. So prevent new connections, and end those that remain.
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(building)+" WITH ALLOW_CONNECTIONS false"); err != nil {
			return fmt.Errorf("close to connections: %w", err)
		}
		if _, err := conn.Exec(ctx,
			"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1", building); err != nil {
			return fmt.Errorf("end connections: %w", err)
		}
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(building)+" RENAME TO "+quote(template)); err != nil {
			return fmt.Errorf("rename: %w", err)
		}
	}
	prepared.Store(template, true)
	return nil
}

// execute runs one statement on a connection of its own: CREATE DATABASE and DROP DATABASE are too rare to justify a pool, which
// would outlive the tests.
func execute(admin, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

func quote(name string) string {
	return pgx.Identifier{name}.Sanitize()
}

// withDatabase returns the server's URL with another database in it.
func withDatabase(server, name string) (string, error) {
	parsed, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("TEST_DATABASE_URL is not a URL: %w", err)
	}
	if parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return "", fmt.Errorf("TEST_DATABASE_URL has the scheme %q, not postgres", parsed.Scheme)
	}
	parsed.Path = "/" + name
	return parsed.String(), nil
}
