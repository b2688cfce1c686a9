// Package sqlstore owns everything that is SQL: opening the database, its schema, the rows and their mapping to domain values,
// and the transaction in which every change is made together with its entry in the ordered log. It implements the store contracts
// of the packages apikey, audit, eventlog, operator, revocation, signing, statuslist and usage, and the session store of scs, on
// SQLite and on PostgreSQL; the same test suites verify both.
//
// It owns no rules: the packages whose contracts it implements decide what a key may be and what an event says. Rows are private
// types whose values are checked when they are read, so that a value the domain doesn't know is an error and never slips through.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // the driver "sqlite", in pure Go
)

// Options says which database to use and how.
type Options struct {
	// URL is sqlite://PATH, relative (sqlite://data/apikeys.db) or absolute (sqlite:///var/lib/apikeys.db), or a postgres:// or
	// postgresql:// URL. The file and the directory of a SQLite database are created, accessible only to their owner, unless
	// Existing is set.
	URL string
	// Existing is for work that makes no sense on a new database. If there is no SQLite database at the path, opening fails with
	// [ErrNoDatabase] and creates nothing. On PostgreSQL it has no effect.
	Existing bool
	// Timeout bounds each call of the store, including all waiting: for a free connection, for a lock, for the database's answer.
	// A call that takes longer fails with [apikey.ErrUnavailable]. 0 means 5 seconds.
	Timeout time.Duration
	// MaxConns bounds the connections to PostgreSQL. It must be at least 2. 0 means 20.
	MaxConns int
	// Alone is for work that nobody else may see or disturb. On SQLite the first write, which may be that of [Store.Ping], locks
	// the whole database until Close. If another process has the database open, that write fails with [apikey.ErrUnavailable]
	// after a second. On PostgreSQL nothing is locked, and [Store.Others] tells whether others are connected.
	Alone bool
	// Logger receives every statement at debug level, without its values. nil means that nothing is logged.
	Logger *slog.Logger
	// Now is the clock by which sessions expire. nil means time.Now.
	Now func() time.Time
	// Observe is called after each call of the database, with the call's context, the kind of call, which is one of [Operations],
	// how long it took, and whether it failed with [apikey.ErrUnavailable]. It must be quick and safe for concurrent use. nil
	// means that calls aren't observed.
	Observe func(ctx context.Context, operation string, took time.Duration, unavailable bool)
}

// Operations are the kinds of calls: one statement that reads; several that read as of one moment; one write that is not recorded
// in the log; several such writes; and a change with its event.
var Operations = []string{"read", "snapshot", "write", "write-all", "change"}

// ErrNoDatabase means that the file of a SQLite database doesn't exist, or is empty.
var ErrNoDatabase = errors.New("there is no database")

const (
	timeoutDefault  = 5 * time.Second
	maxConnsDefault = 20
	aloneTimeout    = time.Second // enough to find out that another process uses the database
)

// Store keeps everything in one database. It is safe for concurrent use, also by any number of processes that share one database.
//
// A call fails with [apikey.ErrUnavailable] if the database can't be reached, stays locked, or doesn't answer in time. Calls
// succeed again as soon as the database is back; nothing has to be reopened. If a change fails so while it is being committed, it
// may nevertheless have been made.
type Store struct {
	dialect dialect
	// On SQLite the writer is a single connection, whose transactions hold the database's write lock from their beginning, and
	// readers use other connections, which never wait for that lock. On PostgreSQL both use the same pool.
	writer, reader *gorm.DB
	pools          []*sql.DB
	// pooled is whether a pooler was found between this process and PostgreSQL; see noticePooler.
	pooled  atomic.Bool
	name    string // the application_name of every connection to PostgreSQL, except those of a store opened with Alone
	totals  totals
	lookups lookups
	// changing holds an entry for each change that is in the database.
	changing chan struct{}
	timeout  time.Duration
	now      func() time.Time
	observe  func(ctx context.Context, operation string, took time.Duration, unavailable bool)
}

// dialect is the kind of database.
type dialect string

const (
	sqliteDialect   dialect = "sqlite"
	postgresDialect dialect = "postgres"
)

