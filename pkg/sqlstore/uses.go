package sqlstore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// mark is the latest use of one key or one secret.
type mark struct {
	id string
	at time.Time
	ip string
}

// recordUses advances the last-used marks of keys and secrets.
func (t tx) recordUses(uses []usage.Use) error {
	keys := latest(uses, func(u usage.Use) mark { return mark{u.ClientID, u.At, u.IP} })
	if err := t.moveMarks("key_use", "client_id", "last_used_at = n.at", keys); err != nil {
		return err
	}
	secrets := latest(uses, func(u usage.Use) mark { return mark{u.SecretID, u.At, u.IP} })
	return t.moveMarks("client_secret", "id", "last_used_at = n.at, last_used_ip = n.ip", secrets)
}

// latest returns the newest mark of each ID, ordered by ID.
func latest(uses []usage.Use, of func(usage.Use) mark) []mark {
	marks := make([]mark, len(uses))
	for i, u := range uses {
		marks[i] = of(u)
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Or(strings.Compare(a.id, b.id), b.at.Compare(a.at)) })
	return slices.CompactFunc(marks, func(a, b mark) bool { return a.id == b.id })
}

// moveMarks advances the marks of a table's rows. The names come from this file alone.
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
