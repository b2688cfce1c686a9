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
	Status            string  `gorm:"column:status"`
	PasswordHash      string  `gorm:"column:password_hash"`
	LinkDigest        []byte  `gorm:"column:link_digest"`
	LinkExpires       instant `gorm:"column:link_expires_at"`
	IdentityIssuer    *string `gorm:"column:identity_issuer"`
	IdentitySubject   *string `gorm:"column:identity_subject"`
	SessionGeneration int64   `gorm:"column:session_generation"`
	Created           instant `gorm:"column:created_at"`
	Updated           instant `gorm:"column:updated_at"`
}

// TableName implements schema.Tabler.
func (operatorRow) TableName() string { return "operator" }

func newOperatorRow(o operator.Operator) operatorRow {
	var link []byte
	if o.Link != (operator.Link{}) {
		link = o.Link.Digest[:]
	}
	row := operatorRow{
		ID: o.ID, TenancyID: o.TenancyID, Email: o.Email, Role: string(o.Role), Status: string(o.Status),
		PasswordHash: o.PasswordHash, LinkDigest: link, LinkExpires: newInstant(o.Link.ExpiresAt),
		SessionGeneration: o.SessionGeneration, Created: newInstant(o.CreatedAt), Updated: newInstant(o.UpdatedAt),
	}
	if o.Identity != (operator.Identity{}) {
		row.IdentityIssuer, row.IdentitySubject = &o.Identity.Issuer, &o.Identity.Subject
	}
	return row
}

func (r operatorRow) operator() (operator.Operator, error) {
	role := operator.Role(r.Role)
	if !role.Valid() {
		return operator.Operator{}, fmt.Errorf("stored operator %s: unknown role %q", r.ID, r.Role)
	}
	status := operator.Status(r.Status)
	if status != operator.Active && status != operator.Deactivated {
		return operator.Operator{}, fmt.Errorf("stored operator %s: unknown status %q", r.ID, r.Status)
	}
	var link operator.Link
	if r.LinkDigest != nil {
		digest, err := newDigest(r.LinkDigest)
		if err != nil {
			return operator.Operator{}, fmt.Errorf("stored operator %s: %w", r.ID, err)
		}
		link = operator.Link{Digest: digest, ExpiresAt: r.LinkExpires.time()}
	}
	var identity operator.Identity
	if r.IdentityIssuer != nil && r.IdentitySubject != nil {
		identity = operator.Identity{Issuer: *r.IdentityIssuer, Subject: *r.IdentitySubject}
	}
	return operator.Operator{
		ID: r.ID, TenancyID: r.TenancyID, Email: r.Email, Role: role, Status: status, PasswordHash: r.PasswordHash,
		Link: link, Identity: identity,
		SessionGeneration: r.SessionGeneration, CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(),
	}, nil
}

// operator reads one operator. Errors: [operator.ErrNotFound].
func (t tx) operator(where string, values ...any) (operator.Operator, error) {
	var row operatorRow
	if err := t.db.Where(where, values...).Take(&row).Error; err != nil {
		return operator.Operator{}, absent(err, operator.ErrNotFound, "read operator")
	}
	return row.operator()
}

// operatorRefused turns the error of a statement that stores an operator into the domain's.
func operatorRefused(id string, err error) error {
	switch {
	case err == nil:
		return nil
	case isUniqueViolation(err, "operator_email"), isUniqueViolation(err, "operator_identity"):
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

func (s *Store) findOperator(ctx context.Context, where string, values ...any) (operator.Operator, error) {
	return readOne(ctx, s, func(t tx) (operator.Operator, error) { return t.operator(where, values...) })
}

// OperatorByLink implements [operator.Store].
func (s *Store) OperatorByLink(ctx context.Context, digest [32]byte) (operator.Operator, error) {
	return s.findOperator(ctx, "link_digest = ?", digest[:])
}

// OperatorByIdentity implements [operator.Store].
func (s *Store) OperatorByIdentity(ctx context.Context, i operator.Identity) (operator.Operator, error) {
	return s.findOperator(ctx, "identity_issuer = ? AND identity_subject = ?", i.Issuer, i.Subject)
}

// OperatorsOf implements [operator.Store].
func (s *Store) OperatorsOf(ctx context.Context, tenancyID string, limit int) ([]operator.Operator, error) {
	var rows []operatorRow
	err := s.read(ctx, func(t tx) error {
		order := "email"
		if t.dialect == postgresDialect {
			order = `email COLLATE "C"` // the column has another collation
		}
		if err := t.db.Where("tenancy_id = ?", tenancyID).Order(order).Limit(limit).Find(&rows).Error; err != nil {
			return fmt.Errorf("list operators: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	operators := make([]operator.Operator, len(rows))
	for i, row := range rows {
		if operators[i], err = row.operator(); err != nil {
			return nil, err
		}
	}
	return operators, nil
}

// operatorToChange reads an operator, and whether its tenancy has another who can manage operators. The log's head is locked, so
// neither can change before the transaction ends.
func (t tx) operatorToChange(id string) (o operator.Operator, otherAdmin bool, err error) {
	if o, err = t.operator("id = ?", id); err != nil {
		return o, false, err
	}
	var others []string
	err = t.db.Model(&operatorRow{}).
		Where("tenancy_id = ? AND id <> ? AND role = 'admin' AND status = 'active' AND (password_hash <> '' OR identity_subject IS NOT NULL)",
			o.TenancyID, id).
		Limit(1).Pluck("id", &others).Error
	if err != nil {
		return o, false, fmt.Errorf("look for another admin: %w", err)
	}
	return o, len(others) > 0, nil
}

// UpdateOperator implements [operator.Store].
func (s *Store) UpdateOperator(
	ctx context.Context, id string, change func(operator.Operator, bool) (operator.Operator, *eventlog.Draft, error),
) (operator.Operator, error) {
	var result operator.Operator
	err := s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		old, otherAdmin, err := t.operatorToChange(id)
		if err != nil {
			return nil, err
		}
		result = old
		changed, event, err := change(old, otherAdmin)
		if err != nil {
			return nil, callerError{err}
		}
		if event == nil {
			return nil, nil
		}
		changed.ID, changed.TenancyID, changed.CreatedAt = old.ID, old.TenancyID, old.CreatedAt
		result = changed
		updated := t.db.Model(&operatorRow{}).Where("id = ?", id).
			Select("email", "role", "status", "password_hash", "link_digest", "link_expires_at", "identity_issuer", "identity_subject",
				"session_generation", "updated_at").
			Updates(newOperatorRow(changed))
		return event, operatorRefused(id, updated.Error)
	})
	if err != nil {
		return operator.Operator{}, err
	}
	return result, nil
}

// DeleteOperator implements [operator.Store].
func (s *Store) DeleteOperator(ctx context.Context, id string, change func(operator.Operator, bool) (eventlog.Draft, error)) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		old, otherAdmin, err := t.operatorToChange(id)
		if err != nil {
			return nil, err
		}
		event, err := change(old, otherAdmin)
		if err != nil {
			return nil, callerError{err}
		}
		if err := t.db.Where("id = ?", id).Delete(&operatorRow{}).Error; err != nil {
			return nil, fmt.Errorf("delete operator %s: %w", id, err)
		}
		return &event, nil
	})
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
