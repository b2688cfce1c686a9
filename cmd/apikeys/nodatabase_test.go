package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// needing lists command lines that need an existing database.
var needing = []string{
	"backup copy.db", "checkpoint", "operator delete ana@example.com", "operator reset-password ana@example.com", "prune-log --keep 400d", "restore", "rotate-master-key",
	"signing-key list", "signing-key revoke KID", "signing-key rotate", "tenancy list", "verify-log",
}

// beginning lists command lines that may create the database, as serve may.
var beginning = []string{"migrate", "operator create ana@example.com", "tenancy create Acme"}

func TestEveryCommandIsSaidToNeedADatabaseOrNot(t *testing.T) {
	said := []string{"serve", "migrate-data", "doctor", "scan", "version"} // have tests of their own, or use no database
	for _, line := range slices.Concat(needing, beginning) {
		command, _, err := newRootCommand().Find(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, strings.TrimPrefix(command.CommandPath(), "apikeys "))
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, command := range c.Commands() {
			walk(command)
		}
		if name := strings.TrimPrefix(c.CommandPath(), "apikeys "); !c.HasSubCommands() && !slices.Contains(said, name) {
			t.Errorf("what %s does without a database is not tried", name)
		}
	}
	walk(newRootCommand())
}

// elsewhere sets the environment for a database that does not exist, as if a command were started in the wrong folder.
func elsewhere(t *testing.T) (path string) {
	t.Helper()
	newDatabase(t)
	folder := t.TempDir()
	t.Chdir(folder)
	t.Setenv("APIKEYS_DATABASE_URL", "sqlite://data/apikeys.db")
	return filepath.Join(folder, "data", "apikeys.db")
}

func TestACommandThatNeedsADatabaseMakesNone(t *testing.T) {
	for _, line := range needing {
		t.Run(line, func(t *testing.T) {
			path := elsewhere(t)
			says := "APIKEYS_DATABASE_URL names " + path + ", where there is no database"
			run(t, "", strings.Fields(line)...).failed(t, 2, says)
			if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
			write(t, path, nil)
			run(t, "", strings.Fields(line)...).failed(t, 2, says)
			if left, err := os.ReadDir("data"); err != nil || len(left) > 1 {
				t.Errorf("beside an empty file it left %v, %v", left, err)
			}
			anothers(t, path)
			t.Setenv("APIKEYS_MASTER_KEY", sealed.NewMasterKey())
			unchanged(t, path, func() { run(t, "", strings.Fields(line)...).failed(t, 2, says) })
			numbered(t, databaseURL(t))
			unchanged(t, path, func() { run(t, "", strings.Fields(line)...).failed(t, 2, says) })
		})
	}
}

// anothers replaces the database at path by that of another program, which does not use write-ahead logging.
func anothers(t *testing.T, path string) {
	t.Helper()
	write(t, path, nil)
	tamper(t, path, "CREATE TABLE another_program (id INTEGER)")
}

// numbered makes the schema of another program in the database at url, with the same table of versions as this service's.
func numbered(t *testing.T, url string) {
	t.Helper()
	execute(t, url, "CREATE TABLE goose_db_version (version_id BIGINT); INSERT INTO goose_db_version VALUES (5)")
}

// unchanged fails the test unless a SQLite file is the same after work and has no other file beside it.
func unchanged(t *testing.T, path string, work func()) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	work()
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file of another program was changed, %v", err)
	}
	only(t, path, "")
}

func TestACommandThatNeedsADatabaseMakesNoTablesInPostgreSQL(t *testing.T) {
	newDatabase(t)
	url := pgtest.URL(t)
	t.Setenv("APIKEYS_DATABASE_URL", url)
	t.Setenv("APIKEYS_MASTER_KEY", sealed.NewMasterKey())
	need := func() {
		for _, line := range needing {
			run(t, "", strings.Fields(line)...).failed(t, 2, "APIKEYS_DATABASE_URL names a PostgreSQL database without the tables of this service")
		}
	}
	need()
	numbered(t, url) // fails if need has made the table
	need()
	execute(t, url, "DROP TABLE goose_db_version")
	run(t, "", "migrate").succeeded(t)
	run(t, "", "verify-log").succeeded(t)
}

func TestADatabaseBeginsWithWhatFillsIt(t *testing.T) {
	for _, line := range beginning {
		t.Run(line, func(t *testing.T) {
			path := elsewhere(t)
			run(t, password, strings.Fields(line)...).succeeded(t)
			run(t, "", "verify-log").succeeded(t)
			for _, file := range []string{path, path + ".master-key"} {
				ownersAlone(t, file)
			}
		})
	}
}

func TestNothingIsMigratedFromADatabaseThatIsNotThere(t *testing.T) {
	path := elsewhere(t)
	t.Setenv("APIKEYS_DATABASE_URL", pgtest.URL(t))
	t.Setenv("APIKEYS_MASTER_KEY", sealed.NewMasterKey())
	says := "--from names " + path + ", where there is no database"
	run(t, "", "migrate-data", "--from=sqlite://data/apikeys.db").failed(t, 2, says)
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	write(t, path, nil)
	run(t, "", "migrate-data", "--from=sqlite://data/apikeys.db").failed(t, 2, says)
	anothers(t, path)
	unchanged(t, path, func() { run(t, "", "migrate-data", "--from=sqlite://data/apikeys.db").failed(t, 2, says) })
}
