package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// versionTable is goose's table, which each database keeps for itself.
const versionTable = "goose_db_version"

// Errors of [Store.MoveTo].
var (
	// ErrNotEmpty: the database to move to already contains something.
	ErrNotEmpty = errors.New("the database to move to is not empty")
	// ErrSchemas: the two databases don't have the same tables or columns.
	ErrSchemas = errors.New("the two databases have different schemas")
)

// Moved is how many rows of a table were moved.
type Moved struct {
	Table string
	Rows  int64
}

// MoveTo copies everything from a SQLite database to an empty one on PostgreSQL, both with the schema of this release. It copies
// every row unchanged, as of one moment, in one transaction of the target, so that afterwards either all rows are there or none.
// s should have been opened with [Options.Alone]: changes made by others meanwhile would be left behind. progress is called now
// and then with the number of rows of a table that have been read. The list of tables is read from the schema. If a step after
// the copying fails, what was moved is returned along with the error. Errors: [ErrNotEmpty], [ErrSchemas];
// [apikey.ErrUnavailable].
func (s *Store) MoveTo(ctx context.Context, target *Store, progress func(table string, rows int64)) ([]Moved, error) {
	if s.dialect != sqliteDialect || target.dialect != postgresDialect {
		return nil, errors.New("data can only be moved from SQLite to PostgreSQL")
	}
	source, err := s.pools[0].BeginTx(ctx, nil)
	if err != nil {
		return nil, outcome(ctx, fmt.Errorf("lock the database: %w", err))
	}
	defer func() { _ = source.Rollback() }() // nothing is written to it
	conn, err := target.pools[0].Conn(ctx)
	if err != nil {
		return nil, outcome(ctx, err)
	}
	defer func() { _ = conn.Close() }() // returns it to the pool
	var moved []Moved
	err = conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("unexpected type of connection %T", driver)
		}
		return pgx.BeginFunc(ctx, pg.Conn(), func(tx pgx.Tx) error {
			moved, err = move(ctx, source, tx, progress)
			return err
		})
	})
	if err != nil {
		return nil, outcome(ctx, err)
	}
	if err := target.writer.WithContext(ctx).Exec("ANALYZE").Error; err != nil { // without it the first queries are planned blindly
		return moved, outcome(ctx, fmt.Errorf("analyse the moved tables: %w", err))
	}
	return moved, nil
}

func move(ctx context.Context, source *sql.Tx, target pgx.Tx, progress func(table string, rows int64)) ([]Moved, error) {
	tables, err := sqliteTables(ctx, source)
	if err != nil {
		return nil, err
	}
	if err := sameTables(ctx, target, tables); err != nil {
		return nil, err
	}
	if err := lockEmpty(ctx, target, tables); err != nil {
		return nil, err
	}
	moved := make([]Moved, 0, len(tables))
	for _, t := range tables {
		rows, err := t.copyTo(ctx, source, target, progress)
		if err != nil {
			return nil, fmt.Errorf("copy the table %s: %w", t.name, err)
		}
		moved = append(moved, Moved{t.name, rows})
	}
	return moved, nil
}

// table is a table as described by the schema.
type table struct {
	name    string
	columns []string
	refers  []string // names of the tables that its rows refer to
}

// sqliteTables returns the tables, each after those that it refers to. It leaves out those that triggers fill from them: the
// tables of the search index, its virtual table, and the tables that SQLite keeps behind that.
func sqliteTables(ctx context.Context, source *sql.Tx) ([]table, error) {
	names, err := column(ctx, source, `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'search\_%' ESCAPE '\' AND name <> ? ORDER BY name`, versionTable)
	if err != nil {
		return nil, err
	}
	var waiting []table
	for _, name := range names {
		t := table{name: name}
		if t.columns, err = column(ctx, source, "SELECT name FROM pragma_table_info(?) ORDER BY name", name); err != nil {
			return nil, err
		}
		if t.refers, err = column(ctx, source, `SELECT "table" FROM pragma_foreign_key_list(?)`, name); err != nil {
			return nil, err
		}
		waiting = append(waiting, t)
	}
	var ordered []table
	for len(waiting) > 0 {
		i := slices.IndexFunc(waiting, func(t table) bool {
			return !slices.ContainsFunc(waiting, func(other table) bool { return other.name != t.name && slices.Contains(t.refers, other.name) })
		})
		if i < 0 {
			return nil, fmt.Errorf("%w: tables refer to each other in a cycle", ErrSchemas)
		}
		ordered = append(ordered, waiting[i])
		waiting = slices.Delete(waiting, i, i+1)
	}
	return ordered, nil
}

