package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOpenRefusesURLsThatNameNoDatabase(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"", "apikeys.db", "mysql://localhost/apikeys", "sqlite:", "sqlite://", "sqlite://a.db?mode=memory", "sqlite://a\x00b",
		"postgres://localhost:port/apikeys", "sqlite://" + t.TempDir(),
	} {
		if s, err := Open(Options{URL: wrong}); err == nil {
			t.Errorf("%q was opened", wrong)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := Open(Options{URL: "postgres://localhost/apikeys", MaxConns: 1}); err == nil {
		t.Error("a migration would wait for itself with one connection")
	}
	secret := "not-a-real-password"
	if _, err := Open(Options{URL: "postgres://u:" + secret + "@localhost:port/apikeys"}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
}

func TestOpenMakesTheSQLiteFileForItsOwnerAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"data/with space %41 ü/apikeys.db", filepath.Join(t.TempDir(), "absolute", "apikeys.db")} {
		s := newStore(t, Options{URL: "sqlite://" + path})
		migrate(t, s)
		newTenancy(t, s)
		if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the directory of %s: %v, %v", path, info, err)
		}
		files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		if err != nil || len(files) != 3 {
			t.Errorf("beside %s: %v, %v", path, files, err)
		}
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", file, info, err)
			}
		}
	}
}

func TestOpenMakesNothingWhereADatabaseIsToBeThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "data", "apikeys.db")
	absent := func() {
		t.Helper()
		if _, err := Open(Options{URL: "sqlite://" + path, Existing: true}); !errors.Is(err, ErrNoDatabase) {
			t.Errorf("got %v", err)
		}
	}
	absent()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("it made %v, %v", left, err)
	}
	s := newStore(t, Options{URL: "sqlite://" + path}) // creates the file, but writes nothing to it yet
	absent()
	migrate(t, s)
	newTenancy(t, newStore(t, Options{URL: "sqlite://" + path, Existing: true}))
}

func TestSQLiteIsSetUpToLoseNothing(t *testing.T) {
	t.Parallel()
	s := newSQLite(t, Options{Timeout: 1234 * time.Millisecond})
	for i, want := range []map[string]string{
		{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "1234"},
		{"journal_mode": "wal", "query_only": "1", "busy_timeout": "1234"},
	} {
		for pragma, value := range want {
			var got string
			if err := s.pools[i].QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != value {
				t.Errorf("pool %d: %s is %q, %v; want %q", i, pragma, got, err, value)
			}
		}
	}
}
