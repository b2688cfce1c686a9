package sqlstore

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// benchEventKeys is how many keys the events of the benchmark are about.
const benchEventKeys = 10_000

// benchEventSpan is the time over which the events are spread.
const benchEventSpan = 365 * 24 * time.Hour

// fillEvents stores n events of a year, 95 of 100 of them in the tenancy home: changes of keys by fifty operators and by programs,
// and sign-ins. Their hashes do not form a valid chain. The indexes are created at the end, as a restore does.
func fillEvents(b *testing.B, s *Store, n int) {
	b.Helper()
	ctx := b.Context()
	exec := func(statement string, values ...any) {
		b.Helper()
		if _, err := s.pools[0].ExecContext(ctx, statement, values...); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	definitions := eventIndexes(b, s)
	for name := range definitions {
		exec("DROP INDEX " + name)
	}
	exec(fmt.Sprintf(`
		INSERT INTO event (seq, at, tenancy_id, action, actor_kind, actor_id, actor_name, ip, user_agent, request_id, subject_kind,
			subject_id, state_before, state_after, prev_hash, hash)
		SELECT g, %[1]d + g * %[2]d,
			CASE WHEN g %% 20 = 0 THEN '00000000-0000-4000-8000-' || lpad((g %% 97)::text, 12, '0') ELSE 'home-000-0000-4000-8000-000000000000' END,
			CASE WHEN g %% 100000 = 7 THEN 'api-key.deleted' WHEN g %% 10 < 4 THEN 'operator.signed-in' WHEN g %% 10 < 8 THEN 'api-key.updated' ELSE 'api-key.secret-rotated' END,
			CASE WHEN g %% 10 = 9 THEN 'api-key' ELSE 'operator' END,
			CASE WHEN g %% 10 = 9 THEN 'ak_' || lpad((g * 7919 %% %[3]d)::text, 22, '0') ELSE 'operator-0000-4000-8000-' || lpad((g * 31 %% 50)::text, 12, '0') END,
			CASE WHEN g %% 10 = 9 THEN 'ak_' || lpad((g * 7919 %% %[3]d)::text, 22, '0') ELSE 'operator' || (g * 31 %% 50) || '@example.com' END,
			'192.0.2.' || g %% 256, 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36', md5(g::text),
			CASE WHEN g %% 10 < 4 AND g %% 100000 <> 7 THEN 'operator' ELSE 'api-key' END,
			CASE WHEN g %% 10 < 4 AND g %% 100000 <> 7 THEN 'operator-0000-4000-8000-' || lpad((g * 31 %% 50)::text, 12, '0') ELSE 'ak_' || lpad((g * 104729 / 10 %% %[3]d)::text, 22, '0') END,
			'{"description":"before ' || g || '"}', '{"description":"after ' || g || '"}', sha256((g - 1)::text::bytea), sha256(g::text::bytea)
		FROM generate_series(1::bigint, %[4]d) g`, epoch.UnixMicro(), benchEventSpan.Microseconds()/int64(n), benchEventKeys, n))
	exec("UPDATE log_head SET seq = $1", n)
	exec("SET maintenance_work_mem = '512MB'")
	for _, definition := range definitions {
		exec(definition)
	}
	exec("VACUUM ANALYZE event")
}

// eventIndexes returns the definitions of the indexes of events, except the primary key's, by name.
func eventIndexes(b *testing.B, s *Store) map[string]string {
	b.Helper()
	rows, err := s.pools[0].QueryContext(b.Context(), "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'event' AND indexname <> 'event_pkey'")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	definitions := map[string]string{}
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			b.Fatal(err)
		}
		definitions[name] = definition
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return definitions
}

