package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"sync"
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
	name, err := migrationsDigest()
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.URLFromTemplate(t, name, migrate)
}

// migrationsDigest tells schemas apart.
var migrationsDigest = sync.OnceValues(func() (string, error) {
	files, err := filepath.Glob("../pkg/sqlstore/migrations/postgres/*.sql")
	digest := sha256.New()
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		digest.Write(append(text, 0))
		err = errors.Join(err, readErr)
	}
	return "api-" + hex.EncodeToString(digest.Sum(nil)), err
})

func migrate(url string) error {
	store, err := sqlstore.Open(context.Background(), sqlstore.Options{URL: url})
	if err != nil {
		return err
	}
	return errors.Join(store.Migrate(context.Background()), store.Close())
}
