package sqlstore

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// notedMax is how many rows a statement may handle, which bounds how long it takes.
const notedMax = 1000

// notedColumn is a column of the table noted, with the type of its values: TEXT or BIGINT.
type notedColumn struct{ name, kind string }

// notedTable holds the rows that a statement handles, as the table noted.
type notedTable struct {
	with string // how the statement begins
	list string // its first argument
}

// noted returns rows of texts and integers as a table. They are passed as one argument, a JSON array: with thousands of
// placeholders in a statement, the database, GORM and the driver would take longer over those than over the actual work.
func (t tx) noted(rows [][]any, columns []notedColumn) (notedTable, error) {
	list, err := json.Marshal(rows)
	if err != nil {
		return notedTable{}, fmt.Errorf("encode %d rows: %w", len(rows), err)
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = fmt.Sprintf("CAST(value ->> %d AS %s) AS %s", i, c.kind, c.name)
	}
	from := map[dialect]string{sqliteDialect: "json_each(?)", postgresDialect: "jsonb_array_elements(CAST(? AS jsonb))"}[t.dialect]
	return notedTable{"WITH noted AS (SELECT " + strings.Join(values, ", ") + " FROM " + from + ") ", string(list)}, nil
}

// execNoted runs a statement on rows, which it sees as the table noted, for [notedMax] of them at a time. The statement has no
// other arguments.
func (t tx) execNoted(rows [][]any, columns []notedColumn, statement string) error {
	for some := range slices.Chunk(rows, notedMax) {
		noted, err := t.noted(some, columns)
		if err != nil {
			return err
		}
		if err := t.db.Exec(noted.with+statement, noted.list).Error; err != nil {
			return err
		}
	}
	return nil
}

// queryNoted is [tx.execNoted] for a statement that returns rows.
func queryNoted[T any](t tx, rows [][]any, columns []notedColumn, statement string) ([]T, error) {
	var all []T
	for some := range slices.Chunk(rows, notedMax) {
		noted, err := t.noted(some, columns)
		if err != nil {
			return nil, err
		}
		var found []T
		if err := t.db.Raw(noted.with+statement, noted.list).Scan(&found).Error; err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
