package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"modernc.org/sqlite"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// callerError marks an error returned by a function of the caller's; outcome returns such an error unchanged.
type callerError struct{ error }

func (e callerError) Unwrap() error { return e.error }

// outcome turns the error of a call into the one that the contracts promise. ctx is the caller's, without the store's own
// timeout.
func outcome(ctx context.Context, err error) error {
	var own callerError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own.error
	case !isUnavailable(err):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("%w: %w", apikey.ErrUnavailable, err)
	}
}

// The primary result codes of SQLite (https://sqlite.org/rescode.html) that say something about the state of the database rather
// than about the statement. An extended code has its primary code in the lowest byte.
const (
	sqliteBusy      = 5
	sqliteLocked    = 6
	sqliteReadonly  = 8
	sqliteInterrupt = 9
	sqliteIOErr     = 10
	sqliteFull      = 13
	sqliteCantOpen  = 14

	sqliteIOErrWrite = sqliteIOErr | 3<<8 // an extended code
)

// isUnavailable reports whether err means that the database can't be reached, stays locked, or ran out of time, so that the same
// call may succeed later.
func isUnavailable(err error) bool {
	if code := postgresCode(err); code != "" {
		switch code[:2] {
		case "08", // connection exception
			"40", // transaction rollback: serialization failure, deadlock
			"53", // insufficient resources: too many connections, disk full
			"57", // operator intervention: shutting down, starting up, cancelled
			"58": // system error, such as a failing disk
			return true
		}
		return code == "55P03" || // lock not available
			code == "25006" || // read-only transaction: the server became a standby
			code == "25P03" || // this process left its transaction idle for too long
			isConnectError(err) // such as a database that does not exist (yet)
	}
	if code, ok := sqliteCode(err); ok {
		switch code & 0xff {
		case sqliteBusy, sqliteLocked, sqliteReadonly, sqliteInterrupt, sqliteIOErr, sqliteFull, sqliteCantOpen:
			return true
		}
		return false
	}
	var network net.Error
	return isConnectError(err) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, sql.ErrTxDone) || // the context ended the transaction between two statements
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isConnectError(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// isUniqueViolation reports whether a statement failed because a row with the same value in a unique column already exists. The
// primary key doesn't count.
func isUniqueViolation(err error, constraint string) bool {
	if code, ok := sqliteCode(err); ok {
		// SQLite doesn't name the constraint, but it distinguishes a primary key (SQLITE_CONSTRAINT_PRIMARYKEY, 1555) from other
		// unique constraints (SQLITE_CONSTRAINT_UNIQUE, 2067). If a table has several of the latter, callers treat them alike.
		return code == 2067
	}
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "23505" && failure.ConstraintName == constraint
}

// isMissingReference reports whether a statement failed because a row refers to one that doesn't exist.
func isMissingReference(err error) bool {
	if code, ok := sqliteCode(err); ok {
		return code == 787 // SQLITE_CONSTRAINT_FOREIGNKEY
	}
	return postgresCode(err) == "23503"
}

// absent returns the domain's error if a row doesn't exist, and any other error together with what was being done.
func absent(err, domain error, doing string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return domain
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// postgresCode returns the SQLSTATE of err, or "" if err is not from PostgreSQL.
func postgresCode(err error) string {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok && len(failure.Code) == 5 {
		return failure.Code
	}
	return ""
}

// sqliteCode returns the extended result code of err, if err is from SQLite.
func sqliteCode(err error) (int, bool) {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return failure.Code(), true
	}
	return 0, false
}
