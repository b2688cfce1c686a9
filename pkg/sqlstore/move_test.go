package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// movedKeys is the number of keys in the test of a whole move.
const movedKeys = 2000

// odd inserts rows that exercise what a column can hold: other scripts, text that looks like syntax, the longest and the largest
// values, and none. For each new table, add rows here; the test fails until you do.
var odd = []string{
	`INSERT INTO session (token, data, expires_at) VALUES ('t1', x'00ff', 1), ('t2', x'', 9007199254740993)`,
	`INSERT INTO operator (id, tenancy_id, email, role, password_hash, session_generation, created_at, updated_at, status, link_digest, link_expires_at)
		SELECT 'o1', id, 'josé@exämple.com', 'admin', '', 9223372036854775807, -1, 0, 'active', NULL, NULL FROM tenancy LIMIT 1`,
	`INSERT INTO operator (id, tenancy_id, email, role, password_hash, session_generation, created_at, updated_at, status, link_digest, link_expires_at)
		SELECT 'o2', id, 'b@example.com', 'readonly', '$argon2id$', 0, 1, 1, 'deactivated', x'0001', 5 FROM tenancy LIMIT 1`,
	`UPDATE api_key SET description = replace(hex(zeroblob(250)), '00', char(128273)), rate_limit = 100000
		WHERE client_id = (SELECT min(client_id) FROM api_key)`,
	`UPDATE api_key SET name = char(9) || '\N \. "quoted" ''single'' 钥匙', description = char(10) || char(13) WHERE client_id = (SELECT max(client_id) FROM api_key)`,
	`UPDATE key_use SET last_used_at = 9007199254740993 WHERE client_id = (SELECT min(client_id) FROM api_key)`,
	`UPDATE client_secret SET expires_at = 1, retired_at = 2, last_used_at = 3, last_used_ip = '2001:db8::1' WHERE client_id = (SELECT min(client_id) FROM api_key)`,
	`INSERT INTO signing_key (kid, algorithm, private, created_at, not_before, retire_at) VALUES ('k1', 'ES256', x'ff00', 1, 2, NULL), ('k2', 'ES256', x'00', 1, 2, 3)`,
	`INSERT INTO idempotency_answer (caller, idempotency_key, request_digest, sealed, created_at) VALUES ('c', '', zeroblob(32), x'ff', 1)`,
	`INSERT INTO revoked_token (jti, client_id, expires_at) VALUES ('j', 'ak_', 1)`,
	`INSERT INTO usage (client_id, secret_id, hour, issued, denied) SELECT min(client_id), '', 1, 2, 3 FROM api_key`,
	`INSERT INTO usage_total (client_id, issued, denied) SELECT min(client_id), 2, 3 FROM api_key`,
	`INSERT INTO usage_opening (client_id, day, issued, denied) SELECT min(client_id), 0, 0, 9223372036854775807 FROM api_key`,
	`INSERT INTO usage_hour_opening (client_id, hour, since, issued, denied) SELECT min(client_id), 3600000000, 0, -1, 0 FROM api_key`,
	`INSERT INTO denial (id, client_id, at, reason, ip, request_id) SELECT 41, min(client_id), 1, 'r', '', 'x' FROM api_key`,
	`INSERT INTO log_base (id, seq, hash, pruned_at, proof) VALUES (1, 0, zeroblob(32), 1, 'p')`,
	`UPDATE log_head SET feed_base = 1700000000000000`,
}

// oddSource returns a SQLite store with odd data and some keys, opened with exclusive access.
func oddSource(t testing.TB, keys int) *Store {
	t.Helper()
	prepared := newSQLite(t, Options{Timeout: patience})
	fill(t, prepared, newTenancy(t, prepared), keys)
	for _, statement := range odd {
		if err := prepared.writer.WithContext(t.Context()).Exec(statement).Error; err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	var file string
	if err := prepared.reader.WithContext(t.Context()).Raw("SELECT file FROM pragma_database_list").Scan(&file).Error; err != nil {
		t.Fatal(err)
	}
	if err := prepared.Close(); err != nil {
		t.Fatal(err)
	}
	return newStore(t, Options{URL: "sqlite://" + file, Timeout: patience, Alone: true})
}

func silent(string, int64) {}

// content returns every row of every table of the source's schema as text, in order.
func content(t testing.TB, s *Store, tables []table) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, tb := range tables {
		rows, err := s.reader.WithContext(t.Context()).Raw(`SELECT "` + strings.Join(tb.columns, `", "`) + `" FROM "` + tb.name + `"`).Rows()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }() // rows.Err reports failures
		texts := []string{}
		values := make([]any, len(tb.columns))
		for rows.Next() {
			targets := make([]any, len(values))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				t.Fatal(err)
			}
			text := make([]string, len(values))
			for i, v := range values {
				text[i] = fmt.Sprintf("%q", v)
				if n, ok := v.(int64); ok { // %q would take it for a character
					text[i] = strconv.FormatInt(n, 10)
				}
			}
			texts = append(texts, strings.Join(text, " "))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(texts)
		all[tb.name] = texts
	}
	return all
}

