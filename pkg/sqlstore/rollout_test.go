package sqlstore

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// firstRollout is the first migration that may be applied while a release that does not know it is still running.
const firstRollout = 8

// contracts marks a migration that removes something that no release since the named one uses.
var contracts = regexp.MustCompile(`(?m)^-- contracts: unused since v\d+\.\d+`)

// breaking finds statements that the previous release could not cope with.
var breaking = map[string]*regexp.Regexp{
	"takes something away":                       regexp.MustCompile(`(?i)\bDROP\b`),
	"renames something":                          regexp.MustCompile(`(?i)\bRENAME\b`),
	"changes what a column holds":                regexp.MustCompile(`(?i)\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b`),
	"asks for a value that old releases omit":    regexp.MustCompile(`(?i)\bSET\s+NOT\s+NULL\b|\bADD\s+COLUMN\s+\w+\s+[^,;]*\bNOT\s+NULL\b`),
	"forbids what old releases may write":        regexp.MustCompile(`(?i)\bADD\s+CONSTRAINT\b|\bADD\s+(CHECK|UNIQUE|FOREIGN)\b`),
	"makes unique what old releases may repeat":  regexp.MustCompile(`(?i)\bCREATE\s+UNIQUE\s+INDEX\b`),
	"stops every writer while an index is built": regexp.MustCompile(`(?i)\bREINDEX\b|\bVACUUM\s+FULL\b|\bCLUSTER\b`),
}

// withDefault matches a new column that old releases need not know.
var withDefault = regexp.MustCompile(`(?i)\bADD\s+COLUMN\s+\w+\s+[^,;]*\bDEFAULT\b`)

// Without an index, an old release is only slower for as long as it still runs. It may rely on a unique index, though.
var (
	dropsIndexes  = regexp.MustCompile(`(?i)^\s*DROP\s+INDEX\s+([\w\s,]+)$`)
	uniqueIndexes = regexp.MustCompile(`(?i)\bCREATE\s+UNIQUE\s+INDEX\s+(\w+)`)
)

// Without a foreign key, an old release can write everything that it could write with it. A trigger must replace what the key
// deletes.
var dropsForeignKey = regexp.MustCompile(`(?i)^\s*ALTER\s+TABLE\s+\w+\s+DROP\s+CONSTRAINT\s+\w+_fkey\s*$`)

// dropsNoneOf reports whether a statement drops indexes, none of them unique.
func dropsNoneOf(unique map[string]bool, statement string) bool {
	found := dropsIndexes.FindStringSubmatch(statement)
	return found != nil && !slices.ContainsFunc(strings.Split(found[1], ","), func(name string) bool { return unique[strings.TrimSpace(name)] })
}

// breaks returns what is wrong with a migration while the previous release still runs. unique holds the existing unique indexes.
func breaks(migration string, unique map[string]bool) []string {
	up, _, _ := strings.Cut(migration, "-- +goose Down")
	if contracts.MatchString(up) {
		return nil
	}
	unknown := map[string]bool{} // tables and columns that no old release knows, so that it leaves them empty
	for _, found := range regexp.MustCompile(`(?i)\b(?:CREATE\s+TABLE|ADD\s+COLUMN)\s+(\w+)`).FindAllStringSubmatch(up, -1) {
		unknown[found[1]] = true
	}
	var wrong []string
	for statement := range strings.SplitSeq(regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(up, ""), ";") {
		if on := regexp.MustCompile(`(?i)\bON\s+(\w+)\s*\(\s*(\w+)`).FindStringSubmatch(statement); on != nil && (unknown[on[1]] || unknown[on[2]]) {
			continue
		}
		if dropsNoneOf(unique, statement) || dropsForeignKey.MatchString(statement) {
			continue
		}
		for what, pattern := range breaking {
			if pattern.MatchString(statement) && !(strings.HasPrefix(what, "asks") && withDefault.MatchString(statement)) {
				wrong = append(wrong, what+": "+strings.TrimSpace(statement))
			}
		}
	}
	return wrong
}

