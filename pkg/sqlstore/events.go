package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

var _ eventlog.Log = (*Store)(nil)

// eventRow is a row of event.
type eventRow struct {
	Seq         int64   `gorm:"column:seq;primaryKey;autoIncrement:false"`
	At          instant `gorm:"column:at"`
	TenancyID   string  `gorm:"column:tenancy_id"`
	Action      string  `gorm:"column:action"`
	ActorKind   string  `gorm:"column:actor_kind"`
	ActorID     string  `gorm:"column:actor_id"`
	ActorName   string  `gorm:"column:actor_name"`
	IP          string  `gorm:"column:ip"`
	UserAgent   string  `gorm:"column:user_agent"`
	RequestID   string  `gorm:"column:request_id"`
	SubjectKind string  `gorm:"column:subject_kind"`
	SubjectID   string  `gorm:"column:subject_id"`
	Before      *string `gorm:"column:state_before"`
	After       *string `gorm:"column:state_after"`
	// The revocation; all NULL if there is none.
	RevokedClientID   *string `gorm:"column:revoked_client_id"`
	RevokedGeneration *int64  `gorm:"column:revoked_generation"`
	RevokedTokenID    *string `gorm:"column:revoked_jti"`
	RevokedExpiresAt  instant `gorm:"column:revoked_expires_at"`
	PrevHash          []byte  `gorm:"column:prev_hash"`
	Hash              []byte  `gorm:"column:hash"`
}

// TableName implements schema.Tabler.
func (eventRow) TableName() string { return "event" }

func newEventRow(e eventlog.Event) eventRow {
	row := eventRow{
		Seq: e.Seq, At: newInstant(e.At), TenancyID: e.TenancyID, Action: string(e.Action),
		ActorKind: string(e.Actor.Kind), ActorID: e.Actor.ID, ActorName: e.Actor.Name,
		IP: e.Origin.IP, UserAgent: e.Origin.UserAgent, RequestID: e.Origin.RequestID,
		SubjectKind: string(e.Subject.Kind), SubjectID: e.Subject.ID,
		Before: orNull(string(e.Before)), After: orNull(string(e.After)), PrevHash: e.PrevHash, Hash: e.Hash,
	}
	if r := e.Revokes; r != nil {
		row.RevokedClientID, row.RevokedTokenID, row.RevokedExpiresAt = &r.ClientID, orNull(r.TokenID), newInstant(r.ExpiresAt)
		row.RevokedGeneration = orNull(r.Generation)
	}
	return row
}

// event maps the row unchecked: tolerating kinds and actions that this version doesn't know is up to readers, and tampering is
// found by verifying the chain.
func (r eventRow) event() eventlog.Event {
	e := eventlog.Event{
		Draft: eventlog.Draft{
			At: r.At.time(), TenancyID: r.TenancyID, Action: eventlog.Action(r.Action),
			Actor:   eventlog.Actor{Kind: eventlog.ActorKind(r.ActorKind), ID: r.ActorID, Name: r.ActorName},
			Origin:  eventlog.Origin{IP: r.IP, UserAgent: r.UserAgent, RequestID: r.RequestID},
			Subject: eventlog.Subject{Kind: eventlog.SubjectKind(r.SubjectKind), ID: r.SubjectID},
			Before:  rawJSON(r.Before), After: rawJSON(r.After),
		},
		Seq: r.Seq, PrevHash: r.PrevHash, Hash: r.Hash,
	}
	// Any of these columns makes a revocation, so that the hash covers each of them.
	if r.RevokedClientID != nil || r.RevokedGeneration != nil || r.RevokedTokenID != nil || r.RevokedExpiresAt != 0 {
		e.Revokes = &eventlog.Revocation{
			ClientID: valueOf(r.RevokedClientID), Generation: valueOf(r.RevokedGeneration), TokenID: valueOf(r.RevokedTokenID),
			ExpiresAt: r.RevokedExpiresAt.time(),
		}
	}
	return e
}

// After implements [eventlog.Log].
func (s *Store) After(ctx context.Context, seq int64, limit int) ([]eventlog.Event, error) {
	var rows []eventRow
	err := s.read(ctx, func(t tx) error {
		if err := t.db.Where("seq > ?", seq).Order("seq").Limit(limit).Find(&rows).Error; err != nil {
			return fmt.Errorf("read the log after %d: %w", seq, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	events := make([]eventlog.Event, len(rows))
	for i, row := range rows {
		events[i] = row.event()
	}
	return events, nil
}

// Head implements [eventlog.Log].
func (s *Store) Head(ctx context.Context) (eventlog.Head, error) {
	row, err := readOne(ctx, s, tx.headRow)
	return row.head(), err
}

// RecordEvent implements [operator.Store].
func (s *Store) RecordEvent(ctx context.Context, event eventlog.Draft) error {
	return s.change(ctx, func(tx) (*eventlog.Draft, error) { return &event, nil })
}

func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// orNull returns nil for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func rawJSON(s *string) json.RawMessage {
	if s == nil {
		return nil
	}
	return json.RawMessage(*s)
}
