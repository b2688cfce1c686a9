package e2e

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// cutter is a network between a verifier and a service. It forwards connections, and cuts them when told to.
type cutter struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	target string // address of the service
	left   int    // bytes of answers that still pass; negative for no limit
	open   map[net.Conn]bool
	closed bool
}

func newCutter(t testing.TB, target string) *cutter {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, target: target, left: -1, open: map[net.Conn]bool{}}
	c.tasks.Go(c.accept)
	t.Cleanup(func() {
		_ = listener.Close() // ends accept
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		c.cut()
		c.tasks.Wait()
	})
	return c
}

func (c *cutter) url() string { return "http://" + c.listener.Addr().String() }

// aim forwards new connections to another address.
func (c *cutter) aim(target string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.target = target
}

// cut ends all connections.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutLocked()
}

func (c *cutter) cutLocked() {
	for conn := range c.open {
		_ = conn.Close() // the other end may have been first
	}
	clear(c.open)
	c.left = -1
}

// cutAfter cuts all connections once, after this many more bytes of answers, wherever in an answer that is.
func (c *cutter) cutAfter(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = bytes
}

// keep adds connections to those that can be cut.
func (c *cutter) keep(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		if c.closed {
			_ = conn.Close()
		} else {
			c.open[conn] = true
		}
	}
}

func (c *cutter) accept() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		target := c.target
		c.mu.Unlock()
		server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c.keep(client, server)
		c.tasks.Go(func() {
			_, _ = io.Copy(server, client)
			_, _ = client.Close(), server.Close()
		})
		c.tasks.Go(func() {
			_, _ = io.Copy(limited{client, c}, server)
			_, _ = client.Close(), server.Close()
		})
	}
}

// limited writes answers until the cutter's limit, where it cuts.
type limited struct {
	net.Conn
	c *cutter
}

func (l limited) Write(p []byte) (int, error) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.c.left < 0 || l.c.left > len(p) {
		l.c.left = max(-1, l.c.left-max(0, len(p)))
		return l.Conn.Write(p)
	}
	_, _ = l.Conn.Write(p[:l.c.left])
	l.c.cutLocked()
	return 0, net.ErrClosed
}
