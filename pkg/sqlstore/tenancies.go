package sqlstore

import (
	"context"
	"fmt"

	"gorm.io/gorm/clause"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

var _ operator.Store = (*Store)(nil)

// tenancyRow is a row of tenancy.
type tenancyRow struct {
	ID      string  `gorm:"column:id;primaryKey"`
	Name    string  `gorm:"column:name"`
	Created instant `gorm:"column:created_at"`
}

// TableName implements schema.Tabler.
func (tenancyRow) TableName() string { return "tenancy" }

func (r tenancyRow) tenancy() operator.Tenancy {
	return operator.Tenancy{ID: r.ID, Name: r.Name, CreatedAt: r.Created.time()}
}

// CreateTenancy implements [operator.Store].
func (s *Store) CreateTenancy(ctx context.Context, tenancy operator.Tenancy, event eventlog.Draft) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		row := tenancyRow{ID: tenancy.ID, Name: tenancy.Name, Created: newInstant(tenancy.CreatedAt)}
		stored := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if stored.Error != nil {
			return nil, fmt.Errorf("store tenancy %s: %w", tenancy.ID, stored.Error)
		}
		if stored.RowsAffected == 0 {
			return nil, operator.ErrTenancyExists
		}
		return &event, nil
	})
}

// Tenancy implements [operator.Store].
func (s *Store) Tenancy(ctx context.Context, id string) (operator.Tenancy, error) {
	var row tenancyRow
	err := s.read(ctx, func(t tx) error {
		if err := t.db.Where("id = ?", id).Take(&row).Error; err != nil {
			return absent(err, operator.ErrNotFound, "read tenancy "+id)
		}
		return nil
	})
	if err != nil {
		return operator.Tenancy{}, err
	}
	return row.tenancy(), nil
}

// Tenancies implements [operator.Store].
func (s *Store) Tenancies(ctx context.Context) ([]operator.Tenancy, error) {
	var rows []tenancyRow
	err := s.read(ctx, func(t tx) error {
		if err := t.db.Order("created_at, id").Find(&rows).Error; err != nil {
			return fmt.Errorf("list tenancies: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tenancies := make([]operator.Tenancy, len(rows))
	for i, row := range rows {
		tenancies[i] = row.tenancy()
	}
	return tenancies, nil
}
