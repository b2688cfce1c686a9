// Package sqlitetest gives tests SQLite databases of their own that start as copies of a template, as pgtest does for PostgreSQL.
// It knows nothing about this project's tables: the caller says how a template is prepared. It is for tests alone; nothing that
// ships imports it.
package sqlitetest

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Template is a database that is prepared when it is first requested, once per process. It is safe for concurrent use.
type Template struct{ content func() ([]byte, error) }

// NewTemplate returns a template. prepare is given the URL of a file that does not exist yet, fills it and must leave no
// connection open.
func NewTemplate(prepare func(url string) error) Template {
	return Template{sync.OnceValues(func() ([]byte, error) {
		folder, err := os.MkdirTemp("", "apikeys-template-")
		if err != nil {
			return nil, err
		}
		path := filepath.Join(folder, "template.db")
		err = prepare("sqlite://" + path)
		content, readErr := os.ReadFile(path)
		return content, errors.Join(err, readErr, os.RemoveAll(folder))
	})}
}

// URL returns the URL of a copy, which is removed when the test ends.
func (t Template) URL(tb testing.TB) string {
	tb.Helper()
	content, err := t.content()
	if err != nil {
		tb.Fatalf("sqlitetest: prepare the template: %v", err)
	}
	path := filepath.Join(tb.TempDir(), "apikeys.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatalf("sqlitetest: copy the template: %v", err)
	}
	return "sqlite://" + path
}
