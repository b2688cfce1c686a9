package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

func TestTheMasterKeyFileIsRotatedOnlyWhileNobodyServes(t *testing.T) {
	path := newDatabase(t)
	run(t, "", "signing-key", "rotate").succeeded(t)
	before, err := os.ReadFile(path + ".master-key")
	if err != nil {
		t.Fatal(err)
	}
	serving, err := configOf(t)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(serving, app.Options{Logger: app.NewLogger(serving, t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, "", "rotate-master-key").failed(t, 1, "stop the service first")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "", "rotate-master-key").succeeded(t); r.stdout != "1 signing keys and 0 kept answers encrypted under the new master key\n" {
		t.Errorf("it prints %q", r.stdout)
	}
	if after, err := os.ReadFile(path + ".master-key"); err != nil || bytes.Equal(before, after) {
		t.Errorf("the key is the same, %v", err)
	}
	run(t, "", "checkpoint").succeeded(t) // which a signing key signs
	t.Setenv("APIKEYS_MASTER_KEY", string(before))
	run(t, "", "rotate-master-key").failed(t, 2, "APIKEYS_MASTER_KEY_PREVIOUS")
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
		run(t, "", strings.Fields(line)...).failed(t, 2, key+", is not there, while the database is")
		if left, err := filepath.Glob(key + "*"); err != nil || len(left) > 0 {
			t.Fatalf("%s left %v, %v", line, left, err)
		}
	}
	write(t, key, content)
	run(t, "", "checkpoint").succeeded(t)
}
