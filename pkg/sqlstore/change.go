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

// tx is the database as the body of one call sees it; the statements of each resource are its methods. It is bound to the
// call's context and timeout.
type tx struct {
	db      *gorm.DB
	dialect dialect
	pooled  *atomic.Bool // of the store
}

// tx returns the database for the body of a call.
func (s *Store) tx(db *gorm.DB) tx { return tx{db, s.dialect, &s.pooled} }

// errUnchanged rolls back a transaction that has nothing to write.
var errUnchanged = errors.New("nothing to write")

// change runs one change with its event: in one transaction it locks the log's head, looks whether the context's authority still
// holds, runs body, appends the event that body drafted, and moves the head. Because the head stays locked until the commit,
// changes happen one after another, sequence numbers have no gaps, and an event is visible only after all before it. When body
// drafts no event, or fails, everything is rolled back.
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

// write runs body on the writer without a transaction, for what is no change in the log's sense.
func (s *Store) write(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "write", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return outcome(ctx, body(s.tx(s.writer.WithContext(limited))))
}

// writeAll runs body on the writer in a transaction, for several statements that are no change in the log's sense.
func (s *Store) writeAll(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "write-all", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return outcome(ctx, s.transaction(limited, body))
}

// changingMax is how many changes of one process are with the database at a time: one that has the log's head, and one that waits
// for it and goes on at once. Others wait here. Were they all in the database's queue when the process is stopped, each would get
// the head in turn and keep it for [idleMax].
const changingMax = 2

// idleMax is how long a process may leave a transaction that writes alone. Its statements follow each other within
// milliseconds, unless the process was stopped; its locks, first of all that of the log's head, would hold up every other
// replica until it goes on.
const idleMax = time.Second

// transaction runs body on the writer in a transaction. On PostgreSQL the server ends it, and the connection, when this
// process doesn't go on with it for [idleMax]. The setting is the transaction's and not the session's, which behind a pooler
// belongs to others as well.
func (s *Store) transaction(ctx context.Context, body func(tx) error) error {
	return s.writer.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		if s.dialect == postgresDialect {
			limit := fmt.Sprintf("SET LOCAL idle_in_transaction_session_timeout = %d", idleMax.Milliseconds())
			if err := db.Exec(limit).Error; err != nil {
				return fmt.Errorf("limit the transaction: %w", err)
			}
		}
		return body(s.tx(db))
	})
}

// read runs body, which makes one statement, on a reader.
func (s *Store) read(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "read", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return outcome(ctx, body(s.tx(s.reader.WithContext(limited))))
}

// readOne is [Store.read] of what body returns.
func readOne[T any](ctx context.Context, s *Store, body func(tx) (T, error)) (result T, err error) {
	err = s.read(ctx, func(t tx) (err error) {
		result, err = body(t)
		return err
	})
	return result, err
}

// snapshot runs body on a reader, and all its statements see the database as it is at one moment.
func (s *Store) snapshot(ctx context.Context, body func(tx) error) (err error) {
	defer s.observed(ctx, "snapshot", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.reader.WithContext(limited).Transaction(func(db *gorm.DB) error {
		return body(s.tx(db))
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	return outcome(ctx, err)
}

// observed tells how a call went that started then, by the machine's clock: it is about this very machine.
func (s *Store) observed(ctx context.Context, operation string, started time.Time, err *error) {
	s.observe(ctx, operation, time.Since(started), errors.Is(*err, apikey.ErrUnavailable))
}

// headRow is the single row of log_head.
type headRow struct {
	ID   int64  `gorm:"column:id;primaryKey;autoIncrement:false"`
	Seq  int64  `gorm:"column:seq"`
	Hash []byte `gorm:"column:hash"`
	// FeedBase makes a position of the revocation feed of one of the log.
	FeedBase int64 `gorm:"column:feed_base"`
	// StatusIndexes is the highest place in the status lists that was given out.
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

// lockHead reads the head and locks it until the transaction ends. On SQLite the transaction has locked the whole database
// when it began, and GORM leaves the clause out.
func (t tx) lockHead() (headRow, error) {
	t.db = t.db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	return t.headRow()
}

// appendEvent stores the event and makes it the head.
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
