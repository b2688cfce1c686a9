package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/piercloud/apikeys/pkg/await"
)

// newTerminal returns the side of a terminal that a person types at, and the side that a program reads.
func newTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// asked runs operator create on a terminal, and returns when it waits for the password.
func asked(t *testing.T, terminal *os.File) (cancel context.CancelCauseFunc, ended func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	root := newRootCommand()
	root.SetIn(terminal)
	root.SetOut(&bytes.Buffer{})
	root.SetErr(&bytes.Buffer{})
	root.SetArgs([]string{"operator", "create", "ana@example.com"})
	result := make(chan error, 1)
	go func() { result <- root.ExecuteContext(ctx) }()
	ended = sync.OnceValue(func() error { return <-result })
	t.Cleanup(func() {
		cancel(nil)
		_ = ended() // the test has checked the error
	})
	await.Until(t, 30*time.Second, "the terminal shows nothing that is typed", func() bool { return !echoes(t, terminal) })
	return cancel, ended
}

func TestAPasswordIsTypedWithoutEcho(t *testing.T) {
	newDatabase(t)
	person, terminal := newTerminal(t)
	_, ended := asked(t, terminal)
	if _, err := person.WriteString(password + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := ended(); err != nil {
		t.Fatal(err)
	}
	if !echoes(t, terminal) {
		t.Error("the terminal stays without echo")
	}
	if _, err := signIn(t, "ana@example.com", password); err != nil {
		t.Error(err)
	}
}

func TestAnInterruptAtThePasswordEndsTheCommandAndGivesTheEchoBack(t *testing.T) {
	newDatabase(t)
	_, terminal := newTerminal(t)
	cancel, ended := asked(t, terminal)
	interrupt := errors.New("interrupt signal received")
	cancel(interrupt)
	if err := ended(); !errors.Is(err, interrupt) || exitCode(err) != 1 {
		t.Errorf("it ends with %v", err)
	}
	if !echoes(t, terminal) {
		t.Error("the terminal stays without echo")
	}
	run(t, password, "operator", "reset-password", "ana@example.com").failed(t, 1, "there is no such operator")
}
