package sqlstore

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/piercloud/apikeys/pkg/apikey"
)

// answerRow is a row of idempotency_answer.
type answerRow struct {
	Caller         string  `gorm:"column:caller;primaryKey"`
	IdempotencyKey string  `gorm:"column:idempotency_key;primaryKey"`
	RequestDigest  []byte  `gorm:"column:request_digest"`
	Sealed         []byte  `gorm:"column:sealed"`
	Created        instant `gorm:"column:created_at"`
}

// TableName implements schema.Tabler.
func (answerRow) TableName() string { return "idempotency_answer" }

// insertAnswer stores an answer. Errors: [apikey.ErrAnswered].
func (t tx) insertAnswer(a apikey.Answer) error {
	row := answerRow{a.Caller, a.IdempotencyKey, a.RequestDigest[:], a.Sealed, newInstant(a.CreatedAt)}
	inserted := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if inserted.Error != nil {
		return fmt.Errorf("keep an answer: %w", inserted.Error)
	}
	if inserted.RowsAffected == 0 {
		return apikey.ErrAnswered
	}
	return nil
}

// Answer implements [apikey.Store].
func (s *Store) Answer(ctx context.Context, caller, idempotencyKey string, notBefore time.Time) (apikey.Answer, error) {
	var answer apikey.Answer
	err := s.read(ctx, func(t tx) error {
		var row answerRow
		err := t.db.Where("caller = ? AND idempotency_key = ? AND created_at >= ?", caller, idempotencyKey, notBefore.UnixMicro()).
			Take(&row).Error
		if err != nil {
			return absent(err, apikey.ErrNotFound, "read an answer")
		}
		answer, err = row.answer()
		return err
	})
	return answer, err
}

func (r answerRow) answer() (apikey.Answer, error) {
	digest, err := newDigest(r.RequestDigest)
	if err != nil {
		return apikey.Answer{}, fmt.Errorf("stored answer: %w", err)
	}
	return apikey.Answer{
		Caller: r.Caller, IdempotencyKey: r.IdempotencyKey, RequestDigest: digest, Sealed: r.Sealed, CreatedAt: r.Created.time(),
	}, nil
}

// answerBatch is how many answers one transaction reads, and perhaps reseals one by one. It is small enough to finish within the
// time limit of a call even if the database is far away, and not to hold up others who write to SQLite meanwhile.
const answerBatch = 100

// answersAfter returns the answers that follow last, at most [answerBatch].
func (t tx) answersAfter(last answerRow) ([]answerRow, error) {
	var rows []answerRow
	err := t.db.Where("(caller, idempotency_key) > (?, ?)", last.Caller, last.IdempotencyKey).
		Order("caller, idempotency_key").Limit(answerBatch).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read answers: %w", err)
	}
	return rows, nil
}

// eachAnswer runs visit with every answer, with one call per batch.
func (s *Store) eachAnswer(ctx context.Context, call func(context.Context, func(tx) error) error, visit func(tx, answerRow) error) error {
	var last answerRow
	for {
		var rows []answerRow
		err := call(ctx, func(t tx) (err error) {
			if rows, err = t.answersAfter(last); err != nil {
				return err
			}
			for _, row := range rows {
				if err := visit(t, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(rows) < answerBatch {
			return err
		}
		last = rows[len(rows)-1]
	}
}

// EachAnswer implements [apikey.Store].
func (s *Store) EachAnswer(ctx context.Context, visit func(apikey.Answer) error) error {
	return s.eachAnswer(ctx, s.read, func(_ tx, row answerRow) error {
		answer, err := row.answer()
		if err != nil {
			return err
		}
		if err := visit(answer); err != nil {
			return callerError{err}
		}
		return nil
	})
}

// ResealAnswers implements [apikey.Store].
func (s *Store) ResealAnswers(ctx context.Context, reseal func(apikey.Answer) ([]byte, error)) (resealed int, err error) {
	changed := 0
	commit := func(ctx context.Context, body func(tx) error) error {
		changed = 0
		err := s.writeAll(ctx, body)
		if err == nil {
			resealed += changed
		}
		return err
	}
	err = s.eachAnswer(ctx, commit, func(t tx, row answerRow) error {
		ok, err := t.resealAnswer(row, reseal)
		if ok {
			changed++
		}
		return err
	})
	return resealed, err
}

func (t tx) resealAnswer(row answerRow, reseal func(apikey.Answer) ([]byte, error)) (bool, error) {
	answer, err := row.answer()
	if err != nil {
		return false, err
	}
	fresh, err := reseal(answer)
	if err != nil {
		return false, callerError{err}
	}
	if fresh == nil {
		return false, nil
	}
	if err := t.db.Model(&row).Update("sealed", fresh).Error; err != nil {
		return false, fmt.Errorf("reseal an answer: %w", err)
	}
	return true, nil
}

// PurgeAnswers implements [apikey.Store].
func (s *Store) PurgeAnswers(ctx context.Context, before time.Time) error {
	return s.write(ctx, func(t tx) error {
		if err := t.db.Where("created_at < ?", before.UnixMicro()).Delete(&answerRow{}).Error; err != nil {
			return fmt.Errorf("purge answers: %w", err)
		}
		return nil
	})
}
