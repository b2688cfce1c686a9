package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/piercloud/apikeys/cmd/apikeys/app"
)

// profiledSetting is what the profiled service is started with.
type profiledSetting struct {
	Environment environment `json:"environment"`
	Folder      string      `json:"folder"` // where its profiles go
}

// serveProfiled runs the service, built by the same package as in the binary, but with profiles: SIGUSR1 starts them, and SIGUSR2
// ends them. The binary itself has no such switch, since profiles reveal what runs to anybody who can ask for them.
func serveProfiled(ctx context.Context) error {
	var setting profiledSetting
	if err := readSetting(&setting); err != nil {
		return err
	}
	config, err := app.LoadConfig(setting.Environment)
	if err != nil {
		return err
	}
	a, err := app.New(config, app.Options{Output: os.Stdout, Logger: app.NewLogger(config, app.NewLines(os.Stderr))})
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for range signals {
			if err := turnProfiles(setting.Folder, signals); err != nil {
				fmt.Fprintf(os.Stderr, "bench: profiles: %v\n", err)
			}
		}
	}()
	return errors.Join(a.Run(ctx), a.Close())
}

// turnProfiles records all profiles until the next signal.
func turnProfiles(folder string, until <-chan os.Signal) error {
	runtime.SetBlockProfileRate(int(10 * time.Microsecond))
	runtime.SetMutexProfileFraction(10)
	if err := writeProfile("allocs", filepath.Join(folder, "allocs-before")); err != nil {
		return err
	}
	cpu, err := os.Create(filepath.Join(folder, "cpu"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return errors.Join(err, cpu.Close())
	}
	before := collection()
	<-until
	after := collection()
	pprof.StopCPUProfile()
	failures := []error{cpu.Close()}
	for _, name := range []string{"allocs", "block", "mutex"} {
		failures = append(failures, writeProfile(name, filepath.Join(folder, name)))
	}
	text := fmt.Sprintf("%d collections, %.1f %% of the processor time that the service used", int(after[0]-before[0]),
		100*(after[1]-before[1])/((after[2]-before[2])-(after[3]-before[3])))
	failures = append(failures, os.WriteFile(filepath.Join(folder, "gc.part"), []byte(text), 0o600))
	// The last file appears whole, and shows that all the others are complete.
	return errors.Join(append(failures, os.Rename(filepath.Join(folder, "gc.part"), filepath.Join(folder, "gc")))...)
}

// collection returns the number of garbage collections, their processor time, the total processor time, and the idle part of it.
// Times are in seconds.
func collection() (values [4]float64) {
	samples := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/idle:cpu-seconds"},
	}
	metrics.Read(samples)
	values[0] = float64(samples[0].Value.Uint64())
	for i := 1; i < len(values); i++ {
		values[i] = samples[i].Value.Float64()
	}
	return values
}

func writeProfile(name, path string) error {
	file, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(file, 0), file.Close())
}

// measureProfile takes profiles of the service while it issues tokens, and while it verifies them.
func measureProfile(ctx context.Context, b *bench) (section, error) {
	var s section
	service, err := b.service(ctx)
	if err != nil {
		return s, err
	}
	tokens, err := service.tokens(ctx, len(service.keys))
	if err != nil {
		return s, err
	}
	for _, job := range []struct {
		what     string
		requests [][]byte
	}{
		{"`POST /oauth2/token`", requests(service.keys, tokenRequest)},
		{"`GET /oauth2/verify`", requests(tokens, verifyRequest)},
	} {
		notes, err := b.profile(ctx, service, job.what, job.requests)
		if err != nil {
			return s, err
		}
		s.Notes = append(s.Notes, notes...)
	}
	return s, nil
}

// profile runs a load against a profiled service on the same database and returns its profiles as text.
func (b *bench) profile(ctx context.Context, s *service, what string, requests [][]byte) ([]string, error) {
	folder, err := os.MkdirTemp(b.folder, "profile-")
	if err != nil {
		return nil, err
	}
	command, err := ourselves(ctx, "profiled", profiledSetting{s.environment, folder})
	if err != nil {
		return nil, err
	}
	p, err := b.launchLogged(ctx, "profiled", command)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	warm := load{p, connections, atRandom(requests), http.StatusOK, 0, warmUp}
	if _, err := warm.run(ctx); err != nil {
		return nil, err
	}
	if err := command.Process.Signal(syscall.SIGUSR1); err != nil {
		return nil, err
	}
	o, err := load{p, connections, atRandom(requests), http.StatusOK, warmUp, 2 * b.portion}.run(ctx)
	if err != nil {
		return nil, err
	}
	if err := command.Process.Signal(syscall.SIGUSR2); err != nil {
		return nil, err
	}
	if err := awaitFile(ctx, filepath.Join(folder, "gc")); err != nil {
		return nil, err
	}
	gc, err := os.ReadFile(filepath.Join(folder, "gc"))
	if err != nil {
		return nil, err
	}
	notes := []string{
		fmt.Sprintf("### %s", what),
		fmt.Sprintf("%s requests a second with all profiles on; garbage collection: %s.", thousands(int64(o.rate())), gc),
	}
	for _, profile := range []struct {
		title     string
		arguments []string
	}{
		{"Processor, by function alone", []string{"-nodecount=25", "cpu"}},
		{"Processor, by function and what it calls", []string{"-cum", "-nodecount=45", "-focus=net/http..*conn..serve", "cpu"}},
		{"Bytes allocated", []string{"-sample_index=alloc_space", "-nodecount=25", "-base=allocs-before", "allocs"}},
		{"Blocked on channels and locks", []string{"-nodecount=15", "block"}},
		{"Waiting for mutexes", []string{"-nodecount=15", "mutex"}},
	} {
		text, err := profileText(ctx, folder, profile.arguments)
		if err != nil {
			return nil, err
		}
		notes = append(notes, "#### "+profile.title, "```text\n"+text+"\n```")
	}
	return notes, nil
}

// awaitFile waits until a file exists.
func awaitFile(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	for {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(10*time.Millisecond)); err != nil {
			return fmt.Errorf("the profiles are not written: %w", err)
		}
	}
}

// placeOfProfile matches the lines of a profile that describe the machine that took it.
var placeOfProfile = regexp.MustCompile(`(?m)^(File|Build ID|Time|Main binary filename): .*\n`)

// profileText returns a profile's top list.
func profileText(ctx context.Context, folder string, arguments []string) (string, error) {
	command := exec.CommandContext(ctx, "go", append([]string{"tool", "pprof", "-top"}, arguments...)...) //nolint:gosec // names of our own
	command.Dir = folder
	var problems strings.Builder
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("pprof: %w: %s", err, problems.String())
	}
	return strings.TrimRight(placeOfProfile.ReplaceAllString(string(text), ""), "\n"), nil
}
