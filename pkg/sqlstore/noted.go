package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
)

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

// execNoted runs a statement that is about rows, as the table noted. It has no arguments besides.
func (t tx) execNoted(rows [][]any, columns []notedColumn, statement string) error {
	noted, err := t.noted(rows, columns)
	if err != nil {
		return err
	}
	return t.db.Exec(noted.with+statement, noted.list).Error
}
