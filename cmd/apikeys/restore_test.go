package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// backedUp returns the path of a backup of a database with something encrypted in it, and the content of its key file. It
// configures another database, at target, which does not exist.
func backedUp(t *testing.T) (backup string, key []byte, target string) {
	t.Helper()
	path := newDatabase(t)
	run(t, "", "signing-key", "rotate").succeeded(t)
	backup = filepath.Join(t.TempDir(), "backup.db")
	run(t, "", "backup", backup).succeeded(t)
	ownersAlone(t, backup)
	key, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	target = filepath.Join(t.TempDir(), "apikeys.db")
	t.Setenv("APIKEYS_DATABASE_URL", "sqlite://"+target)
	return backup, key, target
}

// ownersAlone fails the test unless only the owner of a file can read and write it.
func ownersAlone(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", path, info, err)
	}
}

// only fails the test unless the folder of path holds only the files with these endings.
func only(t *testing.T, path string, endings ...string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	for i, file := range files {
		files[i] = strings.TrimPrefix(file, path)
	}
	if got, want := strings.Join(files, " "), strings.Join(endings, " "); err != nil || got != want {
		t.Errorf("%q is there, %v; want %q", got, err, want)
	}
}

func TestARefusedRestoreLeavesNothing(t *testing.T) {
	backup, key, target := backedUp(t)
	write(t, target+".master-key", []byte(sealed.NewMasterKey()))
	run(t, "", "restore", backup).failed(t, 2, "APIKEYS_MASTER_KEY is not the master key of this database")
	only(t, target, ".master-key")
	write(t, target+".master-key", []byte("damaged"))
	run(t, "", "restore", backup).failed(t, 2, "APIKEYS_MASTER_KEY can't be used")
	only(t, target, ".master-key")

	write(t, target+".master-key", key)
	content, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	altered := write(t, filepath.Join(t.TempDir(), "altered.db"), content)
	tamper(t, altered, "UPDATE event SET actor_name = 'somebody else'")
	run(t, "", "restore", altered).failed(t, 1, "the event log does not verify")
	only(t, target, ".master-key")
	run(t, "", "restore", filepath.Join(t.TempDir(), "absent")).failed(t, 1, "read the backup")
	only(t, target, ".master-key")

	run(t, "", "restore", backup).succeeded(t)
	only(t, target, "", ".master-key")
	run(t, "", "checkpoint").succeeded(t) // needs the signing key, which the master key opens
	run(t, "", "restore", backup).failed(t, 1, "move the old database away")
}

// TestADatabaseThatWasNotClosedIsNotRestoredWithoutItsLog: the newest changes are only in its write-ahead log.
func TestADatabaseThatWasNotClosedIsNotRestoredWithoutItsLog(t *testing.T) {
	path := newDatabase(t)
	key, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstoretest.Open(t, databaseURL(t)).Head(t.Context()); err != nil { // stays open, so that the write-ahead log stays
		t.Fatal(err)
	}
	run(t, "", "tenancy", "create", "Acme").succeeded(t)
	left, target := filepath.Join(t.TempDir(), "apikeys.db"), filepath.Join(t.TempDir(), "apikeys.db")
	for _, ending := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + ending)
		if err != nil || len(content) == 0 {
			t.Fatalf("%d bytes, %v", len(content), err)
		}
		write(t, left+ending, content)
	}
	write(t, target+".master-key", key)
	t.Setenv("APIKEYS_DATABASE_URL", "sqlite://"+target)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(left, link); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{left, link} {
		run(t, "", "restore", file).failed(t, 1, "is a database that was not closed: what was written to it last is in "+left+"-wal")
		only(t, target, ".master-key")
	}

	for _, ending := range []string{"", "-wal"} {
		if err := os.Rename(left+ending, target+ending); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "", "restore").succeeded(t)
	if list := run(t, "", "tenancy", "list").succeeded(t).stdout; !strings.Contains(list, "Acme") {
		t.Errorf("with its log the database has the customers %q", list)
	}
}

// TestAPlaceThatCantBeLookedAtIsNotTakenForAFile: the error must say why, not that a file is in the way.
func TestAPlaceThatCantBeLookedAtIsNotTakenForAFile(t *testing.T) {
	newDatabase(t)
	run(t, "", "backup", filepath.Join(write(t, filepath.Join(t.TempDir(), "file"), nil), "backup.db")).failed(t, 1, "not a directory")
}

// TestARestoreThatWasKilledIsDoneAgain: its leftovers must not be taken for a part of the backup.
func TestARestoreThatWasKilledIsDoneAgain(t *testing.T) {
	backup, key, target := backedUp(t)
	write(t, target+".master-key", []byte(sealed.NewMasterKey()))
	write(t, target+".master-key.next", key) // a rotation was cut off, too
	for _, ending := range []string{"", "-wal", "-shm"} {
		write(t, target+".restoring"+ending, []byte("cut o"))
	}
	run(t, "", "restore", backup).succeeded(t)
	only(t, target, "", ".master-key", ".master-key.next")
	ownersAlone(t, target)
	run(t, "", "verify-log").succeeded(t)
}
