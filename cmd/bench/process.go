package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long processes may take to start and to stop.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// process is a server under test.
type process struct {
	name    string
	command *exec.Cmd
	address string        // host:port
	ended   chan struct{} // closed when it is gone
}

// announced matches what a server prints when it is ready, as the service does.
var announced = regexp.MustCompile(`listens on http://(\S+)`)

// launch starts a server and returns when it listens.
func launch(ctx context.Context, name string, command *exec.Cmd) (process, error) {
	p := process{name: name, command: command, ended: make(chan struct{})}
	// A pipe of our own, because Wait closes the command's pipe, possibly before everything has been read.
	output, input, err := os.Pipe()
	if err != nil {
		return p, err
	}
	command.Stdout = input
	err = command.Start()
	_ = input.Close() // the child has its own
	if err != nil {
		return p, errors.Join(err, output.Close())
	}
	go func() {
		defer close(p.ended)
		_ = command.Wait() // how it ends does not matter
	}()
	addresses := make(chan string, 1)
	go func() {
		defer func() { _ = output.Close() }() // it was read only
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if found := announced.FindStringSubmatch(lines.Text()); found != nil {
				select {
				case addresses <- found[1]:
				default:
				}
			}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case p.address = <-addresses:
		return p, nil
	case <-p.ended:
		return p, fmt.Errorf("%s ended: %v", name, command.ProcessState)
	case <-ctx.Done():
		p.stop()
		return p, fmt.Errorf("%s does not start: %w", name, ctx.Err())
	}
}

// stop shuts the server down, and kills it if that takes too long.
func (p process) stop() {
	if p.command == nil || p.command.Process == nil {
		return
	}
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// ticksPerSecond is the unit of times in /proc, the same on every Linux that Go runs on.
const ticksPerSecond = 100

// cpu returns how much processor time the server has used, 0 if that is unknown.
func (p process) cpu() time.Duration {
	if runtime.GOOS != "linux" || p.command == nil {
		return 0
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/stat")
	if err != nil {
		return 0
	}
	_, after, ok := bytes.Cut(stat, []byte(") ")) // after the name, which may contain spaces
	fields := strings.Fields(string(after))
	if !ok || len(fields) < 13 {
		return 0
	}
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	if errUser != nil || errSystem != nil {
		return 0
	}
	return time.Duration(user+system) * time.Second / ticksPerSecond
}

// machineCPU returns how much processor time all programs and the system have used, 0 if that is unknown.
func machineCPU() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	// user, nice, system, idle, iowait, irq, softirq; the remaining fields are already included in these, or are another machine's
	// time.
	line, _, _ := strings.Cut(string(stat), "\n")
	var ticks int64
	for i, field := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 7 {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// ourselves returns a command that runs this program in a role, with its setting as JSON on standard input.
func ourselves(ctx context.Context, role string, setting any) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(setting)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self, role) //nolint:gosec // this program and a name of its own
	command.Stdin, command.Stderr = bytes.NewReader(encoded), os.Stderr
	return command, nil
}

// readSetting reads the setting that ourselves has passed.
func readSetting(into any) error {
	encoded, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, into)
}
