package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

var _ audit.Store = (*Store)(nil)

// clockSkewMax is how far apart the clocks of replicas may be for a search by time to find every event. Up to this difference,
// the times of events rise with their numbers.
const clockSkewMax = time.Hour

// pruneBatch is how many events one transaction removes, so that it does not block the database for long.
const pruneBatch = 2000

// baseRow is the single row of log_base.
type baseRow struct {
	ID       int64   `gorm:"column:id;primaryKey;autoIncrement:false"`
	Seq      int64   `gorm:"column:seq"`
	Hash     []byte  `gorm:"column:hash"`
	PrunedAt instant `gorm:"column:pruned_at"`
	Proof    string  `gorm:"column:proof"`
}

// TableName implements schema.Tabler.
func (baseRow) TableName() string { return "log_base" }

const baseID = 1

func (t tx) base() (audit.Base, error) {
	var rows []baseRow
	if err := t.db.Where("id = ?", baseID).Limit(1).Find(&rows).Error; err != nil {
		return audit.Base{}, fmt.Errorf("read where the log begins: %w", err)
	}
	if len(rows) == 0 {
		return audit.Base{Head: eventlog.EmptyHead()}, nil
	}
	r := rows[0]
	return audit.Base{Head: eventlog.Head{Seq: r.Seq, Hash: r.Hash}, PrunedAt: r.PrunedAt.time(), Proof: r.Proof}, nil
}

// Base implements [audit.Store].
func (s *Store) Base(ctx context.Context) (audit.Base, error) {
	return readOne(ctx, s, tx.base)
}

// SetBase implements [audit.Store].
func (s *Store) SetBase(ctx context.Context, old, next audit.Base, event eventlog.Draft) error {
	return s.change(ctx, func(t tx) (*eventlog.Draft, error) {
		base, err := t.base()
		if err != nil {
			return nil, err
		}
		var last []eventRow
		if err := t.db.Select("hash").Where("seq = ?", next.Seq).Limit(1).Find(&last).Error; err != nil {
			return nil, fmt.Errorf("read event %d: %w", next.Seq, err)
		}
		if base.Seq != old.Seq || len(last) == 0 || !bytes.Equal(last[0].Hash, next.Hash) {
			return nil, audit.ErrMoved
		}
		row := baseRow{ID: baseID, Seq: next.Seq, Hash: next.Hash, PrunedAt: newInstant(next.PrunedAt), Proof: next.Proof}
		replace := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}
		if err := t.db.Clauses(replace).Create(&row).Error; err != nil {
			return nil, fmt.Errorf("store where the log begins: %w", err)
		}
		_, err = t.deletePruned(next.Seq)
		return &event, err
	})
}

// DeletePruned implements [audit.Store].
func (s *Store) DeletePruned(ctx context.Context) (deleted int64, err error) {
	err = s.write(ctx, func(t tx) error {
		base, err := t.base()
		if err == nil {
			deleted, err = t.deletePruned(base.Seq)
		}
		return err
	})
	return deleted, err
}

// deletePruned removes one batch of the oldest events up to seq.
func (t tx) deletePruned(seq int64) (int64, error) {
	removed := t.db.Exec("DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE seq <= ? ORDER BY seq LIMIT ?)", seq, pruneBatch)
	if removed.Error != nil {
		return 0, fmt.Errorf("remove old events: %w", removed.Error)
	}
	return removed.RowsAffected, nil
}

