package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// migrationTimeout bounds the migrations themselves: building an index on a large table may take longer than a call is allowed
// to.
const migrationTimeout = 10 * time.Minute

// migrationLock is the number of the advisory lock with which replicas take turns; an arbitrary constant.
const migrationLock = 0x61706b6579

// nameSearchVersion is the PostgreSQL migration that creates an extension.
const nameSearchVersion = 2

// Migrate brings the schema to the version of this release. It is safe to call from replicas that start together, and cheap if
// there is nothing to do. Errors: [apikey.ErrUnavailable], after which the call may be repeated; others say what is wrong with
// the schema or the database role.
func (s *Store) Migrate(ctx context.Context) error {
	if s.dialect == postgresDialect { // whoever has nothing to migrate waits for nobody's turn
		if there, known, err := s.Schema(ctx); err != nil {
			return fmt.Errorf("read the schema's version: %w", err)
		} else if there >= known {
			return nil
		}
	}
	provider, pool, err := s.migrations()
	if err != nil {
		return err
	}
	if err := s.migrate(ctx, pool, provider); err != nil {
		return fmt.Errorf("migrate the database: %w", outcome(ctx, explain(err)))
	}
	return nil
}

func (s *Store) migrations() (*goose.Provider, *sql.DB, error) {
	dialect, dir := goose.DialectPostgres, "migrations/postgres"
	if s.dialect == sqliteDialect {
		dialect, dir = goose.DialectSQLite3, "migrations/sqlite"
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, nil, err
	}
	pool, err := s.writer.DB()
	if err != nil {
		return nil, nil, err
	}
	provider, err := goose.NewProvider(dialect, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, pool, nil
}

// Schema returns the version of the database's schema, 0 if there is none, and the version that this release knows. It changes
// nothing: the database may belong to another program, which may keep its own versions in a table of the same name. Errors:
// [apikey.ErrUnavailable].
func (s *Store) Schema(ctx context.Context) (there, known int64, err error) {
	provider, _, err := s.migrations()
	if err != nil {
		return 0, 0, err
	}
	sources := provider.ListSources()
	known = sources[len(sources)-1].Version
	tables := "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename IN ?"
	if s.dialect == sqliteDialect {
		tables = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ?"
	}
	err = s.read(ctx, func(t tx) error {
		own := []string{versionTable, headRow{}.TableName()}
		var found int
		if err := t.db.Raw(tables, own).Scan(&found).Error; err != nil || found < len(own) {
			return err
		}
		return t.db.Table(versionTable).Select("MAX(version_id)").Scan(&there).Error
	})
	return there, known, err
}

// Clock returns the time on the clock of the PostgreSQL server, or of this machine for SQLite. Errors: [apikey.ErrUnavailable].
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	if s.dialect == sqliteDialect {
		return s.now(), nil
	}
	var at int64
	err = s.read(ctx, func(t tx) error {
		return t.db.Raw("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").Scan(&at).Error
	})
	return time.UnixMicro(at).UTC(), err
}

func (s *Store) migrate(ctx context.Context, pool *sql.DB, provider *goose.Provider) error {
	migrating, cancel := context.WithTimeout(ctx, migrationTimeout)
	defer cancel()
	// Until it is known that there is something to migrate, this call is limited like any other.
	impatience := time.AfterFunc(s.timeout, cancel)
	defer impatience.Stop()
	if s.dialect == sqliteDialect {
		if _, err := pool.ExecContext(migrating, "PRAGMA journal_mode = WAL"); err != nil { // the file keeps this mode
			return err
		}
	} else {
		lock, err := takeTurn(migrating, pool)
		if err != nil {
			return err
		}
		defer func() {
			_ = lock.Rollback() // it wrote nothing, and the end of its connection would release the lock, too
		}()
	}
	if pending, err := provider.HasPending(migrating); err != nil || !pending {
		return err
	}
	impatience.Stop()
	for {
		_, err := provider.Up(migrating)
		partial, ok := errors.AsType[*goose.PartialError](err)
		if !ok {
			return err
		}
		// SQLite has no lock that outlives a migration. If two processes migrate at once, one finds what the other has just
		// created, fails, and continues from there.
		version, versionErr := provider.GetDBVersion(migrating)
		if versionErr != nil || version < partial.Failed.Source.Version {
			return err
		}
	}
}

// takeTurn returns a transaction on PostgreSQL that holds the migrations' lock until it is rolled back or ctx ends.
//
// The lock belongs to a transaction, not to a session as goose's own does: behind a pooler that assigns connections to
// transactions, a session's lock would be taken on one connection and stay with whoever gets that connection next. The lock is
// also released as soon as this process dies, whereas a lease in a table would have to expire first. If it is suspended, the
// server releases the lock when the time for migrating is over; until then the transaction may be idle, whatever the server allows
// to others. Waiting processes poll instead of queueing for the lock: queues of many replicas would take up all connections of a
// pooler, and the process whose turn it is needs another one.
func takeTurn(ctx context.Context, pool *sql.DB) (*sql.Tx, error) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		lock, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		var taken bool
		_, err = lock.ExecContext(ctx, idleLimit(migrationTimeout))
		if err == nil {
			err = lock.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(migrationLock)).Scan(&taken)
		}
		if err == nil && taken {
			return lock, nil
		}
		if err := errors.Join(err, lock.Rollback()); err != nil {
			return nil, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// explain adds advice to the one failure that needs an administrator's help.
func explain(err error) error {
	var partial *goose.PartialError
	if !errors.As(err, &partial) || partial.Failed.Source.Version != nameSearchVersion || isUnavailable(err) {
		return err
	}
	switch postgresCode(err) {
	case "42501", "0A000": // not allowed to, or not installed on the server
		return fmt.Errorf("the extension pg_trgm can't be created; install postgresql-contrib on the server, or let a role that may "+
			"do so run CREATE EXTENSION pg_trgm in this database: %w", err)
	}
	return err
}