func TestMigrationsLeaveTheReleaseBeforeWorking(t *testing.T) {
	t.Parallel()
	unique := map[string]bool{"only_one": true}
	for sql, name := range map[string]string{
		"ALTER TABLE api_key DROP COLUMN description":                       "takes something away",
		"DROP INDEX of_many, only_one":                                      "takes something away",
		"ALTER TABLE api_key DROP CONSTRAINT api_key_pkey":                  "takes something away",
		"ALTER TABLE api_key RENAME TO key":                                 "renames something",
		"ALTER TABLE api_key ALTER COLUMN name TYPE BYTEA":                  "changes what a column holds",
		"ALTER TABLE api_key ADD COLUMN colour TEXT NOT NULL":               "asks for a value that old releases omit",
		"ALTER TABLE api_key ADD CONSTRAINT short CHECK (length(name) < 5)": "forbids what old releases may write",
		"CREATE UNIQUE INDEX one ON api_key (description)":                  "makes unique what old releases may repeat",
	} {
		if wrong := breaks("-- +goose Up\n"+sql+";\n", unique); len(wrong) != 1 || !strings.HasPrefix(wrong[0], name) {
			t.Errorf("%s: found %q", sql, wrong)
		}
		if wrong := breaks("-- +goose Up\n-- contracts: unused since v1.2\n"+sql+";\n", unique); len(wrong) != 0 {
			t.Errorf("%s: found %q although it is marked", sql, wrong)
		}
	}
	const adds = `-- +goose Up
CREATE TABLE colour (id TEXT NOT NULL PRIMARY KEY); -- DROP is what it does not do
CREATE UNIQUE INDEX colour_id ON colour (id);
ALTER TABLE api_key ADD COLUMN colour TEXT;
ALTER TABLE api_key ADD COLUMN shade TEXT NOT NULL DEFAULT 'dark';
CREATE UNIQUE INDEX api_key_colour ON api_key (colour, name) WHERE colour IS NOT NULL;
DROP INDEX of_many, of_few;
ALTER TABLE denial DROP CONSTRAINT denial_client_id_fkey;
-- +goose Down
DROP TABLE colour;`
	if wrong := breaks(adds, unique); len(wrong) != 0 {
		t.Errorf("found %q in what only adds", wrong)
	}
	for _, dialect := range []string{"sqlite", "postgres"} {
		files, err := fs.Glob(migrations, "migrations/"+dialect+"/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		contents := map[string]string{}
		for _, file := range files {
			content, err := fs.ReadFile(migrations, file)
			if err != nil {
				t.Fatal(err)
			}
			contents[file] = string(content)
			for _, found := range uniqueIndexes.FindAllStringSubmatch(contents[file], -1) {
				unique[found[1]] = true
			}
		}
		for file, content := range contents {
			number, _, _ := strings.Cut(path.Base(file), "_")
			if n, err := strconv.Atoi(number); err != nil || n < firstRollout {
				continue
			}
			for _, what := range breaks(content, unique) {
				t.Errorf("%s %s", file, what)
			}
		}
	}
}

// runsBesideALaterRelease runs this release on a database that a later release has already migrated.
func runsBesideALaterRelease(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]
	for _, statement := range []string{
		"CREATE TABLE later (id TEXT NOT NULL PRIMARY KEY)",
		"ALTER TABLE api_key ADD COLUMN later_text TEXT",
		"ALTER TABLE api_key ADD COLUMN later_number INTEGER NOT NULL DEFAULT 7",
		"ALTER TABLE event ADD COLUMN later_text TEXT",
		"ALTER TABLE log_head ADD COLUMN later_text TEXT",
		"CREATE INDEX later_index ON api_key (later_number)",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)",
	} {
		if err := s.writer.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Errorf("at its start: %v", err)
	}
	for _, c := range calls(s, tenancy, id) {
		if err := c.do(t.Context()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	var kept int
	if err := s.reader.Raw("SELECT later_number FROM api_key WHERE client_id = ?", id).Scan(&kept).Error; err != nil || kept != 7 {
		t.Errorf("what the later release keeps is %d, %v", kept, err)
	}
}