// Events implements [audit.Store].
func (s *Store) Events(ctx context.Context, q audit.Selection) ([]eventlog.Event, error) {
	if len(q.Tenancies) == 0 {
		return nil, nil // nobody's events, and not everybody's
	}
	var rows []eventRow
	err := s.snapshot(ctx, func(t tx) error {
		if err := t.checkAuthority(ctx, s.now()); err != nil {
			return err
		}
		above, below, err := t.seqBounds(q)
		if err != nil || above+1 >= below {
			return err
		}
		statement, values := t.dialect.selectEvents(q, above, below)
		if err := t.db.Raw(statement, values...).Scan(&rows).Error; err != nil {
			return fmt.Errorf("search the log: %w", err)
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

// seqBounds returns the exclusive bounds of the sequence numbers to search: after the base, before the page's end, and within the
// bounds of time. Thus the bounds of time are looked up once instead of being compared with every event.
func (t tx) seqBounds(q audit.Selection) (above, below int64, err error) {
	base, err := t.base()
	if err != nil {
		return 0, 0, err
	}
	above, below = base.Seq, math.MaxInt64
	if q.Before > 0 {
		below = q.Before
	}
	if !q.From.IsZero() {
		var found []int64
		earlier := t.db.Model(&eventRow{}).Where("at < ?", q.From.Add(-clockSkewMax).UnixMicro())
		if err := earlier.Order("at DESC, seq DESC").Limit(1).Pluck("seq", &found).Error; err != nil {
			return 0, 0, fmt.Errorf("look for the first event since a time: %w", err)
		}
		if len(found) > 0 {
			above = max(above, found[0])
		}
	}
	if !q.To.IsZero() {
		var found []int64
		later := t.db.Model(&eventRow{}).Where("at >= ?", q.To.Add(clockSkewMax).UnixMicro())
		if err := later.Order("at, seq").Limit(1).Pluck("seq", &found).Error; err != nil {
			return 0, 0, fmt.Errorf("look for the last event until a time: %w", err)
		}
		if len(found) > 0 {
			below = min(below, found[0])
		}
	}
	return above, below, nil
}

// selectEvents returns the statement that finds a page. Where any of several values will do, each gets its own query, which an
// index answers in order, and the newest of all the results are taken: with an OR the database would sort everything that
// matches.
func (d dialect) selectEvents(q audit.Selection, above, below int64) (statement string, values []any) {
	var common conditions
	common.add("seq > ?", above)
	if below != math.MaxInt64 {
		common.add("seq < ?", below)
	}
	// The bounds of seq have already excluded nearly all other events. PostgreSQL does not know that those conditions and these
	// mean the same: it would expect few events to meet both, and so choose a plan that sorts many. About an expression it makes
	// no such assumption.
	if !q.From.IsZero() {
		common.add("at + 0 >= ?", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		common.add("at + 0 < ?", q.To.UnixMicro())
	}
	index := "event_by_tenancy"
	if q.Kind != "" {
		common.add("subject_kind = ?", string(q.Kind))
		index = "event_by_tenancy_kind"
	}
	if q.Subject != "" {
		common.add("subject_id = ?", q.Subject)
		common.index = "event_by_tenancy_subject"
	}
	branches := []conditions{common}
	for _, alternatives := range [][]condition{
		actedBy(q.Actor), equal("action", q.Actions, "event_by_tenancy_action"), equal("tenancy_id", q.Tenancies, index),
	} {
		branches = distribute(branches, alternatives)
	}

	queries := make([]string, len(branches))
	for i, b := range branches {
		from := "event"
		if d == sqliteDialect {
			// PostgreSQL knows from its statistics which condition is met by the fewest events. SQLite has none and would read
			// all events of the tenancy.
			from += " INDEXED BY " + b.index
		}
		queries[i] = "SELECT * FROM (SELECT * FROM " + from + " WHERE " + strings.Join(b.terms, " AND ") + " ORDER BY seq DESC LIMIT ?) AS newest"
		values = append(append(values, b.values...), q.Limit)
	}
	return strings.Join(queries, " UNION ALL ") + " ORDER BY seq DESC LIMIT ?", append(values, q.Limit)
}

// condition is a condition on a row, with the index that finds the rows that meet it.
type condition struct {
	term   string
	values []any
	index  string
}

// conditions must all be met by a row. The index is that of the condition that the fewest rows meet.
type conditions struct {
	terms  []string
	values []any
	index  string
}

func (c *conditions) add(term string, values ...any) {
	c.terms, c.values = append(c.terms, term), append(c.values, values...)
}

// equal returns a condition for each value that the column may have.
func equal[T ~string](column string, values []T, index string) []condition {
	alternatives := make([]condition, len(values))
	for i, v := range values {
		alternatives[i] = condition{column + " = ?", []any{string(v)}, index}
	}
	return alternatives
}

// actedBy returns the conditions for an actor, given by ID or by name. A matching event meets exactly one of them.
func actedBy(actor string) []condition {
	if actor == "" {
		return nil
	}
	return []condition{
		{"actor_id = ?", []any{actor}, "event_by_tenancy_actor"},
		{"actor_name = ? AND actor_id <> ?", []any{actor, actor}, "event_by_tenancy_actor_name"},
	}
}

// distribute returns each branch once per alternative, or the branches unchanged if there are no alternatives.
func distribute(branches []conditions, alternatives []condition) []conditions {
	if len(alternatives) == 0 {
		return branches
	}
	var all []conditions
	for _, b := range branches {
		for _, a := range alternatives {
			copied := conditions{slices.Clone(b.terms), slices.Clone(b.values), cmp.Or(b.index, a.index)}
			copied.add(a.term, a.values...)
			all = append(all, copied)
		}
	}
	return all
}
