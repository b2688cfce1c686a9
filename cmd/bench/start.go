package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// idleFor is how long the service is idle before its memory is read.
const idleFor = 3 * time.Second

// measureStart measures how long the service takes to start on an existing database, and how large it is when idle.
func measureStart(ctx context.Context, b *bench) (section, error) {
	var s section
	database, err := b.database(ctx)
	if err != nil {
		return s, err
	}
	e := b.environment(database)
	first, err := b.serve(ctx, e) // creates the schema
	if err != nil {
		return s, err
	}
	first.stop()
	var ready, resident sample
	for range b.rounds {
		started := time.Now()
		p, err := b.serve(ctx, e)
		if err != nil {
			return s, err
		}
		if err := p.ready(ctx); err != nil {
			return s, err
		}
		ready = append(ready, float64(time.Since(started))/float64(time.Millisecond))
		if err := sleepUntil(ctx, time.Now().Add(idleFor)); err != nil {
			return s, err
		}
		if bytes := p.resident(); bytes > 0 {
			resident = append(resident, float64(bytes)/1e6)
		}
		p.stop()
	}
	binary, err := os.Stat(b.binary)
	if err != nil {
		return s, err
	}
	s.Rows = []row{
		{What: "start to ready, existing database", Unit: " ms", Service: ready, Target: target{AtMost: 200}},
		{What: "resident memory, idle", Unit: " MB", Service: resident, Target: target{AtMost: 50}},
		{What: "binary, the console inside", Unit: " MB", Service: sample{float64(binary.Size()) / 1e6}, Target: target{AtMost: 45}},
	}
	s.Notes = []string{fmt.Sprintf("On PostgreSQL. The service is ready when `/readyz` answers 200; its memory is read %v later.", idleFor)}
	return s, nil
}

// ready asks the server whether it can serve requests. It must answer yes at once, since it has announced that it listens.
func (p process) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz: %w: %d", errAnswer, response.StatusCode)
	}
	return nil
}

// resident returns how many bytes of the server are in memory, 0 if that is unknown.
func (p process) resident() int64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "VmRSS:" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64) // 0 if it is not a number
			return kilobytes << 10
		}
	}
	return 0
}
