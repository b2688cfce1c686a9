package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// tx is the database as seen by the body of one call; the statements of each resource are its methods. It is bound to the call's
// context and timeout.
type tx struct {
	db      *gorm.DB
	dialect dialect
	pooled  *atomic.Bool // the store's field
}

// tx returns the tx for the body of a call.
func (s *Store) tx(db *gorm.DB) tx { return tx{db, s.dialect, &s.pooled} }

// errUnchanged rolls back a transaction that has nothing to write.
var errUnchanged = errors.New("nothing to write")

// change runs one change together with its event: in one transaction it locks the log's head, checks that the context's authority
// is still valid, runs body, appends the event that body drafted, and moves the head. Because the head stays locked until the
// commit, changes happen one after another, sequence numbers have no gaps, and an event becomes visible only after all events
// before it. If body drafts no event, or fails, everything is rolled back.
func (s *Store) change(ctx context.Context, body func(tx) (*eventlog.Draft, error)) (err error) {
	defer s.observed(ctx, "change", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	select {
	case s.changing <- struct{}{}:
		defer func() { <-s.changing }()
	case <-limited.Done():
		return outcome(ctx, limited.Err())
	}
	err = s.transaction(limited, func(t tx) error {
		t = t.prepared()
		head, err := t.lockHead()
		if err != nil {
			return err
		}
		if err := t.checkAuthority(ctx, s.now()); err != nil {
			return err
		}
		draft, err := body(t)
		if err != nil {
			return err
		}
		if draft == nil {
			return errUnchanged
		}
		event, err := draft.Chain(head.head())
		if err != nil {
			return err
		}
		return t.appendEvent(event)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return outcome(ctx, err)
}

// write runs body on the writer without a transaction, for writes that are not recorded in the log.
func (s *Store) write(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "write", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return outcome(ctx, body(s.tx(s.writer.WithContext(limited))))
}

// writeAll runs body on the writer in a transaction, for several statements that write and are not recorded in the log.
func (s *Store) writeAll(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "write-all", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return outcome(ctx, s.transaction(limited, body))
}

// changingMax is how many changes of one process are in the database at a time: one that has locked the log's head, and one that
// waits for the lock and can proceed at once. Others wait in this process. If all of them were queued in the database when the
// process is suspended, each in turn would get the head and hold it for [idleMax].
const changingMax = 2

// idleMax is how long a process may leave a writing transaction idle. The statements of a transaction follow each other within
// milliseconds unless the process is suspended; its locks, above all the one on the log's head, would then block every other
// replica until it resumes.
const idleMax = time.Second

// idleLimit returns the statement after which PostgreSQL ends the transaction once it has been idle for a time.
func idleLimit(after time.Duration) string {
	return fmt.Sprintf("SET LOCAL idle_in_transaction_session_timeout = %d", after.Milliseconds())
}

// transaction runs body on the writer in a transaction. On PostgreSQL the server ends the transaction and the connection if this
// process leaves the transaction idle for [idleMax]. The limit is set for the transaction rather than for the session, because
// behind a pooler others use the session as well.
func (s *Store) transaction(ctx context.Context, body func(tx) error) error {
	return s.writer.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		if s.dialect == postgresDialect {
			if err := db.Exec(idleLimit(idleMax)).Error; err != nil {
				return fmt.Errorf("limit the transaction: %w", err)
			}
		}
		return body(s.tx(db))
	})
}

// read runs body, which executes one statement, on a reader.
func (s *Store) read(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "read", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return outcome(ctx, body(s.tx(s.reader.WithContext(limited))))
}

// readOne is [Store.read] for a body that returns a value.
func readOne[T any](ctx context.Context, s *Store, body func(tx) (T, error)) (result T, err error) {
	err = s.read(ctx, func(t tx) (err error) {
		result, err = body(t)
		return err
	})
	return result, err
}

// snapshot runs body on a reader, and all its statements see the database as of one moment.
func (s *Store) snapshot(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "snapshot", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.reader.WithContext(limited).Transaction(func(db *gorm.DB) error {
		return body(s.tx(db))
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	return outcome(ctx, err)
}

// observed reports the outcome of a call that started at the given time. Durations are measured with the real clock rather than
// the store's, because they are about this machine.
func (s *Store) observed(ctx context.Context, operation string, started time.Time, err *error) {
	s.observe(ctx, operation, time.Since(started), errors.Is(*err, apikey.ErrUnavailable))
}

// headRow is the single row of log_head.
type headRow struct {
	ID   int64  `gorm:"column:id;primaryKey;autoIncrement:false"`
	Seq  int64  `gorm:"column:seq"`
	Hash []byte `gorm:"column:hash"`
	// FeedBase is added to a position in the log to get the position in the revocation feed.
	FeedBase int64 `gorm:"column:feed_base"`
	// StatusIndexes is the highest status list index that has been assigned.
	StatusIndexes int64 `gorm:"column:status_indexes"`
}

// TableName implements schema.Tabler.
func (headRow) TableName() string { return "log_head" }

const headID = 1

func (r headRow) head() eventlog.Head { return eventlog.Head{Seq: r.Seq, Hash: r.Hash} }

func (t tx) headRow() (row headRow, err error) {
	if err := t.db.Where("id = ?", headID).Take(&row).Error; err != nil {
		return headRow{}, fmt.Errorf("read the log's head: %w", err)
	}
	return row, nil
}

// lockHead reads the head and locks it until the transaction ends. On SQLite the transaction has locked the whole database since
// it began, and GORM omits the clause.
func (t tx) lockHead() (headRow, error) {
	t.db = t.db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	return t.headRow()
}

// appendEvent stores the event and makes it the log's head.
func (t tx) appendEvent(e eventlog.Event) error {
	row := newEventRow(e)
	if err := t.db.Create(&row).Error; err != nil {
		return fmt.Errorf("append event %d: %w", e.Seq, err)
	}
	moved := t.db.Model(&headRow{}).Where("id = ?", headID).Updates(map[string]any{"seq": e.Seq, "hash": e.Hash})
	if moved.Error != nil {
		return fmt.Errorf("move the log's head to %d: %w", e.Seq, moved.Error)
	}
	return nil
}
