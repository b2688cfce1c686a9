package e2e

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/await"
)

// promised is how long after its end a replica may still honour a key, whatever happens.
const promised = time.Second

// The pauses between the requests of each client, and between the changes of each writer.
const (
	trafficInterval = 10 * time.Millisecond
	changeInterval  = 50 * time.Millisecond
)

// traffic is the load on a cluster while something happens to it: clients get tokens for a key that stays and verify them,
// operators make random changes, and other keys are created, used at every replica, and ended.
type traffic struct {
	c       *cluster
	stop    chan struct{}
	running sync.WaitGroup

	served  atomic.Int64 // requests through the proxy that got the expected answer
	changes atomic.Int64 // random changes that were acknowledged
	refused atomic.Int64 // uses of keys that had ended

	mu       sync.Mutex
	failures []string // requests through the proxy that did not
}

// population is the callers that make the traffic, and the state of the keys that they know.
type population struct {
	operator *caller // through the proxy
	steady   apiKey
	writers  []*writer

	mu   sync.Mutex
	made *writer // all keys that are not a writer's
}

func newPopulation(c *cluster) *population {
	operator := c.stranger()
	operator.want(http.StatusCreated, operator.post("/v1/session", credentials{"admin@localhost", password}))
	p := &population{operator: operator, made: &writer{caller: operator}}
	for i := range 3 {
		random := mathrand.New(mathrand.NewPCG(uint64(i), mathrand.Uint64()))
		p.writers = append(p.writers, &writer{caller: operator, id: i, random: random, outages: true})
	}
	p.steady = operator.create("steady")
	p.note(p.steady, "active", 1)
	return p
}

// note adds a key to those that must exist at the end.
func (p *population) note(k apiKey, status string, version int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made.keys = append(p.made.keys, &expected{
		clientID: k.ClientID, name: k.Name, status: status, version: version, secrets: []string{k.ClientSecret},
	})
}

// run starts the traffic.
func (p *population) run(c *cluster) *traffic {
	f := &traffic{c: c, stop: make(chan struct{})}
	client := c.stranger()
	f.repeat(trafficInterval, func() { f.spend(client, p.steady) })
	f.repeat(trafficInterval, func() { f.look(p) })
	for _, w := range p.writers {
		f.repeat(changeInterval, func() {
			switch {
			case w.unsure != nil: // it pauses until finish settles the change
			case w.write():
				f.changes.Add(1)
			case w.unsure != nil:
				f.fail("%s %s by writer %d has no answer", w.unsure.method, w.unsure.path, w.id)
			}
		})
	}
	ending := &mortals{}
	f.running.Go(func() { f.end(p, ending) })
	for i := range c.replicas {
		direct := c.at(i)
		f.repeat(trafficInterval, func() { f.probe(direct, i, ending) })
	}
	return f
}

// repeat calls do regularly until the traffic stops.
func (f *traffic) repeat(interval time.Duration, do func()) {
	f.running.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for f.goesOn() {
			do()
			<-ticker.C
		}
	})
}

func (f *traffic) goesOn() bool {
	select {
	case <-f.stop:
		return false
	default:
		return true
	}
}

// finish stops the traffic and finds out which changes without an answer were made. The cluster must be whole again.
func (f *traffic) finish(t *testing.T, p *population) {
	t.Helper()
	close(f.stop)
	f.running.Wait()
	for _, w := range p.writers {
		if w.unsure != nil {
			w.settle()
		}
	}
	t.Logf("%d requests were answered and %d were not; %d changes; %d uses of ended keys were refused",
		f.served.Load(), len(f.failures), f.changes.Load(), f.refused.Load())
	if f.served.Load() == 0 || f.refused.Load() == 0 {
		t.Error("nothing was seen")
	}
}

// await returns when the count has grown by n.
func (f *traffic) await(count *atomic.Int64, n int64) {
	f.c.t.Helper()
	enough := count.Load() + n
	await.Until(f.c.t, recoveryTimeout, "there is traffic", func() bool { return count.Load() >= enough })
}

