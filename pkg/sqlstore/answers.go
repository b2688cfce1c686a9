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

// insertAnswer keeps an answer. Errors: [apikey.ErrAnswered].
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
		digest, err := newDigest(row.RequestDigest)
		if err != nil {
			return fmt.Errorf("stored answer: %w", err)
		}
		answer = apikey.Answer{
			Caller: row.Caller, IdempotencyKey: row.IdempotencyKey, RequestDigest: digest, Sealed: row.Sealed,
			CreatedAt: row.Created.time(),
		}
		return nil
	})
	return answer, err
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
