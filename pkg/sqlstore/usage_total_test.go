package sqlstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// totalsOfOldCounts runs the migration on what was counted before there were totals.
func totalsOfOldCounts(t *testing.T, s *Store) {
	tenancy := newTenancy(t, s)
	for i, id := range fill(t, s, tenancy, 3) {
		for day := range 5 {
			c := usage.Count{ClientID: id, Hour: epoch.Truncate(time.Hour).AddDate(0, 0, day*(i+1)), Issued: int64(10*i + day), Denied: int64(day)}
			if err := s.Record(t.Context(), usage.Batch{Counts: []usage.Count{c}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	overviews := func() string {
		var all []usage.Overview
		for day := range 16 {
			o, err := s.Overview(t.Context(), tenancy, dayOf(epoch).AddDate(0, 0, day), epoch, 20)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, o)
		}
		return fmt.Sprintf("%+v", all)
	}
	kept := overviews()
	dialect := "postgres"
	if s.dialect == sqliteDialect {
		dialect = "sqlite"
	}
	text, err := migrations.ReadFile("migrations/" + dialect + "/00012_usage_total.sql")
	if err != nil {
		t.Fatal(err)
	}
	up, down, _ := strings.Cut(string(text), "-- +goose Down")
	for _, statements := range []string{down, up} {
		if _, err := s.pools[0].ExecContext(t.Context(), statements); err != nil {
			t.Fatal(err)
		}
	}
	if made := overviews(); made != kept {
		t.Errorf("kept %s\nmade %s", kept, made)
	}
}
