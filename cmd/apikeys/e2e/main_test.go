// Package e2e tests the command as people run it: the real binary in a process of its own, on both databases, driven over HTTP, by
// signals and by its commands. Package api tests how each route answers every kind of input, and other packages test their own
// guarantees. The tests here are for what only the whole can show.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// How long tests wait for something that must happen. It usually takes much less, but a slow machine must not fail.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
)

// binary is the command under test, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "apikeys-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }() // leftovers in a temporary folder do no harm
	binary = filepath.Join(folder, "apikeys")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "github.com/piercloud/apikeys/cmd/apikeys")
	// The same settings as for `make build`, which has usually compiled nearly all of it already.
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// environment is the configuration of a service. Other variables are not set: only PATH is inherited.
type environment map[string]string

// with returns a copy of e with more variables; pairs alternates names and values.
func (e environment) with(pairs ...string) environment {
	e = maps.Clone(e)
	for pair := range slices.Chunk(pairs, 2) {
		e[pair[0]] = pair[1]
	}
	return e
}

// password is the first operator's password, except in tests that use a generated one.
const password = "correct horse battery staple"

// base returns a configuration on a free port without a database. It has no rate limits, since the tests send everything from one
// address as fast as they can, and no drain, so that a service that is told to stop does not wait for a proxy to notice.
func base() environment {
	return environment{
		"APIKEYS_LISTEN": "127.0.0.1:0", "APIKEYS_OPERATOR_PASSWORD": password, "APIKEYS_LIMITS": "off", "APIKEYS_DRAIN": "0s",
	}
}

// onSQLite returns a configuration with a SQLite database that does not exist yet.
func onSQLite(t testing.TB) environment {
	return base().with("APIKEYS_DATABASE_URL", "sqlite://"+filepath.Join(t.TempDir(), "data", "apikeys.db"))
}

// onPostgreSQL returns a configuration with the PostgreSQL database at url.
func onPostgreSQL(url string) environment {
	return base().with("APIKEYS_DATABASE_URL", url, "APIKEYS_MASTER_KEY", sealed.NewMasterKey())
}

// onBothDatabases runs a test on a new database of each kind.
func onBothDatabases(t *testing.T, test func(*testing.T, environment)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgreSQL(pgtest.URL(t)))
	})
}

// command prepares the binary to run with a configuration, in an empty folder.
func command(t testing.TB, e environment, arguments ...string) *exec.Cmd {
	c := exec.Command(binary, arguments...)
	c.Dir = t.TempDir()
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir}
	for name, value := range e {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command to its end.
func run(t testing.TB, e environment, arguments ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	c := command(t, e, arguments...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Kill() }) // it may have ended by itself
	defer stop()
	err := c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("apikeys %s did not end\n%s%s", strings.Join(arguments, " "), stdout.String(), stderr.String())
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// service is a running `apikeys serve`.
type service struct {
	t       testing.TB
	process *exec.Cmd
	address string // host:port
	stdout  *recording
	stderr  *recording
	ended   chan struct{} // closed when the process is gone
}

// announced is the line that says that the service is ready, and where.
var announced = regexp.MustCompile(`(?m)^API Keys listens on http://(\S+)$`)

// start runs the service and returns when it is ready.
func start(t testing.TB, e environment) *service {
	t.Helper()
	s := launch(t, e)
	s.awaitReady()
	return s
}

// launch starts the service and does not wait. It is killed at the end of the test if it is still running.
func launch(t testing.TB, e environment) *service {
	t.Helper()
	s := &service{t: t, stdout: &recording{}, stderr: &recording{}}
	s.launch(e, s.stderr)
	return s
}

// launch is the function [launch] with another destination for the log than s.stderr.
func (s *service) launch(e environment, log io.Writer) {
	s.t.Helper()
	t := s.t
	s.ended, s.address = make(chan struct{}), e["APIKEYS_LISTEN"]
	s.process = command(t, e, "serve")
	s.process.Stdout, s.process.Stderr = s.stdout, log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = s.process.Wait() // exitCode returns how it ended
	}()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the service wrote\n%s\n%s", s.stdout, lastPart(s.stderr.String()))
		}
	})
}

// lastPart returns the end of a text that may be long.
func lastPart(text string) string {
	const limit = 8 << 10
	return text[max(0, len(text)-limit):]
}

// awaitReady returns when the service has said where it listens.
func (s *service) awaitReady() {
	s.t.Helper()
	await.Until(s.t, startTimeout, "the service is ready", func() bool {
		if s.gone() {
			s.t.Fatalf("the service ended with code %d\n%s", s.process.ProcessState.ExitCode(), s.stderr)
		}
		found := announced.FindStringSubmatch(s.stdout.String())
		if found != nil {
			s.address = found[1]
		}
		return found != nil
	})
}

func (s *service) gone() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// url returns the address of a path.
func (s *service) url(path string) string { return "http://" + s.address + path }

// kill ends the process at once, without a chance to clean up, and returns when it is gone.
func (s *service) kill() {
	_ = s.process.Process.Kill() // it may be gone
	<-s.ended
}

// terminate asks the process to end.
func (s *service) terminate() {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
}

// exitCode waits for the end of the process.
func (s *service) exitCode() int {
	s.t.Helper()
	select {
	case <-s.ended:
		return s.process.ProcessState.ExitCode()
	case <-time.After(stopTimeout):
		s.t.Fatal("the service did not end")
		return -1
	}
}

// stop ends the service gracefully.
func (s *service) stop() {
	s.t.Helper()
	s.terminate()
	if code := s.exitCode(); code != 0 {
		s.t.Fatalf("the service ended with code %d, not 0", code)
	}
}

// recording keeps what a process writes. It is safe for concurrent use.
type recording struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recording) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recording) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
