package app_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// TestTheDatabaseIsAskedOnceASecondWhetherItIsThere: anybody may ask for /readyz, and on SQLite the answer takes the turn of a
// change.
func TestTheDatabaseIsAskedOnceASecondWhetherItIsThere(t *testing.T) {
	t.Parallel()
	config, err := app.LoadConfig(map[string]string{
		"APIKEYS_DATABASE_URL": sqlstoretest.SQLite(t), "APIKEYS_MASTER_KEY": sealed.NewMasterKey(), "APIKEYS_LIMITS": "off",
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	a, err := app.New(config, app.Options{Now: func() time.Time { return now }, Output: io.Discard, Logger: app.NewLogger(config, io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := storeCalls(t, a.Handler())
	for second := range 3 {
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if err := a.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if calls := storeCalls(t, a.Handler()) - before; calls != second+1 {
			t.Errorf("in second %d the database had been asked %d times", second, calls)
		}
		now = now.Add(time.Second)
		if err := a.Tailer.Poll(t.Context()); err != nil { // or the answer would include a reading of the log
			t.Fatal(err)
		}
		before++
	}
	if err := errors.Join(a.Ready(t.Context()), a.Store.Close(), a.Ready(t.Context())); err != nil {
		t.Errorf("an answer does not count for a second: %v", err)
	}
	now = now.Add(eventlog.StalenessMax + 1) // less than a second, but nobody has read the log meanwhile
	if err := a.Ready(t.Context()); err == nil {
		t.Error("a service that can't read the log in time is ready")
	}
}
