package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/piercloud/apikeys/pkg/sealed"
)

// password is the first operator's.
const password = "correct horse battery staple"

// bench is what the yardsticks share. Its service is started by the first one that asks for it.
type bench struct {
	options
	folder  string // temporary
	commit  string
	cleanup []func()
	running *service
}

func newBench(o options) (*bench, error) {
	if _, err := os.Stat(o.binary); err != nil {
		return nil, fmt.Errorf("the service's binary: %w", err)
	}
	folder, err := os.MkdirTemp("", "apikeys-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, folder: folder, commit: presentCommit()}
	b.later(func() { _ = os.RemoveAll(folder) }) // leftovers in a temporary folder do no harm
	return b, nil
}

// later registers a function to be called at the end. The last one is called first.
func (b *bench) later(f func()) { b.cleanup = append(b.cleanup, f) }

func (b *bench) close() {
	for i := len(b.cleanup) - 1; i >= 0; i-- {
		b.cleanup[i]()
	}
}

// presentCommit names the commit that is checked out.
func presentCommit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output() //nolint:noctx // ends by itself
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// database creates an empty database on the server that TEST_DATABASE_URL names, which .make/with-postgres starts, and returns
// its URL. The database is dropped at the end.
func (b *bench) database(ctx context.Context) (string, error) {
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		return "", errors.New("TEST_DATABASE_URL is not set; make bench starts a server and sets it")
	}
	name := "bench_" + strings.ToLower(rand.Text()[:12])
	if err := execute(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	b.later(func() {
		if err := execute(context.WithoutCancel(ctx), server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			fmt.Fprintf(os.Stderr, "bench: drop a database: %v\n", err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("TEST_DATABASE_URL is not a URL")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func execute(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// environment is the configuration of a service. Its process gets nothing else.
type environment map[string]string

// environment returns the configuration of a service on a database. It has no rate limits, since all requests come from one
// address, as fast as they can.
func (b *bench) environment(database string) environment {
	return environment{
		"APIKEYS_LISTEN": "127.0.0.1:0", "APIKEYS_DATABASE_URL": database, "APIKEYS_MASTER_KEY": sealed.NewMasterKey(),
		"APIKEYS_OPERATOR_PASSWORD": password, "APIKEYS_LIMITS": "off", "APIKEYS_LOG_FORMAT": "json",
	}
}

// list returns the variables as a process gets them.
func (e environment) list() []string {
	list := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	return list
}

// serve starts the service's binary. Its log, with a line for each request, goes to a file.
func (b *bench) serve(ctx context.Context, e environment) (process, error) {
	command := exec.CommandContext(ctx, b.binary, "serve") //nolint:gosec // the binary under test
	command.Env = e.list()
	return b.launchLogged(ctx, "service", command)
}

// launchLogged starts a server whose standard error goes to a file.
func (b *bench) launchLogged(ctx context.Context, name string, command *exec.Cmd) (process, error) {
	log, err := os.CreateTemp(b.folder, name+"-*.log")
	if err != nil {
		return process{}, err
	}
	command.Stderr = log
	p, err := launch(ctx, name, command)
	_ = log.Close() // the child has its own
	if err != nil {
		return p, fmt.Errorf("%w\n%s", err, lastLines(log.Name()))
	}
	b.later(p.stop)
	return p, nil
}

// lastLines returns the end of a log.
func lastLines(path string) string {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-2000):])
}