// column returns the only column of a query's result, as text.
func column(ctx context.Context, source *sql.Tx, query string, values ...any) ([]string, error) {
	rows, err := source.QueryContext(ctx, query, values...)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err reports failures
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// sameTables compares the target's schema with the tables of the source. It leaves out the target's search table, which triggers
// fill from the keys.
func sameTables(ctx context.Context, target pgx.Tx, tables []table) error {
	rows, err := target.Query(ctx, `SELECT t.table_name::text, string_agg(c.column_name::text, ',' ORDER BY c.column_name COLLATE "C")
		FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name)
		WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND t.table_name NOT IN ($1, 'key_search')
		GROUP BY t.table_name`, versionTable)
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	there := map[string]string{}
	var name, columns string
	_, err = pgx.ForEachRow(rows, []any{&name, &columns}, func() error {
		there[name] = columns
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	for _, t := range tables {
		if there[t.name] != strings.Join(t.columns, ",") {
			return fmt.Errorf("%w: the table %s has the columns %s on one side and %s on the other", ErrSchemas, t.name, strings.Join(t.columns, ","), there[t.name])
		}
		delete(there, t.name)
	}
	for name := range there {
		return fmt.Errorf("%w: only one side has the table %s", ErrSchemas, name)
	}
	return nil
}

// lockEmpty locks everybody else out of the target's tables, and makes sure that they contain nothing but the head of an empty
// log, which it removes.
func lockEmpty(ctx context.Context, target pgx.Tx, tables []table) error {
	for _, t := range tables {
		quoted := pgx.Identifier{t.name}.Sanitize()
		if _, err := target.Exec(ctx, "LOCK TABLE "+quoted+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return fmt.Errorf("lock the table %s: %w", t.name, err)
		}
		if t.name == (headRow{}).TableName() {
			if _, err := target.Exec(ctx, "DELETE FROM "+quoted+" WHERE seq = 0"); err != nil {
				return fmt.Errorf("remove the empty log's head: %w", err)
			}
		}
		var occupied bool
		if err := target.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+quoted+")").Scan(&occupied); err != nil {
			return fmt.Errorf("check whether the table %s is empty: %w", t.name, err)
		}
		if occupied {
			return fmt.Errorf("%w: there are rows in the table %s", ErrNotEmpty, t.name)
		}
	}
	return nil
}

// copyTo copies all rows, replacing those that triggers have added when other tables were copied, and makes sequences continue
// after the highest number copied.
func (t table) copyTo(ctx context.Context, source *sql.Tx, target pgx.Tx, progress func(table string, rows int64)) (int64, error) {
	query := `SELECT "` + strings.Join(t.columns, `", "`) + `" FROM "` + t.name + `"` //nolint:gosec // names from the schema
	rows, err := source.QueryContext(ctx, query)                                      //nolint:rowserrcheck // rowStream checks it
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err reports failures
	if _, err := target.Exec(ctx, "DELETE FROM "+pgx.Identifier{t.name}.Sanitize()); err != nil {
		return 0, err
	}
	stream := &rowStream{rows: rows, values: make([]any, len(t.columns)), progress: func(n int64) { progress(t.name, n) }}
	copied, err := target.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, stream)
	if err != nil {
		return 0, err
	}
	progress(t.name, copied)
	return copied, t.advanceIdentity(ctx, target)
}

func (t table) advanceIdentity(ctx context.Context, target pgx.Tx) error {
	rows, err := target.Query(ctx, `SELECT column_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 AND is_identity = 'YES'`, t.name)
	if err != nil {
		return err
	}
	identities, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range identities {
		statement := fmt.Sprintf("SELECT setval(pg_get_serial_sequence($1, $2), max(%s)) FROM %s HAVING max(%[1]s) IS NOT NULL",
			pgx.Identifier{name}.Sanitize(), pgx.Identifier{t.name}.Sanitize())
		if _, err := target.Exec(ctx, statement, pgx.Identifier{t.name}.Sanitize(), name); err != nil {
			return err
		}
	}
	return nil
}

// progressEvery is how many rows are read between two calls of progress.
const progressEvery = 10_000

// rowStream passes rows to COPY one by one, so that they are never all in memory.
type rowStream struct {
	rows     *sql.Rows
	values   []any
	read     int64
	progress func(rows int64)
}

// Next implements pgx.CopyFromSource.
func (r *rowStream) Next() bool { return r.rows.Next() }

// Values implements pgx.CopyFromSource.
func (r *rowStream) Values() ([]any, error) {
	targets := make([]any, len(r.values))
	for i := range r.values {
		targets[i] = &r.values[i]
	}
	if err := r.rows.Scan(targets...); err != nil {
		return nil, err
	}
	for i, v := range r.values {
		if b, ok := v.([]byte); ok && b == nil {
			r.values[i] = []byte{} // empty, as opposed to NULL
		}
	}
	if r.read++; r.read%progressEvery == 0 {
		r.progress(r.read)
	}
	return r.values, nil
}

// Err implements pgx.CopyFromSource.
func (r *rowStream) Err() error { return r.rows.Err() }