func (f *traffic) fail(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

// expect counts the outcome of a request through the proxy, and reports whether it has the expected status. An answer that has
// neither this status nor that of an outage fails the test.
func (f *traffic) expect(status int, a answer, err error) bool {
	switch {
	case err != nil:
		f.fail("%v", err)
	case a.status == status:
		f.served.Add(1)
		return true
	case a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable:
		f.fail("%v", a)
	default:
		f.c.t.Errorf("%v, want %d", a, status)
	}
	return false
}

// spend acts as a client that requests a token, a gateway that verifies it, and a resource server that introspects it.
func (f *traffic) spend(client *caller, k apiKey) {
	a, err := client.tryToken(k.ClientID, k.ClientSecret)
	if !f.expect(http.StatusOK, a, err) {
		return
	}
	token := accessTokenOf(f.c.t, a)
	a, err = client.try(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token)
	f.expect(http.StatusOK, a, err)
	a, err = client.send(client.form("/oauth2/introspect", url.Values{"token": {token}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}}))
	if f.expect(http.StatusOK, a, err) && !strings.Contains(string(a.body), `"active":true`) {
		f.c.t.Errorf("%v: the token is active", a)
	}
}

// look acts as an operator who reads.
func (f *traffic) look(p *population) {
	for _, path := range []string{"/v1/session", "/v1/api-keys?search=writer", "/v1/api-keys/" + p.steady.ClientID} {
		a, err := p.operator.try(http.MethodGet, path, nil)
		f.expect(http.StatusOK, a, err)
	}
}

// mortal is a key that is created only to be ended.
type mortal struct {
	key   apiKey
	token string
	spent atomic.Int64              // how often it was honoured
	ended atomic.Pointer[time.Time] // when its end was acknowledged
}

// mortals holds the latest ones.
type mortals struct {
	mu   sync.Mutex
	last []*mortal
}

const mortalsMax = 8

func (m *mortals) add(one *mortal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = append(m.last, one)
	if len(m.last) > mortalsMax {
		m.last = m.last[1:]
	}
}

func (m *mortals) any() *mortal {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.last) == 0 {
		return nil
	}
	return m.last[mathrand.IntN(len(m.last))]
}

// end creates keys, waits until they are used, and ends them. It repeats what fails in an outage, so that nothing is left half
// done.
func (f *traffic) end(p *population, all *mortals) {
	for f.goesOn() {
		name := "mortal-" + rand.Text()
		one := &mortal{key: decode[apiKey](f.c.t, f.insist(http.StatusCreated, func() (answer, error) {
			return p.operator.try(http.MethodPost, "/v1/api-keys", draft{name, []string{"cca:readonly"}}, "Idempotency-Key", name)
		}))}
		one.token = accessTokenOf(f.c.t, f.insist(http.StatusOK, func() (answer, error) {
			return p.operator.tryToken(one.key.ClientID, one.key.ClientSecret)
		}))
		all.add(one)
		enough := time.Now().Add(promised / 2)
		ticker := time.NewTicker(trafficInterval)
		for one.spent.Load() < 20 && time.Now().Before(enough) {
			<-ticker.C
		}
		ticker.Stop()
		f.insist(http.StatusOK, func() (answer, error) {
			return p.operator.try(http.MethodPost, "/v1/api-keys/"+one.key.ClientID+"/deactivate", nil)
		})
		now := time.Now()
		one.ended.Store(&now)
		p.note(one.key, "inactive", 2)
	}
}

// insist repeats a request, which must be idempotent, until it gets the status.
func (f *traffic) insist(status int, try func() (answer, error)) answer {
	ticker := time.NewTicker(trafficInterval)
	defer ticker.Stop()
	for {
		a, err := try()
		if f.expect(status, a, err) || f.c.t.Failed() {
			return a
		}
		<-ticker.C
	}
}

// probe uses one of the keys at a replica.
func (f *traffic) probe(direct *caller, replica int, all *mortals) {
	one := all.any()
	if one == nil {
		return
	}
	ended, asked := one.ended.Load(), time.Now()
	var a answer
	var err error
	if mathrand.IntN(2) == 0 {
		a, err = direct.tryToken(one.key.ClientID, one.key.ClientSecret)
	} else {
		a, err = direct.try(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+one.token)
	}
	switch {
	case err != nil || a.status == http.StatusServiceUnavailable: // this replica or its database is away
	case a.status == http.StatusOK:
		one.spent.Add(1)
		if ended != nil && asked.Sub(*ended) > promised {
			f.c.t.Errorf("replica %d honours a key that ended %v before: %s", replica, asked.Sub(*ended), a.request)
		}
	case a.status == http.StatusUnauthorized && ended != nil:
		f.refused.Add(1)
	}
}
