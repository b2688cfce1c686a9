package sqlstore

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// usesPerStatement bounds how long a statement takes.
const usesPerStatement = 1000

// mark is the latest use of one key or one secret.
type mark struct {
	id string
	at time.Time
	ip string
}

// recordUses moves the last-used marks forward: a statement for the batch's keys and one for its secrets.
func (t tx) recordUses(uses []usage.Use) error {
	keys := latest(uses, func(u usage.Use) mark { return mark{u.ClientID, u.At, u.IP} })
	for batch := range slices.Chunk(keys, usesPerStatement) {
		if err := t.moveMarks("key_use", "client_id", "last_used_at = n.at", batch); err != nil {
			return err
		}
	}
	secrets := latest(uses, func(u usage.Use) mark { return mark{u.SecretID, u.At, u.IP} })
	for batch := range slices.Chunk(secrets, usesPerStatement) {
		err := t.moveMarks("client_secret", "id", "last_used_at = n.at, last_used_ip = n.ip", batch)
		if err != nil {
			return err
		}
	}
	return nil
}

// latest returns the newest mark of each id, ordered by id.
func latest(uses []usage.Use, of func(usage.Use) mark) []mark {
	newest := make(map[string]mark, len(uses))
	for _, u := range uses {
		m := of(u)
		if old, ok := newest[m.id]; !ok || old.at.Before(m.at) {
			newest[m.id] = m
		}
	}
	marks := make([]mark, 0, len(newest))
	for _, m := range newest {
		marks = append(marks, m)
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Compare(a.id, b.id) })
	return marks
}

// moveMarks sets the marks of a table's rows forward. The names are this file's own.
func (t tx) moveMarks(table, id, assignments string, marks []mark) error {
	rows := make([][]any, len(marks))
	for i, m := range marks {
		rows[i] = []any{m.id, m.at.UnixMicro(), m.ip}
	}
	err := t.execNoted(rows, []notedColumn{{"id", "TEXT"}, {"at", "BIGINT"}, {"ip", "TEXT"}}, fmt.Sprintf("UPDATE %[1]s SET %[2]s FROM noted n "+
		"WHERE %[1]s.%[3]s = n.id AND (%[1]s.last_used_at IS NULL OR %[1]s.last_used_at < n.at)", table, assignments, id))
	if err != nil {
		return fmt.Errorf("record %d uses in %s: %w", len(marks), table, err)
	}
	return nil
}
