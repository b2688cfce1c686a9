package sqlstore

import (
	"context"
	"fmt"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

// operatorRow is a row of operator.
type operatorRow struct {
	ID                string  `gorm:"column:id;primaryKey"`
	TenancyID         string  `gorm:"column:tenancy_id"`
	Email             string  `gorm:"column:email"`
	Role              string  `gorm:"column:role"`
	PasswordHash      string  `gorm:"column:password_hash"`
	SessionGeneration int64   `gorm:"column:session_generation"`
	Created           instant `gorm:"column:created_at"`
	Updated           instant `gorm:"column:updated_at"`
}

// TableName implements schema.Tabler.
func (operatorRow) TableName() string { return "operator" }

func newOperatorRow(o operator.Operator) operatorRow {
	return operatorRow{
		ID: o.ID, TenancyID: o.TenancyID, Email: o.Email, Role: string(o.Role), PasswordHash: o.PasswordHash,
		SessionGeneration: o.SessionGeneration, Created: newInstant(o.CreatedAt), Updated: newInstant(o.UpdatedAt),
	}
}

func (r operatorRow) operator() (operator.Operator, error) {
	role := operator.Role(r.Role)
	if !role.Valid() {
		return operator.Operator{}, fmt.Errorf("stored operator %s: unknown role %q", r.ID, r.Role)
	}
	return operator.Operator{
		ID: r.ID, TenancyID: r.TenancyID, Email: r.Email, Role: role, PasswordHash: r.PasswordHash,
		SessionGeneration: r.SessionGeneration, CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(),
	}, nil
}

// operator reads one operator. Errors: [operator.ErrNotFound].
func (t tx) operator(where, value string) (operator.Operator, error) {
	var row operatorRow
	if err := t.db.Where(where, value).Take(&row).Error; err != nil {
		return operator.Operator{}, absent(err, operator.ErrNotFound, "read operator")
	}
	return row.operator()
}

// operatorRefused says why a statement on an operator failed.
func operatorRefused(id string, err error) error {
	switch {
	case err == nil:
		return nil
	case isUniqueViolation(err, "operator_email"):
		return operator.ErrEmailTaken
	case isMissingReference(err):
		return operator.ErrNotFound
	default:
		return fmt.Errorf("store operator %s: %w", id, err)
	}
}

// CreateOperator implements [operator.Store].
func (s *Store) CreateOperator(ctx context.Context, o operator.Operator, event eventlog.Draft) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		row := newOperatorRow(o)
		return &event, operatorRefused(o.ID, t.db.Create(&row).Error)
	})
}

// OperatorByEmail implements [operator.Store].
func (s *Store) OperatorByEmail(ctx context.Context, email string) (operator.Operator, error) {
	return s.findOperator(ctx, "email = ?", email)
}

// OperatorByID implements [operator.Store].
func (s *Store) OperatorByID(ctx context.Context, id string) (operator.Operator, error) {
	return s.findOperator(ctx, "id = ?", id)
}

func (s *Store) findOperator(ctx context.Context, where, value string) (operator.Operator, error) {
	var found operator.Operator
	err := s.read(ctx, func(t tx) error {
		var err error
		found, err = t.operator(where, value)
		return err
	})
	return found, err
}

// UpdateOperator implements [operator.Store].
func (s *Store) UpdateOperator(
	ctx context.Context, id string, change func(operator.Operator) (operator.Operator, eventlog.Draft, error),
) (operator.Operator, error) {
	var result operator.Operator
	err := s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		old, err := t.operator("id = ?", id)
		if err != nil {
			return nil, err
		}
		changed, event, err := change(old)
		if err != nil {
			return nil, callerError{err}
		}
		changed.ID, changed.TenancyID, changed.CreatedAt = old.ID, old.TenancyID, old.CreatedAt
		result = changed
		updated := t.db.Model(&operatorRow{}).Where("id = ?", id).
			Select("email", "role", "password_hash", "session_generation", "updated_at").Updates(newOperatorRow(changed))
		return &event, operatorRefused(id, updated.Error)
	})
	if err != nil {
		return operator.Operator{}, err
	}
	return result, nil
}

// AnyOperator implements [operator.Store].
func (s *Store) AnyOperator(ctx context.Context) (bool, error) {
	var ids []string
	err := s.read(ctx, func(t tx) error {
		if err := t.db.Model(&operatorRow{}).Limit(1).Pluck("id", &ids).Error; err != nil {
			return fmt.Errorf("look for an operator: %w", err)
		}
		return nil
	})
	return len(ids) > 0, err
}
