package api_test

import (
	"os"
	"testing"

	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// newPostgreSQL returns the URL of a database that has its tables, and nothing in them.
func newPostgreSQL(t *testing.T) string {
	t.Helper()
	return pgtest.URLFromTemplate(t, pgtest.Digest(t, os.DirFS("../pkg/sqlstore/migrations")), sqlstoretest.Migrate)
}
