package e2e

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
)

// The bounds of resident memory, in MiB.
const (
	idleMemoryMax   = 60
	loadedMemoryMax = 150
)

// residentMemory returns a value of /proc/PID/status in MiB: VmRSS is the current resident size, VmHWM its peak.
func (s *service) residentMemory(name string) float64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		s.t.Fatalf("no %s in\n%s", name, status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(kilobytes) / 1024
}

func TestMemoryStaysSmall(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		idle := s.residentMemory("VmRSS")
		operator := signIn(s)

		const tokens, clients, keys = 20_000, 8, 50
		created := make([]apiKey, keys)
		for i := range created {
			created[i] = operator.create(fmt.Sprintf("program %d", i))
		}
		c := stranger(s)
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				for i := client; i < tokens; i += clients {
					k := created[i%keys]
					a, err := c.tryToken(k.ClientID, k.ClientSecret)
					if err != nil || a.status != http.StatusOK {
						t.Errorf("token %d: %v %v", i, a, err)
						return
					}
				}
			})
		}
		all.Wait()
		after, most := s.residentMemory("VmRSS"), s.residentMemory("VmHWM")
		t.Logf("resident memory: %.0f MiB after the start, %.0f MiB after %d tokens, never more than %.0f MiB", idle, after, tokens, most)
		if idle > idleMemoryMax {
			t.Errorf("%.0f MiB are resident after the start, more than %d", idle, idleMemoryMax)
		}
		if most > loadedMemoryMax {
			t.Errorf("%.0f MiB were resident under load, more than %d", most, loadedMemoryMax)
		}
	})
}
