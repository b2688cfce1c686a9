package sqlstore

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// notedMax is how many rows a statement may be about, which bounds how long it takes.
const notedMax = 1000

// notedColumn is one of the table noted, and the type of its values: TEXT or BIGINT.
type notedColumn struct{ name, kind string }

// notedTable is rows that a statement is about, as the table noted.
type notedTable struct {
	with string // how the statement begins
	list string // its first argument
}

// noted returns rows of texts and integers as a table. They are one argument, a JSON array: thousands of places for values in a
// statement take the database, GORM and the driver longer than what is done with them.
func (t tx) noted(rows [][]any, columns []notedColumn) (notedTable, error) {
	list, err := json.Marshal(rows)
	if err != nil {
		return notedTable{}, fmt.Errorf("list %d rows: %w", len(rows), err)
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = fmt.Sprintf("CAST(value ->> %d AS %s) AS %s", i, c.kind, c.name)
	}
	from := map[dialect]string{sqliteDialect: "json_each(?)", postgresDialect: "jsonb_array_elements(CAST(? AS jsonb))"}[t.dialect]
	return notedTable{"WITH noted AS (SELECT " + strings.Join(values, ", ") + " FROM " + from + ") ", string(list)}, nil
}

// execNoted runs a statement that is about rows, as the table noted, for [notedMax] of them at a time. It has no arguments besides.
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

// queryNoted is [tx.execNoted] of a statement that returns something.
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
