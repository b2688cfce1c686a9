package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

// result is the outcome of a command.
type result struct {
	stdout, stderr string
	code           int
	err            error
}

// run runs a command line with text on standard input.
func run(t *testing.T, stdin string, arguments ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRootCommand()
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetIn(strings.NewReader(stdin))
	root.SetArgs(arguments)
	err := root.ExecuteContext(t.Context())
	r := result{stdout: stdout.String(), stderr: stderr.String(), err: err}
	if err != nil {
		r.code = exitCode(err)
	}
	return r
}

// newDatabase sets the environment for a new SQLite database with empty tables and its master key beside it, and returns its path.
func newDatabase(t *testing.T) string {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, app.Prefix) {
			t.Setenv(name, "") // so that it is restored
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	url := sqlstoretest.SQLite(t)
	t.Setenv("APIKEYS_DATABASE_URL", url)
	path := strings.TrimPrefix(url, "sqlite://")
	write(t, path+".master-key", []byte(sealed.NewMasterKey()))
	return path
}

func (r result) succeeded(t *testing.T) result {
	t.Helper()
	if r.err != nil {
		t.Fatalf("%v\n%s%s", r.err, r.stdout, r.stderr)
	}
	return r
}

func (r result) failed(t *testing.T, code int, says string) {
	t.Helper()
	if r.err == nil || r.code != code || !strings.Contains(r.err.Error(), says) {
		t.Errorf("the exit code is %d, the error %v; want %d and %q", r.code, r.err, code, says)
	}
}

func TestResultsGoToStandardOutput(t *testing.T) {
	root := newRootCommand()
	if root.OutOrStderr() != os.Stdout {
		t.Error("what commands print can't be piped")
	}
	if root.ErrOrStderr() != os.Stderr {
		t.Error("errors are printed among results")
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestACommandFailsWhenWhatItTellsCantBeWritten(t *testing.T) {
	newDatabase(t)
	for _, line := range []string{
		"version", "checkpoint", "verify-log", "tenancy create Acme", "tenancy list", "signing-key list", "operator create ana@example.com",
		"operator reset-password ana@example.com", "operator create bob@example.com", "operator delete bob@example.com", "doctor", "restore",
	} {
		root := newRootCommand()
		root.SetOut(full{})
		root.SetIn(strings.NewReader(""))
		root.SetArgs(strings.Fields(line))
		err := root.ExecuteContext(t.Context())
		result{code: exitCode(err), err: err}.failed(t, 1, "the command's output can't be written: no space left on device")
	}
}

func TestVersionIsPrinted(t *testing.T) {
	if r := run(t, "", "version").succeeded(t); r.stdout != "apikeys dev\n" {
		t.Errorf("it prints %q", r.stdout)
	}
}

func TestAWrongCommandLineExitsWith2(t *testing.T) {
	newDatabase(t)
	for _, line := range []string{
		"bogus", "serv", "serve extra", "version extra", "--bogus", "serve --bogus", "operator bogus", "operator create", "operator create a b",
		"operator reset-password", "operator delete", "tenancy bogus", "tenancy create", "tenancy list extra", "signing-key bogus", "signing-key rotate extra",
		"verify-log extra", "migrate extra", "scan", "signing-key rotate --now=maybe",
	} {
		if r := run(t, "", strings.Fields(line)...); r.err == nil || r.code != 2 {
			t.Errorf("%s: exit code %d, %v", line, r.code, r.err)
		}
	}
}

func TestAWrongConfigurationExitsWith2(t *testing.T) {
	newDatabase(t)
	t.Setenv("APIKEYS_LOG_LEVEL", "loud")
	for _, line := range []string{"serve", "migrate", "verify-log", "tenancy list", "operator create ana@example.com"} {
		run(t, "", strings.Fields(line)...).failed(t, 2, "APIKEYS_LOG_LEVEL must be one of")
	}
	run(t, "", "--log-level", "info", "migrate").succeeded(t)
}

func TestHelpIsShownAndExitsWith0(t *testing.T) {
	for _, line := range []string{"", "--help", "help serve", "operator", "tenancy", "signing-key"} {
		if r := run(t, "", strings.Fields(line)...).succeeded(t); !strings.Contains(r.stdout, "Usage:") {
			t.Errorf("%q prints %q", line, r.stdout)
		}
	}
}

// configOf returns the configuration that a command line results in.
func configOf(t *testing.T, arguments ...string) (app.Config, error) {
	t.Helper()
	root := newRootCommand()
	var config app.Config
	var failure error
	command, _, err := root.Find([]string{"migrate"})
	if err != nil {
		t.Fatal(err)
	}
	command.RunE = func(c *cobra.Command, _ []string) error {
		config, failure = loadConfig(c)
		return nil
	}
	root.SetArgs(append([]string{"migrate"}, arguments...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return config, failure
}

func TestFlagsOverrideTheEnvironment(t *testing.T) {
	newDatabase(t)
	t.Setenv("APIKEYS_LISTEN", "127.0.0.1:1111")
	t.Setenv("APIKEYS_ISSUER", "https://environment.example.com")
	config, err := configOf(t, "--listen", "127.0.0.1:2222", "--cors-origins=https://a.example.com,https://b.example.com")
	if err != nil || config.Listen != "127.0.0.1:2222" || config.Issuer != "https://environment.example.com" || len(config.CORSOrigins) != 2 {
		t.Errorf("the configuration is %+v, %v", config, err)
	}
	for _, v := range app.Variables() {
		name := flagName(v.Name)
		if v.Secret {
			if newRootCommand().PersistentFlags().Lookup(name) != nil {
				t.Errorf("the secret %s can be given on the command line, which others can read", v.Name)
			}
			name += "-file"
		}
		if newRootCommand().PersistentFlags().Lookup(name) == nil {
			t.Errorf("%s has no flag --%s", v.Name, name)
		}
	}
}

func TestAFileFlagOverridesTheSecretOfTheEnvironment(t *testing.T) {
	newDatabase(t)
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("sqlite://elsewhere.db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := configOf(t, "--database-url-file", path)
	if err != nil || config.DatabaseURL != "sqlite://elsewhere.db" {
		t.Errorf("the database is %s, %v", config.DatabaseURL, err)
	}
}