// BenchmarkAuditPage reads the first page of the audit log with each filter. BENCH_EVENTS is the number of events, 100000 by
// default; storing ten million takes some minutes.
func BenchmarkAuditPage(b *testing.B) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_EVENTS"), "100000"))
	if err != nil {
		b.Fatal(err)
	}
	s := newPostgreSQL(b, Options{Timeout: patience})
	started := time.Now()
	fillEvents(b, s, n)
	b.Logf("%d events stored in %s", n, time.Since(started).Round(time.Second))
	var size string
	row := s.pools[0].QueryRowContext(b.Context(), "SELECT pg_size_pretty(pg_table_size('event')) || ' and ' || pg_size_pretty(pg_indexes_size('event')) || ' of indexes'")
	if err := row.Scan(&size); err != nil {
		b.Fatal(err)
	}
	b.Log(size)

	const home = "home-000-0000-4000-8000-000000000000"
	admin, editor := audit.Viewer{TenancyID: home, All: true}, audit.Viewer{TenancyID: home}
	platform := audit.Viewer{TenancyID: "00000000-0000-4000-8000-000000000000", All: true}
	key := "ak_" + strings.Repeat("0", 18) + "4711"
	operator := "operator-0000-4000-8000-000000000007"
	at := func(part float64) time.Time { return epoch.Add(time.Duration(part * float64(benchEventSpan))) }
	actions := func(list ...eventlog.Action) audit.Filter { return audit.Filter{Actions: list} }
	for _, page := range []struct {
		name   string
		viewer audit.Viewer
		filter audit.Filter
		before int64
	}{
		{"Newest", admin, audit.Filter{}, 0},
		{"NewestOfKeys", editor, audit.Filter{}, 0},
		{"Middle", admin, audit.Filter{}, int64(n / 2)},
		{"SmallTenancy", platform, audit.Filter{}, 0},
		{"Key", admin, audit.Filter{ClientID: key}, 0},
		{"KeyByEditor", editor, audit.Filter{ClientID: key}, 0},
		{"UnknownSubject", admin, audit.Filter{Subject: "nobody"}, 0},
		{"ActorByID", admin, audit.Filter{Actor: operator}, 0},
		{"ActorByIDByEditor", editor, audit.Filter{Actor: operator}, 0},
		{"ActorByName", admin, audit.Filter{Actor: "operator7@example.com"}, 0},
		{"UnknownActor", admin, audit.Filter{Actor: "nobody@example.com"}, 0},
		{"CommonAction", admin, actions(eventlog.APIKeyUpdated), 0},
		{"RareAction", admin, actions(eventlog.APIKeyDeleted), 0},
		{"UnknownAction", admin, actions("api-key.eaten"), 0},
		{"ThreeActions", admin, actions(eventlog.APIKeyUpdated, eventlog.APIKeyDeleted, eventlog.OperatorSignedIn), 0},
		{"ActorAndRareAction", admin, audit.Filter{Actor: operator, Actions: []eventlog.Action{eventlog.APIKeyDeleted}}, 0},
		{"KeyAndRareAction", admin, audit.Filter{ClientID: key, Actions: []eventlog.Action{eventlog.APIKeyDeleted}}, 0},
		{"ActorAndKey", admin, audit.Filter{Actor: operator, ClientID: key}, 0},
		{"FirstDay", admin, audit.Filter{To: at(1.0 / 365)}, 0},
		{"OneHourOfMay", admin, audit.Filter{From: at(0.2), To: at(0.2).Add(time.Hour)}, 0},
		{"SinceMay", admin, audit.Filter{From: at(0.2)}, 0},
		{"UntilMay", admin, audit.Filter{To: at(0.2)}, 0},
		{"UntilMayOfKeys", editor, audit.Filter{To: at(0.2)}, 0},
		{"UntilMayOfActor", admin, audit.Filter{To: at(0.2), Actor: operator}, 0},
		{"UntilMayOfKey", admin, audit.Filter{To: at(0.2), ClientID: key}, 0},
		{"FirstDayRareAction", admin, audit.Filter{To: at(1.0 / 365), Actions: []eventlog.Action{eventlog.APIKeyDeleted}}, 0},
		{"BeforeItAll", admin, audit.Filter{To: epoch.Add(-time.Hour)}, 0},
	} {
		b.Run(page.name, func(b *testing.B) {
			service := audit.NewService(s, nil, "", time.Now)
			b.ReportAllocs()
			var slowest time.Duration
			found := 0
			for b.Loop() {
				began := time.Now()
				got, err := service.List(b.Context(), page.viewer, page.filter, page.before, 50)
				if err != nil {
					b.Fatal(err)
				}
				slowest = max(slowest, time.Since(began))
				found = len(got.Events)
			}
			b.ReportMetric(float64(found), "events")
			b.ReportMetric(float64(slowest.Microseconds())/1000, "ms-max")
		})
	}
}

// BenchmarkAuditVerify verifies a log of real events, each appended in a transaction of its own.
func BenchmarkAuditVerify(b *testing.B) {
	const events = 2000
	for _, database := range []struct {
		name string
		open func(testing.TB, Options) *Store
	}{{"SQLite", newSQLite}, {"PostgreSQL", newPostgreSQL}} {
		b.Run(database.name, func(b *testing.B) {
			s := database.open(b, Options{Timeout: patience})
			for range events {
				record(b, s, newDraft(newKey("home", 1)))
			}
			service := audit.NewService(s, nil, "", time.Now)
			for b.Loop() {
				if r, err := service.Verify(b.Context()); err != nil || r.Broken != nil || r.Events() != events {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