// Open prepares a store. It doesn't connect, so it works while the database is down. Errors: invalid options; a directory or file
// that can't be created; [ErrNoDatabase]. Call [Store.Migrate] before anything else.
func Open(o Options) (*Store, error) {
	s := &Store{totals: newTotals(), changing: make(chan struct{}, changingMax), timeout: o.Timeout, now: o.Now, observe: o.Observe}
	if s.observe == nil {
		s.observe = func(context.Context, string, time.Duration, bool) {}
	}
	if s.timeout == 0 {
		s.timeout = timeoutDefault
	}
	if s.now == nil {
		s.now = time.Now
	}
	if o.MaxConns == 0 {
		o.MaxConns = maxConnsDefault
	}
	config := &gorm.Config{
		Logger: statementLog{o.Logger}, SkipDefaultTransaction: true, DisableAutomaticPing: true, DisableNestedTransaction: true,
		QueryFields: true, // otherwise a column added by a later version would change the result of a prepared SELECT *, which PostgreSQL rejects
	}
	var err error
	switch scheme, rest, _ := strings.Cut(o.URL, "://"); scheme {
	case "sqlite":
		err = s.openSQLite(rest, o, config)
	case "postgres", "postgresql":
		err = s.openPostgreSQL(o, config)
	default:
		err = errors.New("the database URL must start with sqlite://, postgres:// or postgresql://")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for running statements and closes all connections.
func (s *Store) Close() error {
	var failures []error
	for _, pool := range s.pools {
		failures = append(failures, pool.Close())
	}
	return errors.Join(failures...)
}

// Pools returns the connection pools by name.
func (s *Store) Pools() map[string]*sql.DB {
	if len(s.pools) == 1 {
		return map[string]*sql.DB{"all": s.pools[0]}
	}
	return map[string]*sql.DB{"writer": s.pools[0], "reader": s.pools[1]}
}

// Ping reports whether the store can do its work. On PostgreSQL it reads the log's head. On SQLite it also takes the write lock
// for an instant, since a lock that another process holds on to would block every change. Errors: [apikey.ErrUnavailable]; others
// if the schema is missing.
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, func(t tx) error {
		if s.dialect == postgresDialect {
			_, err := t.headRow()
			return err
		}
		return t.db.Transaction(func(db *gorm.DB) error {
			_, err := s.tx(db).headRow()
			return err
		})
	})
}

// applicationNameMax is how much of an application_name PostgreSQL keeps, in bytes.
const applicationNameMax = 63

// Others returns how many connections to PostgreSQL the stores of other processes have. The server is slow to notice that a
// process has ended, so Others looks again and again for a second, and returns 0 as soon as there are none. A pooler may keep the
// connections of a process that has ended for much longer, or hide them. Others is for a store opened with Alone; on SQLite it
// returns 0. Errors: [apikey.ErrUnavailable]; the URL has an application_name that PostgreSQL would not keep unchanged.
func (s *Store) Others(ctx context.Context) (count int64, err error) {
	if s.dialect == sqliteDialect {
		return 0, nil
	}
	if len(s.name) > applicationNameMax || strings.ContainsFunc(s.name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return 0, fmt.Errorf("can't tell whether others are connected: application_name must have at most %d bytes of printable ASCII", applicationNameMax)
	}
	const looks = 10
	again := time.NewTicker(aloneTimeout / looks)
	defer again.Stop()
	for range looks {
		err := s.read(ctx, func(t tx) error {
			return t.db.Raw("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = ?", s.name).Scan(&count).Error
		})
		if err != nil || count == 0 {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-again.C:
		}
	}
	return count, nil
}

func (s *Store) openSQLite(path string, o Options, config *gorm.Config) error {
	if !ValidPath(path) {
		return fmt.Errorf("the database URL must be sqlite:// and the path of a file, without parameters; its path is %q", path)
	}
	place := makePlace
	if o.Existing {
		place = findPlace
	}
	err := place(path)
	if err != nil {
		return err
	}
	s.dialect = sqliteDialect
	busy := fmt.Sprintf("busy_timeout(%d)", s.timeout.Milliseconds())
	// With synchronous=FULL a commit is on disk before it is acknowledged, even in WAL mode, which Migrate sets for the file.
	writing := url.Values{"_pragma": {busy, "foreign_keys(1)", "synchronous(FULL)"}, "_txlock": {"immediate"}}
	if o.Alone {
		// In WAL mode every open connection holds a shared lock, so exclusive locking succeeds only if there is no other
		// connection.
		writing["_pragma"] = append([]string{fmt.Sprintf("busy_timeout(%d)", aloneTimeout.Milliseconds()), "locking_mode(EXCLUSIVE)"}, writing["_pragma"][1:]...)
		s.writer, err = s.openSQLitePool(path, writing, 1, config)
		s.reader = s.writer
		return err
	}
	reading := url.Values{"_pragma": {busy, "query_only(1)"}}
	if s.writer, err = s.openSQLitePool(path, writing, 1, config); err != nil {
		return err
	}
	s.reader, err = s.openSQLitePool(path, reading, max(4, runtime.NumCPU()), config)
	return err
}

