package app

import (
	"encoding/base64"
	"io"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
	"github.com/piercloud/apikeys/pkg/usage"
)

// TestAWrongClockEndsNothingForGood: once the clock is right again, everything is as if it had never been wrong.
func TestAWrongClockEndsNothingForGood(t *testing.T) {
	const wrong = 1000 * time.Hour
	caller := apikey.Caller{TenancyID: operator.PlatformTenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}}
	draft := apikey.Draft{Name: "program", Scopes: []string{"cca:editor"}, Lifespan: apikey.DefaultLifespan}
	for name, test := range map[string]struct {
		database func(testing.TB) string
		atStart  time.Duration
	}{
		"that jumps ahead":                    {sqlstoretest.SQLite, 0},
		"that the database's does not follow": {pgtest.URL, 0},
		"that is ahead of the database's":     {pgtest.URL, wrong},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := LoadConfig(map[string]string{
				"APIKEYS_DATABASE_URL": test.database(t), "APIKEYS_MASTER_KEY": base64.StdEncoding.EncodeToString(make([]byte, sealed.KeySize)),
				"APIKEYS_USAGE_DAYS": "30",
			})
			if err != nil {
				t.Fatal(err)
			}
			start := func(now func() time.Time) *App {
				a, err := New(config, Options{Now: now, Output: io.Discard, Logger: NewLogger(config, io.Discard)})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = a.Close() })
				if err := a.Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				return a
			}
			right := start(time.Now)
			created, err := right.Keys.Create(t.Context(), caller, draft, "once")
			if err != nil {
				t.Fatal(err)
			}
			id := created.Key.ClientID
			if _, err := right.Keys.RotateSecret(t.Context(), caller, id, nil, time.Hour); err != nil {
				t.Fatal(err)
			}
			hour := time.Now().UTC().Truncate(time.Hour)
			if err := right.Store.Record(t.Context(), usage.Batch{Counts: []usage.Count{{ClientID: id, Hour: hour, Issued: 1}}}); err != nil {
				t.Fatal(err)
			}

			ahead := test.atStart
			a := start(func() time.Time { return clocktest.Asleep(t, time.Now(), ahead) })
			ahead = wrong
			a.retire(t.Context())
			a.purge(t.Context())

			key, err := right.Keys.Get(t.Context(), caller, id)
			if err != nil || len(key.Secrets) != 2 {
				t.Errorf("of its two secrets the key has %d, %v", len(key.Secrets), err)
			}
			if again, err := right.Keys.Create(t.Context(), caller, draft, "once"); err != nil || again.Key.ClientID != id {
				t.Errorf("the answer that was kept: %q, %v", again.Key.ClientID, err)
			}
			if hours, err := right.Store.Hours(t.Context(), caller.TenancyID, []string{id}, hour, hour.Add(time.Hour)); err != nil || len(hours) != 1 {
				t.Errorf("the counts that were kept: %+v, %v", hours, err)
			}
		})
	}
}
