package main

import (
	"os"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

func TestDataIsMigratedToAnEmptyDatabaseWithTheSameKey(t *testing.T) {
	path := newDatabase(t)
	from := "--from=sqlite://" + path
	run(t, "", "tenancy", "create", "Straße 钥匙").succeeded(t)
	checkpoint := run(t, "", "checkpoint").succeeded(t).stdout
	key, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	run(t, "", "migrate-data", from).failed(t, 2, "APIKEYS_DATABASE_URL")
	a := serving(t)

	t.Setenv("APIKEYS_DATABASE_URL", pgtest.URL(t))
	t.Setenv("APIKEYS_MASTER_KEY", strings.TrimSpace(string(key)))
	run(t, "", "migrate-data").failed(t, 2, "--from")
	run(t, "", "migrate-data", "--from=postgres://x").failed(t, 2, "--from")
	run(t, "", "migrate-data", from).failed(t, 1, "stop the service first")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("APIKEYS_MASTER_KEY", sealed.NewMasterKey())
	run(t, "", "migrate-data", from).failed(t, 2, "APIKEYS_MASTER_KEY is not the master key of the source")
	t.Setenv("APIKEYS_MASTER_KEY", strings.TrimSpace(string(key)))
	r := run(t, "", "migrate-data", from).succeeded(t)
	if !strings.Contains(r.stdout, "2  tenancy\n") || !strings.Contains(r.stdout, "events verified") || !strings.Contains(r.stderr, "event: ") {
		t.Errorf("it prints\n%s%s", r.stdout, r.stderr)
	}
	if list := run(t, "", "tenancy", "list").succeeded(t).stdout; !strings.Contains(list, "Straße 钥匙") {
		t.Errorf("the customers are %q", list)
	}
	run(t, checkpoint, "verify-log", "--checkpoint", "-").succeeded(t)
	run(t, "", "migrate-data", from).failed(t, 1, "is not empty")
}

func TestAFailureAfterTheMoveSaysThatEverythingWasMoved(t *testing.T) {
	path := newDatabase(t)
	run(t, "", "tenancy", "create", "Acme").succeeded(t)
	tamper(t, path, "UPDATE event SET actor_name = 'somebody else'")
	key, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("APIKEYS_DATABASE_URL", pgtest.URL(t))
	t.Setenv("APIKEYS_MASTER_KEY", string(key))
	r := run(t, "", "migrate-data", "--from=sqlite://"+path)
	r.failed(t, 1, "everything has been moved")
	r.failed(t, 1, "the event log does not verify")
	if !strings.Contains(r.stdout, "1  tenancy\n") {
		t.Errorf("it prints\n%s", r.stdout)
	}
	if list := run(t, "", "tenancy", "list").succeeded(t).stdout; !strings.Contains(list, "Acme") {
		t.Errorf("the customers are %q", list)
	}
}
