// Package sqlstoretest gives tests of other packages a store on a database of their own that already has its tables, because
// migrating takes longer than what most tests are about. It is for tests alone; nothing that ships imports it.
package sqlstoretest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlitetest"
)

// patience bounds how long a store waits on a busy machine; no test depends on it.
const patience = time.Minute

var migrated = sqlitetest.NewTemplate(Migrate)

// Migrate creates the tables in the database at url, and leaves no connection open.
func Migrate(url string) error {
	ctx := context.Background()
	store, err := sqlstore.Open(sqlstore.Options{URL: url, Timeout: patience})
	if err != nil {
		return err
	}
	return errors.Join(store.Migrate(ctx), store.Close())
}

// SQLite returns the URL of a SQLite database with empty tables, which is removed when the test ends.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return migrated.URL(tb)
}

// Open returns a store on the database at url, which is closed when the test ends.
func Open(tb testing.TB, url string) *sqlstore.Store {
	tb.Helper()
	store, err := sqlstore.Open(sqlstore.Options{URL: url, Timeout: patience})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}
