package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/pgtest"
)

// cluster is several replicas behind one proxy, on a PostgreSQL server of their own.
type cluster struct {
	t        testing.TB
	e        environment
	database *pgtest.Server
	proxy    *proxy

	mu       sync.Mutex
	replicas []*service
}

// startCluster starts this many replicas at the same time.
func startCluster(t testing.TB, replicas int) *cluster {
	t.Helper()
	database := pgtest.NewServer(t)
	c := &cluster{t: t, database: database, e: onPostgreSQL(database.URL()).with("APIKEYS_DRAIN", "2s")}
	for range replicas {
		c.replicas = append(c.replicas, launch(t, c.e))
	}
	for _, s := range c.replicas {
		s.awaitReady()
	}
	c.proxy = newProxy(t, replicas, func(i int) string { return c.replica(i).address })
	c.awaitReady()
	return c
}

func (c *cluster) replica(i int) *service {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replicas[i]
}

// restart replaces a replica that is gone, and returns when the proxy uses the new one.
func (c *cluster) restart(i int) {
	c.t.Helper()
	s := start(c.t, c.e)
	c.mu.Lock()
	c.replicas[i] = s
	c.mu.Unlock()
	c.awaitReady()
}

// awaitReady returns when the proxy uses all replicas.
func (c *cluster) awaitReady() {
	c.t.Helper()
	for i := range c.proxy.ready {
		await.Until(c.t, recoveryTimeout, "all replicas are ready", c.proxy.ready[i].Load)
	}
}

// stranger returns a caller of the proxy without credentials.
func (c *cluster) stranger() *caller {
	return stranger(&service{t: c.t, address: c.proxy.server.Listener.Addr().String()})
}

// at returns a caller that bypasses the proxy and always calls the current i-th replica.
func (c *cluster) at(i int) *caller {
	direct := c.stranger()
	direct.url = func(path string) string { return c.replica(i).url(path) }
	return direct
}

var logPosition = regexp.MustCompile(`(?m)^apikeys_log_position (\S+)$`)

// awaitNews returns when every replica has read all current events of the log.
func (c *cluster) awaitNews() {
	c.t.Helper()
	store, err := sqlstore.Open(sqlstore.Options{URL: c.database.URL()})
	if err != nil {
		c.t.Fatal(err)
	}
	defer store.Close()
	head, err := store.Head(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range c.replicas {
		direct := c.at(i)
		await.Until(c.t, spreadTimeout, "every replica has read the log", func() bool {
			found := logPosition.FindSubmatch(direct.want(http.StatusOK, direct.get("/metrics")).body)
			if found == nil {
				c.t.Fatal("the metrics lack the position in the log")
			}
			position, err := strconv.ParseFloat(string(found[1]), 64)
			return err == nil && int64(position) >= head.Seq
		})
	}
}

// How often the proxy asks each replica whether it is ready, and how long it waits for the answer.
const (
	probeInterval = 50 * time.Millisecond
	probeTimeout  = time.Second
)

// proxy uses the replicas in turn, as a load balancer does. It probes each for readiness, keeps connections open, and sends a
// request to another replica only if it could not connect to the first, since a request that was sent may have been processed.
type proxy struct {
	address   func(i int) string
	ready     []atomic.Bool
	turn      atomic.Uint64
	transport *http.Transport
	server    *httptest.Server
}

func newProxy(t testing.TB, replicas int, address func(i int) string) *proxy {
	p := &proxy{
		address: address, ready: make([]atomic.Bool, replicas),
		transport: &http.Transport{MaxIdleConnsPerHost: 16, DialContext: (&net.Dialer{Timeout: probeTimeout}).DialContext},
	}
	p.server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "replica" },
		Transport: p, ErrorLog: log.New(io.Discard, "", 0), // the caller gets 502 and reports it
	})
	ctx, stop := context.WithCancel(context.Background())
	var probes sync.WaitGroup
	for i := range replicas {
		probes.Go(func() { p.probe(ctx, i) })
	}
	t.Cleanup(func() {
		stop()
		probes.Wait()
		p.server.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// probe asks a replica regularly whether it is ready.
func (p *proxy) probe(ctx context.Context, i int) {
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		ready := false
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address(i)+"/readyz", nil)
		if err == nil {
			if response, err := client.Do(request); err == nil {
				ready = response.StatusCode == http.StatusOK
				_ = response.Body.Close() // only the status is needed
			}
		}
		p.ready[i].Store(ready)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

var errNoReplica = errors.New("no replica can be reached")

// RoundTrip implements http.RoundTripper.
func (p *proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	first := int(p.turn.Add(1) % uint64(len(p.ready)))
	for n := range p.ready {
		i := (first + n) % len(p.ready)
		if !p.ready[i].Load() {
			continue
		}
		attempt := r.Clone(r.Context())
		attempt.URL.Host = p.address(i)
		if body != nil {
			attempt.Body = io.NopCloser(bytes.NewReader(body))
		}
		response, err := p.transport.RoundTrip(attempt)
		var failed *net.OpError
		if errors.As(err, &failed) && failed.Op == "dial" {
			continue
		}
		return response, err
	}
	return nil, errNoReplica
}
