package main

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

const (
	password    = "correct horse battery staple"
	newPassword = "battery staple correct horse"
)

// signIn signs an operator in, and fails if the password is wrong.
func signIn(t *testing.T, email, password string) (operator.Operator, error) {
	t.Helper()
	config, err := app.LoadConfig(map[string]string{"APIKEYS_DATABASE_URL": databaseURL(t)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(config, app.Options{Logger: app.NewLogger(config, t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	return a.Operators.SignIn(t.Context(), email, password, eventlog.Origin{})
}

func databaseURL(t *testing.T) string {
	t.Helper()
	config, err := configOf(t)
	if err != nil {
		t.Fatal(err)
	}
	return config.DatabaseURL
}

func TestOperatorCreateTakesThePasswordFromStandardInput(t *testing.T) {
	newDatabase(t)
	r := run(t, password+"\n", "operator", "create", "Ana@Example.com", "--role", "editor").succeeded(t)
	if !strings.Contains(r.stdout, "ana@example.com is registered as editor") || strings.Contains(r.stdout+r.stderr, password) {
		t.Errorf("it prints %q and %q", r.stdout, r.stderr)
	}
	o, err := signIn(t, "ana@example.com", password)
	if err != nil || o.Role != operator.Editor || o.TenancyID != operator.PlatformTenancyID {
		t.Errorf("the operator is %+v, %v", o, err)
	}
	run(t, password, "operator", "create", "ana@example.com").failed(t, 1, "another operator has this e-mail address")
}

func TestOperatorCreateMakesAPasswordAndShowsItOnce(t *testing.T) {
	newDatabase(t)
	for _, stdin := range []string{"", "\n", "\r\n"} {
		email := fmt.Sprintf("operator%d@example.com", len(stdin))
		r := run(t, stdin, "operator", "create", email).succeeded(t)
		match := regexp.MustCompile(`Password: (\S+)\n`).FindStringSubmatch(r.stdout)
		if match == nil {
			t.Fatalf("it prints %q", r.stdout)
		}
		if o, err := signIn(t, email, match[1]); err != nil || o.Role != operator.Admin {
			t.Errorf("the operator is %+v, %v", o, err)
		}
	}
}

func TestOperatorCreateRefusesBadInputWith2(t *testing.T) {
	newDatabase(t)
	run(t, "short\n", "operator", "create", "ana@example.com").failed(t, 2, "password must have 12 to 256 characters")
	run(t, password, "operator", "create", "nobody").failed(t, 2, "email must be an e-mail address")
	run(t, password, "operator", "create", "ana@example.com", "--role", "owner").failed(t, 2, "role must be")
	for _, id := range []string{uuid.NewString(), "Acme Ltd."} {
		run(t, password, "operator", "create", "ana@example.com", "--tenancy", id).failed(t, 1, fmt.Sprintf("there is no tenancy %q", id))
	}
	if _, err := signIn(t, "ana@example.com", password); err == nil {
		t.Error("a refused operator was registered")
	}
}

func TestOperatorResetPasswordReplacesThePassword(t *testing.T) {
	newDatabase(t)
	run(t, password, "operator", "create", "ana@example.com").succeeded(t)
	before, err := signIn(t, "ana@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, newPassword+"\n", "operator", "reset-password", "ana@example.com").succeeded(t)
	if strings.Contains(r.stdout+r.stderr, newPassword) {
		t.Errorf("it prints %q and %q", r.stdout, r.stderr)
	}
	if _, err := signIn(t, "ana@example.com", password); err == nil {
		t.Error("the old password still works")
	}
	after, err := signIn(t, "ana@example.com", newPassword)
	if err != nil || after.SessionGeneration <= before.SessionGeneration {
		t.Errorf("session generation %d, before %d, %v", after.SessionGeneration, before.SessionGeneration, err)
	}
	run(t, newPassword, "operator", "reset-password", "nobody@example.com").failed(t, 1, "there is no such operator")
	run(t, "short", "operator", "reset-password", "ana@example.com").failed(t, 2, "password must have")
}

func TestOperatorDeleteFreesTheAddress(t *testing.T) {
	newDatabase(t)
	id := strings.TrimSpace(run(t, "", "tenancy", "create", "Acme").succeeded(t).stdout)
	run(t, password, "operator", "create", "first@example.com", "--tenancy", id).succeeded(t)
	run(t, password, "operator", "create", "ana@example.com", "--tenancy", id).succeeded(t)
	run(t, "", "operator", "delete", "Ana@Example.com").succeeded(t)
	if _, err := signIn(t, "ana@example.com", password); err == nil {
		t.Error("the operator still signs in")
	}
	run(t, password, "operator", "create", "ana@example.com").succeeded(t)
	run(t, "", "operator", "delete", "nobody@example.com").failed(t, 1, "there is no such operator")
	run(t, "", "operator", "delete", "first@example.com").failed(t, 1, "the tenancy needs an admin")
}

func TestTenanciesAreCreatedAndListed(t *testing.T) {
	newDatabase(t)
	r := run(t, "", "tenancy", "create", "Acme Ltd.").succeeded(t)
	id := strings.TrimSuffix(r.stdout, "\n")
	if _, err := uuid.Parse(id); err != nil {
		t.Fatalf("it prints %q, which is no id alone", r.stdout)
	}
	run(t, "", "tenancy", "create", " ").failed(t, 2, "name must have")
	list := run(t, "", "tenancy", "list").succeeded(t).stdout
	if !strings.Contains(list, id+"  Acme Ltd.\n") {
		t.Errorf("the list is %q", list)
	}
	run(t, password, "operator", "create", "ana@example.com", "--tenancy", id).succeeded(t)
	if o, err := signIn(t, "ana@example.com", password); err != nil || o.TenancyID != id {
		t.Errorf("the operator is of %s, %v", o.TenancyID, err)
	}
}

func TestSigningKeysAreRotatedAndListed(t *testing.T) {
	newDatabase(t)
	list := func() []string {
		return strings.Split(strings.TrimSuffix(run(t, "", "signing-key", "list").succeeded(t).stdout, "\n"), "\n")
	}
	states := func() (states []string) {
		for _, key := range list() {
			states = append(states, strings.Fields(key)[1])
		}
		return states
	}
	run(t, "", "signing-key", "rotate").succeeded(t)
	if keys := list(); len(keys) != 1 || !strings.HasSuffix(keys[0], "published until -") || !strings.Contains(keys[0], "ES256") {
		t.Fatalf("after the first: %q", keys)
	}
	run(t, "", "signing-key", "rotate").succeeded(t)
	if got := states(); !slices.Equal(got, []string{"signs", "waits"}) {
		t.Errorf("after the second the states are %v", got)
	}
	run(t, "", "signing-key", "rotate", "--now").succeeded(t)
	keys := list()
	if len(keys) != 3 {
		t.Fatalf("the list is %q", keys)
	}
	open := 0
	for _, key := range keys {
		if strings.HasSuffix(key, "published until -") {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d keys have no end: %q", open, keys)
	}
	first, _, _ := strings.Cut(keys[0], " ")
	run(t, "", "signing-key", "revoke", first).succeeded(t)
	if got := states(); got[0] != "revoked" {
		t.Errorf("the revoked key's state is %s", got[0])
	}
}

func TestMigrateMayRunAgain(t *testing.T) {
	newDatabase(t)
	for range 2 {
		run(t, "", "migrate").succeeded(t)
	}
}

func TestVerifyLogNamesTheEventThatWasTamperedWith(t *testing.T) {
	tampering := map[string]struct {
		statement string
		event     int
	}{
		"an altered event":     {"UPDATE event SET actor_name = 'somebody else' WHERE seq = 2", 2},
		"an altered time":      {"UPDATE event SET at = at + 1 WHERE seq = 1", 1},
		"an altered state":     {"UPDATE event SET state_after = replace(state_after, 'Two', 'Tow') WHERE seq = 2", 2},
		"an altered hash":      {"UPDATE event SET hash = zeroblob(32) WHERE seq = 3", 3},
		"a removed event":      {"DELETE FROM event WHERE seq = 2", 2},
		"the last one removed": {"DELETE FROM event WHERE seq = 3", 3},
		"all removed":          {"DELETE FROM event", 1},
		"the head moved back":  {"DELETE FROM event WHERE seq = 3; UPDATE log_head SET seq = 2", 2},
	}
	path := newDatabase(t)
	for _, name := range []string{"One", "Two", "Three"} {
		run(t, "", "tenancy", "create", name).succeeded(t)
	}
	r := run(t, "", "verify-log").succeeded(t)
	if !regexp.MustCompile(`^3 events verified; the last one's hash is [0-9a-f]{64}\n$`).MatchString(r.stdout) {
		t.Fatalf("it prints %q", r.stdout)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tampering {
		t.Run(name, func(t *testing.T) {
			tamper(t, write(t, newDatabase(t), whole), test.statement)
			run(t, "", "verify-log").failed(t, 1, fmt.Sprintf("the event log does not verify: event %d:", test.event))
		})
	}
}

// tamper changes the SQLite database at path.
func tamper(t *testing.T, path, statement string) {
	t.Helper()
	execute(t, "sqlite://"+path, statement)
}

// execute runs statements in the database at url as another program would.
func execute(t *testing.T, url, statements string) {
	t.Helper()
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
		driver, source = "sqlite", filepath.Clean(path)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAnEmptyLogVerifies(t *testing.T) {
	newDatabase(t)
	if r := run(t, "", "verify-log").succeeded(t); !strings.HasPrefix(r.stdout, "0 events verified") {
		t.Errorf("it prints %q", r.stdout)
	}
}

// TestACommandIsNamedInTheLogForAllThatItMakes, including what the first start would have made otherwise.
func TestACommandIsNamedInTheLogForAllThatItMakes(t *testing.T) {
	path := newDatabase(t)
	run(t, "", "operator", "create", "ana@example.com").succeeded(t)
	run(t, "", "checkpoint").succeeded(t)
	store := sqlstoretest.Open(t, "sqlite://"+path)
	events, err := store.After(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[eventlog.Action]string{}
	for _, e := range events {
		got[e.Action] = e.Actor.Name
	}
	want := map[eventlog.Action]string{
		eventlog.TenancyCreated: "apikeys operator create", eventlog.OperatorCreated: "apikeys operator create", eventlog.SigningKeyCreated: "apikeys checkpoint",
	}
	if !maps.Equal(got, want) {
		t.Errorf("the log names %v, not %v", got, want)
	}
}
