package sqlstore

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/usage"
)

// monthsArePurgedInBatches purges more at once than one transaction removes.
func monthsArePurgedInBatches(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	id := fill(t, s, newTenancy(t, s), 1)[0]
	now := time.Now().Truncate(time.Hour)
	hour := newInstant(now.Add(time.Hour)) - newInstant(now)
	execute(t, s, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "+
		"INSERT INTO usage (client_id, hour, secret_id, issued, denied) SELECT ?, CAST(? AS BIGINT) - i * CAST(? AS BIGINT), '', 1, 0 FROM n", 2*purgeBatch+3, id, newInstant(now), hour)
	if err := s.PurgeHours(t.Context(), now.Add(-2*time.Hour), now); err != nil {
		t.Fatal(err)
	}
	var left int64
	if err := s.reader.WithContext(t.Context()).Table("usage").Count(&left).Error; err != nil || left != 2 {
		t.Errorf("%d hours are left of 2, %v", left, err)
	}
}

// totalsOfOldCounts runs the migrations on counts that are older than the totals and openings.
func totalsOfOldCounts(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	now := time.Now().Truncate(time.Hour) // the time of the migrations
	for i, id := range fill(t, s, newTenancy(t, s), 3) {
		for day := range 5 {
			hour := now.AddDate(0, 0, -day*(i+1)).Add(time.Duration(-day) * time.Hour)
			count(t, s, usage.Count{ClientID: id, SecretID: "s", Hour: hour, Issued: int64(10*i + day)}, usage.Count{ClientID: id, Hour: hour, Denied: int64(day)})
		}
	}
	late := now.Add(-usage.Lately)
	if err := s.PurgeHours(t.Context(), now.AddDate(-1, 0, 0), late); err != nil {
		t.Fatal(err)
	}
	forget := "UPDATE usage_hour_opening SET since = 0 WHERE since <= ?" // the migration does not know of the hours that were purged
	if err := s.writer.WithContext(t.Context()).Exec(forget, newInstant(late)).Error; err != nil {
		t.Fatal(err)
	}
	tables := []table{
		{name: "usage_total", columns: []string{"client_id", "issued", "denied"}},
		{name: "usage_opening", columns: []string{"client_id", "day", "issued", "denied"}},
		{name: "usage_hour_opening", columns: []string{"client_id", "hour", "since", "issued", "denied"}},
	}
	kept := content(t, s, tables)
	dialect := "postgres"
	if s.dialect == sqliteDialect {
		dialect = "sqlite"
	}
	for _, migration := range []string{"00012_usage_total.sql", "00017_usage_hour_opening.sql"} {
		text, err := migrations.ReadFile("migrations/" + dialect + "/" + migration)
		if err != nil {
			t.Fatal(err)
		}
		up, down, _ := strings.Cut(string(text), "-- +goose Down")
		for _, statements := range []string{down, up} {
			if _, err := s.pools[0].ExecContext(t.Context(), statements); err != nil {
				t.Fatal(err)
			}
		}
	}
	if made := content(t, s, tables); !reflect.DeepEqual(made, kept) || len(kept["usage_hour_opening"]) != 4 {
		t.Errorf("kept %s\nmade %s", kept, made)
	}
}

// count records counts.
func count(t *testing.T, s *Store, counts ...usage.Count) {
	t.Helper()
	if err := s.Record(t.Context(), usage.Batch{Counts: counts}); err != nil {
		t.Fatal(err)
	}
}

// noCountOutlivesItsKey records counts in several processes while the keys are being deleted.
func noCountOutlivesItsKey(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	ids := fill(t, s, tenancy, 20)
	deleted := ids[:10]
	hour := epoch.Truncate(time.Hour)
	counting, ctx := errgroup.WithContext(t.Context())
	begun := make(chan struct{})
	var once sync.Once
	for range 3 {
		counting.Go(func() error {
			for i := range 15 {
				var b usage.Batch
				for _, id := range ids {
					at := hour.Add(time.Duration(i%5) * time.Hour) // some of them arrive late
					b.Counts = append(b.Counts, usage.Count{ClientID: id, SecretID: "s", Hour: at, Issued: 1})
					b.Denials = append(b.Denials, usage.Denial{ClientID: id, At: at})
				}
				if err := s.Record(ctx, b); err != nil {
					return err
				}
				once.Do(func() { close(begun) })
			}
			return nil
		})
	}
	counting.Go(func() error {
		select {
		case <-begun: // so that there is something to delete
		case <-ctx.Done():
		}
		for _, id := range deleted {
			if err := s.Delete(ctx, tenancy, id, func(k apikey.Key) (eventlog.Draft, error) { return newDraft(k), nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err := counting.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"usage", "usage_total", "usage_opening", "usage_hour_opening", "denial", "key_use", "client_secret"} {
		var left []string
		if err := s.reader.WithContext(t.Context()).Table(table).Distinct("client_id").Order("client_id").Pluck("client_id", &left).Error; err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(left, ids[10:]) {
			t.Errorf("%s has %q, want %q", table, left, ids[10:])
		}
	}
}
