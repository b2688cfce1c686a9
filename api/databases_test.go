package api_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlitetest"
)

// Nearly every test has a database of its own. It is a copy of one that was migrated once, as migrating would take more time than
// what most of them are about.
var migratedSQLite = sqlitetest.NewTemplate(migrate)

// newPostgreSQL returns the URL of a database that has its tables, and nothing in them.
func newPostgreSQL(t *testing.T) string {
	t.Helper()
	return pgtest.URLFromTemplate(t, pgtest.Digest(t, os.DirFS("../pkg/sqlstore/migrations")), migrate)
}

func migrate(url string) error {
	store, err := sqlstore.Open(context.Background(), sqlstore.Options{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(store.Migrate(context.Background()), store.Close())
}
