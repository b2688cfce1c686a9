package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// preparedMax is how many prepared statements a session keeps. Fewer are ever prepared; see [tx.prepared].
const preparedMax = 128

// noticePooler finds out whether a new connection leads to PostgreSQL itself. A pooler in between gives every client a process ID
// of the pooler's own making, for cancelling statements, which is not the ID of the server process that happens to answer. Once a
// pooler has been noticed, the store prepares nothing, since another process may answer the next statement.
func (s *Store) noticePooler(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return fmt.Errorf("read the server's process ID: %w", err)
	}
	if pid != conn.PgConn().PID() {
		s.pooled.Store(true)
	}
	return nil
}

// prepared makes PostgreSQL keep the statements of a call, so that it neither parses nor plans them again, which takes longer
// than running a statement that finds a row by its key. It is meant for such statements alone: others are planned for their own
// values, which decide what is fast, and statements of varying length would only evict those that are kept.
func (t tx) prepared() tx {
	if t.dialect == postgresDialect {
		t.db = t.db.WithContext(t.db.Statement.Context) // a separate statement
		t.db.Statement.ConnPool = preparing{t.db.Statement.ConnPool, t.pooled}
	}
	return t
}

// preparing asks pgx, through an additional first argument, to prepare every statement that is new to the session.
type preparing struct {
	gorm.ConnPool
	pooled *atomic.Bool
}

// ExecContext implements gorm.ConnPool.
func (p preparing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.ConnPool.ExecContext(ctx, query, p.asked(args)...)
}

// QueryContext implements gorm.ConnPool.
func (p preparing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.ConnPool.QueryContext(ctx, query, p.asked(args)...)
}

// QueryRowContext implements gorm.ConnPool.
func (p preparing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.ConnPool.QueryRowContext(ctx, query, p.asked(args)...)
}

func (p preparing) asked(args []any) []any {
	if p.pooled.Load() {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheStatement}, args...)
}