// ValidPath reports whether what follows sqlite:// can be the path of a database. Parameters are not accepted, because they would
// have no effect.
func ValidPath(path string) bool { return path != "" && !strings.ContainsAny(path, "?#\x00") }

// makePlace creates the file of a database and its directory, unless they exist.
func makePlace(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create the database's directory: %w", err)
	}
	if err := createPrivately(path); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// findPlace looks for the file of a database. An empty file is what an interrupted start leaves behind.
func findPlace(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return fmt.Errorf("%s: %w", path, ErrNoDatabase)
	}
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory", path)
	}
	return err
}

// createPrivately creates the file, unless it exists. SQLite would make it readable for everybody; its companions (-wal, -shm)
// get the same mode as the file. An existing file is not even opened: closing it again would release the locks that another
// connection of this process holds on it (https://sqlite.org/howtocorrupt.html, section 2.2).
func createPrivately(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory", path)
	}
	if err == nil {
		return nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	return file.Close()
}

func (s *Store) openSQLitePool(path string, parameters url.Values, conns int, config *gorm.Config) (*gorm.DB, error) {
	pool, err := openFile(path, parameters)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	s.pools = append(s.pools, pool)
	db, err := gorm.Open(lazySQLite{Dialector: sqlite.Dialector{DriverName: "sqlite"}, pool: pool}, config)
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	return db, nil
}

func openFile(path string, parameters url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: parameters.Encode()}
	pool, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	return pool, nil
}

// syncFolder makes what was created or renamed in a folder survive a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// lazySQLite is GORM's SQLite dialect on a pool that stays untouched until it is used. The dialect queries the library's version
// when it is initialised, and a database that is locked at that moment would not answer. The library is linked in, so an empty
// in-memory database gives the same answer.
type lazySQLite struct {
	sqlite.Dialector
	pool *sql.DB
}

// Initialize implements gorm.Dialector.
func (d lazySQLite) Initialize(db *gorm.DB) error {
	probe, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	d.Conn = probe
	err = d.Dialector.Initialize(db)
	db.ConnPool = d.pool
	return errors.Join(err, probe.Close())
}

// openPostgreSQL restricts itself to what also works through a pooler that assigns a connection to each transaction: nothing is
// kept in the session, except prepared statements if there is no pooler; see [tx.prepared]. All other statements are neither
// prepared nor described beforehand ("exec"), so each is planned for its own values, and plan_cache_mode, which such a pooler may
// reject as a parameter, doesn't matter. Contexts provide the timeouts: when one ends, pgx asks the server to cancel the
// statement.
func (s *Store) openPostgreSQL(o Options, config *gorm.Config) error {
	if o.MaxConns < 2 {
		return fmt.Errorf("at least 2 connections to PostgreSQL are needed, not %d", o.MaxConns)
	}
	conn, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return fmt.Errorf("read the database URL: %w", err)
	}
	conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = preparedMax, 0
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout(conn, min(s.timeout, timeoutDefault))
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "apikeys"
	}
	s.name = conn.RuntimeParams["application_name"]
	if o.Alone {
		conn.RuntimeParams["application_name"] = "alone: " + s.name
	}
	pool := stdlib.OpenDB(*conn, stdlib.OptionAfterConnect(s.noticePooler))
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(30 * time.Minute) // so that replicas spread over servers that were added behind the same name
	s.dialect, s.pools = postgresDialect, []*sql.DB{pool}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), config)
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	s.writer, s.reader = db, db
	return nil
}

// connectTimeout divides the time of a call among the hosts of a URL, which are tried one after another: a host that doesn't
// respond at all, such as a machine that died, must leave time for the next one and for the call. One more share is left for the
// second address of a name.
func connectTimeout(conn *pgx.ConnConfig, call time.Duration) time.Duration {
	type host struct {
		name string
		port uint16
	}
	hosts := map[host]bool{{conn.Host, conn.Port}: true}
	for _, next := range conn.Fallbacks { // these include the same host without TLS
		hosts[host{next.Host, next.Port}] = true
	}
	return call / time.Duration(len(hosts)+1)
}
