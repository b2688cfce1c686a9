package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What a SQLite file's header (PRAGMA user_version) says about the file. A copy made as a backup must not be served before
// [Store.Restored] is called: it would still honour what has been revoked since.
const (
	inService = 0
	backup    = 1
)

// backupTimeout bounds the time for making a copy.
const backupTimeout = time.Hour

// ErrNotSQLite means that the database is PostgreSQL, which has its own tools for backups.
var ErrNotSQLite = errors.New("the database is not SQLite; use pg_dump")

// Backup writes a consistent copy of the database, as of one moment, to a new file that only its owner can read. Meanwhile this
// store can read but not write, because the copy is made on its only connection for writing; other processes can do both. The copy
// appears complete or not at all, and is synced to disk by the time Backup returns.
// Errors: [ErrNotSQLite]; fs.ErrExist; that the copy can't be written; [apikey.ErrUnavailable].
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.dialect != sqliteDialect {
		return ErrNotSQLite
	}
	if err := nothingAt(path); err != nil {
		return fmt.Errorf("create the backup: %w", err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(path), ".backup-")
	if err != nil {
		return fmt.Errorf("create the backup: %w", err)
	}
	copied := filepath.Join(draft, "apikeys.db")
	err = s.copyTo(ctx, copied)
	if err == nil {
		err = os.Link(copied, path) // never replaces a file
	}
	return errors.Join(err, os.RemoveAll(draft), syncFolder(filepath.Dir(path)))
}

func (s *Store) copyTo(ctx context.Context, path string) error {
	limited, cancel := context.WithTimeout(ctx, backupTimeout)
	defer cancel()
	if err := createPrivately(path); err != nil { // VACUUM INTO accepts an empty file
		return fmt.Errorf("create the backup: %w", err)
	}
	if err := s.writer.WithContext(limited).Exec("VACUUM INTO ?", path).Error; err != nil {
		// Only the copy is written to, so it is the copy that can't be written.
		if code, ok := sqliteCode(err); ok && (code == sqliteFull || code == sqliteIOErrWrite) {
			return fmt.Errorf("the backup can't be written: %w", err)
		}
		return outcome(ctx, fmt.Errorf("copy the database: %w", err))
	}
	pool, err := openFile(path, nil)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(limited, fmt.Sprintf("PRAGMA user_version = %d", backup))
	if err := errors.Join(err, pool.Close()); err != nil {
		return fmt.Errorf("mark the backup: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// IsBackup reports whether the database is a copy that [Store.Backup] made and that [Store.Restored] has not put into service.
// Copies of a PostgreSQL database can't be recognised.
func (s *Store) IsBackup(ctx context.Context) (bool, error) {
	if s.dialect != sqliteDialect {
		return false, nil
	}
	version := inService
	err := s.read(ctx, func(t tx) error { return t.db.Raw("PRAGMA user_version").Scan(&version).Error })
	return version == backup, err
}

// companions are the suffixes of a SQLite database's file and of the files that belong to it.
var companions = []string{"", "-wal", "-shm", "-journal"}

// nothingAt returns nil if nothing exists at path. Errors: fs.ErrExist; those of looking.
func nothingAt(path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}

// PlaceBackup copies a backup to the path of a new SQLite database, after checking that the backup is intact. The copy is first
// prepared next to that path by restore, which is given the copy's path and must leave no connection open; then the database
// appears as restore left it, or not at all. Nothing may exist at path, nor may any files of an earlier database there: SQLite
// would apply an old write-ahead log to the copy. Nor may there be a log beside the backup: a copy of the file alone would lack
// what was written last. Errors: fs.ErrExist; that the backup can't be read or is damaged; those of restore.
func PlaceBackup(ctx context.Context, from, path string, restore func(draft string) error) error {
	for _, suffix := range companions {
		switch err := nothingAt(path + suffix); {
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("move the old database away, and the files that begin with its name: %w", err)
		case err != nil:
			return fmt.Errorf("look for an old database: %w", err)
		}
	}
	if err := checkAlone(from); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create the database's directory: %w", err)
	}
	draft := path + ".restoring"
	err := removeDatabase(draft) // left by a command that was killed
	if err == nil {
		err = copyFile(from, draft)
	}
	if err == nil {
		err = checkWhole(ctx, draft)
	}
	if err == nil {
		err = restore(draft)
	}
	if err == nil {
		err = checkClosed(draft)
	}
	if err == nil {
		err = os.Link(draft, path) // never replaces a file
	}
	return errors.Join(err, removeDatabase(draft), syncFolder(filepath.Dir(path)))
}

// removeDatabase removes those files of a database that exist.
func removeDatabase(path string) error {
	var failures []error
	for _, suffix := range companions {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// checkClosed returns an error unless the database consists of its file alone.
func checkClosed(path string) error {
	for _, suffix := range companions[1:] {
		if _, err := os.Lstat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s%s exists: the copy is still in use", path, suffix)
		}
	}
	return nil
}

// checkAlone returns an error if some of a backup's content may be in a log beside it, where SQLite would look for one. A backup
// has no log, and neither has a database that was closed.
func checkAlone(path string) error {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		switch info, err := os.Stat(file + suffix); {
		case err == nil && info.Size() > 0:
			return fmt.Errorf("%s is a database that was not closed: what was written to it last is in %s; put both where the database "+
				"is to be, and restore without a file", path, file+suffix)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look for a log beside the backup: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(filepath.Clean(from))
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer func() { _ = source.Close() }() // it was only read
	target, err := os.OpenFile(filepath.Clean(to), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Sync(), target.Close()); err != nil {
		return fmt.Errorf("copy the backup: %w", err)
	}
	return nil
}

var errNoBackup = errors.New("the file is no backup of this service")

// checkWhole has SQLite check the whole file, which must contain an event log: SQLite considers an empty file a valid database.
func checkWhole(ctx context.Context, path string) error {
	pool, err := openFile(path, nil)
	if err != nil {
		return err
	}
	var found string
	var logs int
	err = pool.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	if err == nil {
		err = pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'log_head'").Scan(&logs)
	}
	if err := errors.Join(err, pool.Close()); err != nil {
		return fmt.Errorf("the backup can't be read: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("the backup is damaged: %s", found)
	}
	if logs == 0 {
		return errNoBackup
	}
	return nil
}
