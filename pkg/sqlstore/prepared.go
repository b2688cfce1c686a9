package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// preparedMax is how many prepared statements a session keeps. There are fewer that ask for it; see [tx.prepared].
const preparedMax = 128

// noticePooler finds out whether a new connection leads to PostgreSQL itself. A pooler in between gives every client a
// process id of its own making, to be cancelled by, which is not the one of the server process that happens to answer.
// From then on the store prepares nothing, since the next statement may be answered by another process.
func (s *Store) noticePooler(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return fmt.Errorf("ask who answers: %w", err)
	}
	if pid != conn.PgConn().PID() {
		s.pooled.Store(true)
	}
	return nil
}

// prepared has PostgreSQL keep the statements of a call, so that it neither parses nor plans them again, which takes longer
// than to run one that finds a row by its key. It is for those alone: others are planned for their own values, which decide
// what is fast, and those of ever different lengths would only push out what is kept.
func (t tx) prepared() tx {
	if t.dialect == postgresDialect {
		t.db = t.db.WithContext(t.db.Statement.Context) // a statement of its own
		t.db.Statement.ConnPool = preparing{t.db.Statement.ConnPool, t.pooled}
	}
	return t
}

// preparing asks pgx to prepare every statement that is new to the session, by an argument before all others.
type preparing struct {
	gorm.ConnPool
	pooled *atomic.Bool
}

// ExecContext is of gorm.ConnPool.
func (p preparing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.ConnPool.ExecContext(ctx, query, p.asked(args)...)
}

// QueryContext is of gorm.ConnPool.
func (p preparing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.ConnPool.QueryContext(ctx, query, p.asked(args)...)
}

// QueryRowContext is of gorm.ConnPool.
func (p preparing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.ConnPool.QueryRowContext(ctx, query, p.asked(args)...)
}

func (p preparing) asked(args []any) []any {
	if p.pooled.Load() {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheStatement}, args...)
}
