package e2e

import (
	"crypto/rand"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/await"
)

// TestReplicasKeepTheirPromisesWhateverHappens runs three replicas on one PostgreSQL behind a proxy. At no time may a replica
// honour a key for longer after its end than promised, and at the end of each part everything that was acknowledged must be there.
func TestReplicasKeepTheirPromisesWhateverHappens(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	p := newPopulation(c)

	t.Run("a rolling restart fails no request", func(t *testing.T) {
		during := p.run(c)
		for i := range c.replicas {
			c.replica(i).stop()
			c.restart(i)
		}
		during.finish(t, p)
		for _, failure := range during.failures {
			t.Error(failure)
		}
	})

	t.Run("a replica that is killed takes no acknowledged change with it", func(t *testing.T) {
		during := p.run(c)
		during.await(&during.changes, 20)
		c.replica(0).kill()
		during.await(&during.served, 100)
		c.restart(0)
		during.finish(t, p)
	})

	t.Run("a database that stops takes no acknowledged change with it, and replicas believe nothing old", func(t *testing.T) {
		during := p.run(c)
		during.await(&during.changes, 20)
		doomed := p.doom(c, 1)
		c.database.Stop()
		for i := range c.replicas {
			direct := c.at(i)
			await.Until(t, recoveryTimeout, "it says that it is not ready", func() bool {
				return direct.get("/readyz").status == http.StatusServiceUnavailable
			})
		}
		doomed.awaitPromised(t)
		for i := range c.replicas {
			doomed.use(t, c.at(i), func() {}, http.StatusServiceUnavailable)
		}
		c.database.Start()
		c.awaitReady()
		for i := range c.replicas {
			doomed.use(t, c.at(i), func() {}, http.StatusUnauthorized)
		}
		during.finish(t, p)
	})

	t.Run("a replica that was frozen honours nothing that ended meanwhile", func(t *testing.T) {
		during := p.run(c)
		during.await(&during.changes, 20)
		frozen := c.replica(1)
		doomed := p.doom(c, 10, func() {
			frozen.signal(syscall.SIGSTOP)
			await.Until(t, recoveryTimeout, "the proxy has noticed", func() bool { return !c.proxy.ready[1].Load() })
		})
		doomed.awaitPromised(t)
		doomed.use(t, c.at(1), func() { frozen.signal(syscall.SIGCONT) }, http.StatusUnauthorized)
		c.awaitReady()
		c.at(1).accessToken(p.steady)
		during.finish(t, p)
	})

	t.Run("no acknowledged change is lost, and the log is whole", func(t *testing.T) {
		c.awaitNews()
		if r := run(t, c.e, "verify-log"); r.code != 0 {
			t.Fatalf("verify-log: code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		all := append(p.writers, p.made)
		for _, w := range all {
			for _, k := range w.keys {
				checkKey(p.operator, k)
			}
		}
		checkNothingElse(t, c.e, p.operator, all)
	})
}

// signal sends the process a signal.
func (s *service) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// doomed holds ended keys that every replica has in memory.
type doomed struct {
	keys   []apiKey
	tokens []string
	ended  time.Time // when the last end was acknowledged
}

// doom creates keys, uses them at every replica, calls the functions, and then ends the keys.
func (p *population) doom(c *cluster, n int, between ...func()) *doomed {
	d := &doomed{}
	for range n {
		d.keys = append(d.keys, p.operator.create("doomed "+rand.Text()))
	}
	c.awaitNews() // from now on, a key that is used stays in memory
	for _, k := range d.keys {
		for i := range c.replicas {
			direct := c.at(i)
			token := direct.accessToken(k)
			direct.want(http.StatusOK, direct.do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token))
			if i == 0 {
				d.tokens = append(d.tokens, token)
			}
		}
	}
	for _, happen := range between {
		happen()
	}
	for _, k := range d.keys {
		p.operator.want(http.StatusOK, p.operator.post("/v1/api-keys/"+k.ClientID+"/deactivate", nil))
		p.note(k, "inactive", 2)
	}
	d.ended = time.Now()
	return d
}

// awaitPromised returns when no replica may honour the keys any more.
func (d *doomed) awaitPromised(t *testing.T) {
	t.Helper()
	await.Until(t, recoveryTimeout, "the promised time has passed", func() bool { return time.Since(d.ended) > promised })
}

// use sends a replica requests with all keys and tokens, calls happen when all are sent, and wants the status for each.
func (d *doomed) use(t *testing.T, direct *caller, happen func(), status int) {
	t.Helper()
	var sent, answered sync.WaitGroup
	for i, k := range d.keys {
		for _, request := range []*http.Request{
			direct.tokenRequest(k.ClientID, k.ClientSecret),
			direct.request(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+d.tokens[i]),
		} {
			sent.Add(1)
			onItsWay := sync.OnceFunc(sent.Done)
			trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { onItsWay() }}
			answered.Go(func() {
				defer onItsWay()
				a, err := direct.send(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
				if err != nil || a.status != status {
					t.Errorf("%v, %v, want %d", a, err, status)
				}
			})
		}
	}
	sent.Wait()
	happen()
	answered.Wait()
}
