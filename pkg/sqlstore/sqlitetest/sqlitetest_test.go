package sqlitetest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/sqlstore/sqlitetest"
)

func file(url string) string { return strings.TrimPrefix(url, "sqlite://") }

func TestEachCopyIsOfItsOwnAndTheTemplateIsPreparedOnce(t *testing.T) {
	t.Parallel()
	prepared := 0
	template := sqlitetest.NewTemplate(func(url string) error {
		prepared++
		return os.WriteFile(file(url), []byte("prepared"), 0o600)
	})
	first, second := file(template.URL(t)), file(template.URL(t))
	if err := os.WriteFile(first, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(second)
	if err != nil || string(content) != "prepared" || prepared != 1 {
		t.Errorf("the other copy holds %q, %v; the template was prepared %d times", content, err, prepared)
	}
}
