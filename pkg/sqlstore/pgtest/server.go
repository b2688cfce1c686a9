package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Server is a PostgreSQL server that belongs to one test, for testing what happens when the server goes away. Its methods are
// safe for concurrent use.
type Server struct {
	t       testing.TB
	url     string
	process *process

	mu      sync.Mutex
	running bool
}

// NewServer starts a server for this test alone, even if TEST_DATABASE_URL is set, and removes it when the test ends. It takes
// about a second.
func NewServer(t testing.TB) *Server {
	t.Helper()
	started, err := launch()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := started.end(); err != nil {
			t.Errorf("pgtest: remove the server: %v", err)
		}
	})
	if err := execute(started.admin, "CREATE DATABASE apikeys"); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	database, err := withDatabase(started.admin, "apikeys")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return &Server{t: t, url: database, process: started, running: true}
}

// URL returns the URL of a database that is empty at first. It stays the same when the server is stopped and started.
func (s *Server) URL() string {
	return s.url
}

// Stop ends the server as a crash would: every connection breaks, and new ones are refused until Start. What was committed is
// still there afterwards. Stopping a stopped server does nothing.
func (s *Server) Stop() {
	s.t.Helper()
	s.turn(false, "stop", "stopped")
}

// Start starts a stopped server again and returns once it accepts connections. Starting a running server does nothing.
func (s *Server) Start() {
	s.t.Helper()
	s.turn(true, "start", "started")
}

func (s *Server) turn(running bool, command, answer string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == running {
		return
	}
	if err := s.process.ask(command, answer); err != nil {
		s.t.Fatalf("pgtest: %s the server: %v", command, err)
	}
	s.running = running
}

// process is a running `.make/with-postgres --serve`. It ends, and takes the server with it, when its standard input is closed,
// which the kernel does if this process dies.
type process struct {
	admin   string // the superuser's URL
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	errors  *os.File
}

func launch() (*process, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	// The messages go to a file rather than a pipe: they may come after this process has ended, and `go test` would wait for
	// everything that shares its own standard error to end.
	messages, err := os.CreateTemp("", "pgtest-*.log")
	if err != nil {
		return nil, fmt.Errorf("make a file for the server's messages: %w", err)
	}
	if err := os.Remove(messages.Name()); err != nil {
		return nil, fmt.Errorf("unlink the file for the server's messages: %w", err)
	}
	p := &process{command: exec.Command(filepath.Join(root, ".make", "with-postgres"), "--serve"), errors: messages}
	p.command.Stderr = messages
	if p.input, err = p.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe to the server: %w", err)
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe from the server: %w", err)
	}
	p.output = bufio.NewReader(output)
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("run .make/with-postgres: %w", err)
	}
	line, err := p.output.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("no PostgreSQL server: %w\n%s", errors.Join(err, p.end()), p.messages())
	}
	p.admin = strings.TrimSpace(line)
	return p, nil
}

// ask sends a command and waits for its answer.
func (p *process) ask(command, answer string) error {
	if _, err := io.WriteString(p.input, command+"\n"); err != nil {
		return fmt.Errorf("%w\n%s", err, p.messages())
	}
	line, err := p.output.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.messages())
	}
	if strings.TrimSpace(line) != answer {
		return fmt.Errorf("it said %q, not %q", line, answer)
	}
	return nil
}

// end removes the server and waits until it is gone.
func (p *process) end() error {
	return errors.Join(p.input.Close(), p.command.Wait())
}

func (p *process) messages() string {
	if _, err := p.errors.Seek(0, io.SeekStart); err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(p.errors)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// moduleRoot finds the folder that contains go.mod. Tests run in their package's folder, which is below it.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the module: no go.mod above the working directory")
		}
		dir = parent
	}
}