func schemaOf(t testing.TB, s *Store) []table {
	t.Helper()
	tx, err := s.pools[0].BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	tables, err := sqliteTables(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestEveryRowIsMovedAsItIs(t *testing.T) {
	t.Parallel()
	source, target := oddSource(t, movedKeys), newPostgreSQL(t, Options{Timeout: patience})
	tables := schemaOf(t, source)
	moved, err := source.MoveTo(t.Context(), target, silent)
	if err != nil {
		t.Fatal(err)
	}
	before, after := content(t, source, tables), content(t, target, tables)
	if len(moved) != len(tables) || len(tables) < 14 {
		t.Errorf("%d of %d tables were moved", len(moved), len(tables))
	}
	for _, m := range moved {
		if m.Rows == 0 {
			t.Errorf("nothing is in the table %s: add odd rows", m.Table)
		}
		if int64(len(before[m.Table])) != m.Rows || !slices.Equal(before[m.Table], after[m.Table]) {
			t.Errorf("the table %s differs: %d rows, %d after", m.Table, len(before[m.Table]), len(after[m.Table]))
			for i := range min(len(before[m.Table]), len(after[m.Table])) {
				if before[m.Table][i] != after[m.Table][i] {
					t.Errorf("was %.300s\nis  %.300s", before[m.Table][i], after[m.Table][i])
					break
				}
			}
		}
	}
	if differing := differingRows(t, target); differing > 0 {
		t.Errorf("searches find %d keys otherwise", differing)
	}
	if _, err := eventlog.Verify(t.Context(), target, eventlog.EmptyHead()); err != nil {
		t.Errorf("the chain: %v", err)
	}
	// The numbering of rows continues after the rows that were moved.
	var id int64
	err = target.writer.WithContext(t.Context()).Raw("INSERT INTO denial (client_id, at, reason, ip, request_id) SELECT min(client_id), 1, '', '', '' FROM api_key RETURNING id").Scan(&id).Error
	if err != nil || id != 42 {
		t.Errorf("the next denial is number %d, %v", id, err)
	}
	if _, err := source.MoveTo(t.Context(), target, silent); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("moved again: %v", err)
	}
}

func TestAMoveThatIsCutOffLeavesNothing(t *testing.T) {
	t.Parallel()
	source, target := oddSource(t, 10), newPostgreSQL(t, Options{Timeout: patience})
	for _, last := range []string{"tenancy", "log_head", "usage"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := source.MoveTo(ctx, target, func(table string, _ int64) {
			if table == last {
				cancel()
			}
		})
		cancel()
		if err == nil {
			t.Fatalf("cut off after %s it succeeds", last)
		}
		for name, rows := range content(t, target, schemaOf(t, source)) {
			if head := name == "log_head"; head != (len(rows) == 1) || !head && len(rows) > 0 {
				t.Errorf("cut off after %s there are %d rows in %s", last, len(rows), name)
			}
		}
	}
	if _, err := source.MoveTo(t.Context(), target, silent); err != nil {
		t.Errorf("the next time: %v", err)
	}
}

func TestAMoveThatFailsAfterItsTransactionTellsWhatWasMoved(t *testing.T) {
	t.Parallel()
	source, target, closed := oddSource(t, 10), newPostgreSQL(t, Options{Timeout: patience}), newPostgreSQL(t, Options{})
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	target.writer = closed.writer
	moved, err := source.MoveTo(t.Context(), target, silent)
	if err == nil || len(moved) != len(schemaOf(t, source)) {
		t.Errorf("%d tables were moved, %v", len(moved), err)
	}
}

func TestOnlyTheSameSchemaIsMoved(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		"ALTER TABLE tenancy ADD COLUMN more TEXT", "ALTER TABLE tenancy RENAME COLUMN name TO other", "CREATE TABLE more (id TEXT)", "DROP TABLE revoked_token",
	} {
		source, target := oddSource(t, 1), newPostgreSQL(t, Options{Timeout: patience})
		if err := target.writer.WithContext(t.Context()).Exec(change).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := source.MoveTo(t.Context(), target, silent); !errors.Is(err, ErrSchemas) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

func TestAloneKeepsOthersOut(t *testing.T) {
	t.Parallel()
	served := newSQLite(t, Options{Timeout: patience})
	if err := served.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	var file string
	if err := served.reader.WithContext(t.Context()).Raw("SELECT file FROM pragma_database_list").Scan(&file).Error; err != nil {
		t.Fatal(err)
	}
	alone := newStore(t, Options{URL: "sqlite://" + file, Timeout: patience, Alone: true})
	if err := alone.Ping(t.Context()); err == nil {
		t.Error("it is alone with another")
	}
}

// TestWhoElseIsConnectedIsToldOrThatItCanNotBe: PostgreSQL truncates long application names and rewrites characters other than
// ASCII, so that other replicas with such a name would not be found.
func TestWhoElseIsConnectedIsToldOrThatItCanNotBe(t *testing.T) {
	t.Parallel()
	for name, tellable := range map[string]bool{"": true, strings.Repeat("x", 63): true, strings.Repeat("x", 64): false, "schlüssel": false, "a\nb": false} {
		address := postgreSQLURL(t) + "&application_name=" + url.QueryEscape(name)
		served := newStore(t, Options{URL: address, Timeout: patience, MaxConns: 2})
		if err := served.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		alone := newStore(t, Options{URL: address, Timeout: patience, MaxConns: 2, Alone: true})
		if others, err := alone.Others(t.Context()); (err == nil) != tellable || (others > 0) != tellable {
			t.Errorf("%q: %d others, %v", name, others, err)
		}
	}
}

// BenchmarkMove moves 100,000 keys, each with a secret; docs/operations/sizing.md quotes the result.
func BenchmarkMove(b *testing.B) {
	source := oddSource(b, 100_000)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		target := newPostgreSQL(b, Options{Timeout: patience})
		if _, err := source.MoveTo(b.Context(), target, silent); err != nil {
			b.Fatal(err)
		}
	}
}
