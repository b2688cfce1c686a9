package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// serving returns a service that has opened the configured database.
func serving(t *testing.T) *app.App {
	t.Helper()
	config, err := configOf(t)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(config, app.Options{Logger: app.NewLogger(config, t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheMasterKeyFileIsRotatedOnlyWhileNobodyServes(t *testing.T) {
	path := newDatabase(t)
	run(t, "", "signing-key", "rotate").succeeded(t)
	before, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	a := serving(t)
	run(t, "", "rotate-master-key").failed(t, 1, "stop the service first")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "", "rotate-master-key").succeeded(t); r.stdout != "1 signing keys and 0 idempotency answers encrypted under the new master key\n" {
		t.Errorf("it prints %q", r.stdout)
	}
	if after, err := os.ReadFile(path + ".master-key"); err != nil || bytes.Equal(before, after) {
		t.Errorf("the key is the same, %v", err)
	}
	run(t, "", "checkpoint").succeeded(t) // needs the signing key, which the master key opens
	t.Setenv("APIKEYS_MASTER_KEY", string(before))
	run(t, "", "rotate-master-key").failed(t, 2, "APIKEYS_MASTER_KEY_PREVIOUS")
}

// TestTheNextMasterKeyBelongsToWhomTheOneBeforeDid, even if root runs the command. Only a test that root runs can check that.
func TestTheNextMasterKeyBelongsToWhomTheOneBeforeDid(t *testing.T) {
	path := newDatabase(t)
	run(t, "", "signing-key", "rotate").succeeded(t)
	key := path + ".master-key"
	if os.Geteuid() == 0 {
		if err := os.Chown(key, 65534, 65533); err != nil {
			t.Fatal(err)
		}
	}
	owner := func() [2]uint32 {
		var status syscall.Stat_t
		if err := syscall.Stat(key, &status); err != nil {
			t.Fatal(err)
		}
		return [2]uint32{status.Uid, status.Gid}
	}
	before := owner()
	run(t, "", "rotate-master-key").succeeded(t)
	if after := owner(); after != before {
		t.Errorf("it belonged to %d, and its successor belongs to %d", before, after)
	}
	ownersAlone(t, key)
}

func TestConfiguredMasterKeysAreReplacedWhileTheServiceHasBoth(t *testing.T) {
	path := newDatabase(t)
	before, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	caller := apikey.Caller{TenancyID: operator.PlatformTenancyID, Actor: eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}}
	create := func(a *app.App) apikey.Created {
		created, err := a.Keys.Create(t.Context(), caller, apikey.Draft{
			Name: "key", Scopes: []string{"lighthouse.workspaces:readonly"}, Lifespan: apikey.DefaultLifespan,
		}, "idempotency-key-1")
		if err != nil {
			t.Fatal(err)
		}
		return created
	}
	a := serving(t)
	created := create(a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	const (
		goOn   = "decrypts everything already"
		opens  = "APIKEYS_MASTER_KEY_PREVIOUS decrypts what APIKEYS_MASTER_KEY does not"
		idle   = "APIKEYS_MASTER_KEY_PREVIOUS decrypts nothing that APIKEYS_MASTER_KEY does not"
		rotate = "apikeys rotate-master-key"
	)
	advised := func(detail string, toRotate bool) {
		t.Helper()
		found, _ := examine(t)
		if f := found["warning master key"]; f.Detail != detail || strings.Contains(f.Remedy, rotate) != toRotate {
			t.Errorf("the doctor finds %+v", f)
		}
	}
	after := sealed.NewMasterKey()
	t.Setenv("APIKEYS_MASTER_KEY", string(before))
	t.Setenv("APIKEYS_MASTER_KEY_PREVIOUS", after)
	advised(idle, false)
	if r := run(t, "", "rotate-master-key").succeeded(t); !strings.Contains(r.stdout, goOn) {
		t.Errorf("before anything uses the new key it prints %q", r.stdout)
	}

	t.Setenv("APIKEYS_MASTER_KEY", after)
	t.Setenv("APIKEYS_MASTER_KEY_PREVIOUS", string(before))
	advised(opens, true)
	a = serving(t)
	if r := run(t, "", "rotate-master-key").succeeded(t); r.stdout != "1 signing keys and 1 idempotency answers encrypted under the new master key\n" {
		t.Errorf("it prints %q", r.stdout)
	}
	advised(idle, false)
	if again := create(a); again.Secret != created.Secret {
		t.Error("the kept answer is not what was answered")
	}
	if err := errors.Join(a.Keyring.Load(t.Context(), eventlog.Service), a.Close()); err != nil {
		t.Error(err)
	}
	t.Setenv("APIKEYS_MASTER_KEY_PREVIOUS", "")
	if err := serving(t).Close(); err != nil {
		t.Error(err)
	}
}

func TestALostMasterKeyIsNotReplaced(t *testing.T) {
	path := newDatabase(t)
	run(t, "", "signing-key", "rotate").succeeded(t)
	key := path + ".master-key"
	content, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, key)
	for _, line := range slices.Concat([]string{"serve --listen=127.0.0.1:0"}, needing, beginning) {
		run(t, "", strings.Fields(line)...).failed(t, 2, key+", is missing, but the database exists")
		if left, err := filepath.Glob(key + "*"); err != nil || len(left) > 0 {
			t.Fatalf("%s left %v, %v", line, left, err)
		}
	}
	write(t, key, content)
	run(t, "", "checkpoint").succeeded(t)
}
