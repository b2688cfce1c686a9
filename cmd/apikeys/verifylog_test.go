package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// checkpointed returns the path of a database with some events, and that of a checkpoint of it.
func checkpointed(t *testing.T) (database, checkpoint string) {
	t.Helper()
	database = newDatabase(t)
	run(t, "", "tenancy", "create", "One").succeeded(t)
	r := run(t, "", "checkpoint").succeeded(t)
	if !regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+\n$`).MatchString(r.stdout) {
		t.Fatalf("it prints %q", r.stdout)
	}
	checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(checkpoint, []byte(r.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	return database, checkpoint
}

func TestALogIsVerifiedAgainstACheckpoint(t *testing.T) {
	_, checkpoint := checkpointed(t)
	run(t, "", "tenancy", "create", "Two").succeeded(t)
	r := run(t, "", "verify-log", "--checkpoint", checkpoint).succeeded(t)
	if !strings.HasPrefix(r.stdout, "3 events verified") || !strings.Contains(r.stdout, "event 2 is the one that the checkpoint of 2") {
		t.Errorf("it prints %q", r.stdout)
	}
	text, err := os.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	run(t, string(text), "verify-log", "--checkpoint", "-").succeeded(t)
	run(t, "", "signing-key", "rotate", "--now").succeeded(t)
	run(t, string(text), "verify-log", "--checkpoint", "-").succeeded(t)

	run(t, "", "verify-log", "--checkpoint", filepath.Join(t.TempDir(), "none")).failed(t, 1, "read the checkpoint")
	header, rest, _ := strings.Cut(string(text), ".")
	for _, bad := range []string{"", "x", "a.b.c", header + "." + rest[1:], header[1:] + "." + rest, strings.Replace(string(text), ".", "..", 1)} {
		run(t, bad, "verify-log", "--checkpoint", "-").failed(t, 1, "the checkpoint can't be trusted: not signed by this service")
	}
}

func TestAnInterruptEndsTheWaitForACheckpoint(t *testing.T) {
	newDatabase(t)
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	root := newRootCommand()
	root.SetIn(readerFunc(func(text []byte) (int, error) {
		cancel()
		return reader.Read(text)
	}))
	root.SetOut(io.Discard)
	root.SetArgs([]string{"verify-log", "--checkpoint", "-"})
	if err := root.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
}

// readerFunc is a function as a reader.
type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(text []byte) (int, error) { return f(text) }

func TestACheckpointFindsALogThatWasCutOff(t *testing.T) {
	path, checkpoint := checkpointed(t)
	tamper(t, path, "DELETE FROM event WHERE seq = 2")
	tamper(t, path, "UPDATE log_head SET seq = 1, hash = (SELECT hash FROM event WHERE seq = 1)")
	run(t, "", "verify-log").succeeded(t) // the chain alone does not show it
	run(t, "", "verify-log", "--checkpoint", checkpoint).failed(t, 1, "event 2: is missing: the checkpoint tells of event 2")
}

func TestPruningAsksForDays(t *testing.T) {
	newDatabase(t)
	for _, line := range []string{"", "--keep", "--keep=400", "--keep=1d", "--keep=0d", "--keep=-5d", "--keep=1.5d", "--keep=25h", "--keep=999999d", "--keep=400d more"} {
		if r := run(t, "", append([]string{"prune-log"}, strings.Fields(line)...)...); r.err == nil || r.code != 2 {
			t.Errorf("%s: exit code %d, %v", line, r.code, r.err)
		}
	}
}

func TestPruningTakesOutOldEvents(t *testing.T) {
	path, checkpoint := checkpointed(t)
	if r := run(t, "", "prune-log", "--keep", "2d").succeeded(t); r.stdout != "0 events pruned; the log begins after event 0\n" {
		t.Errorf("it prints %q", r.stdout)
	}
	tamper(t, path, "UPDATE event SET at = at - 864000000000 WHERE seq = 1")
	run(t, "", "prune-log", "--keep", "2d").failed(t, 1, "nothing was pruned, because the event log does not verify: event 1:")
	tamper(t, path, "UPDATE event SET at = at + 864000000000 WHERE seq = 1")
	run(t, "", "verify-log", "--checkpoint", checkpoint).succeeded(t)
}
