package app

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// lazyListener hands out connections that put off moving their deadlines. net/http moves them eight times for each request, and
// each time the runtime reads the clock and resets a timer that hardly ever fires, which is a twentieth of the cost of verifying
// a token. Here, a deadline that moves further away is only recorded. When the timer fires, once in ten seconds instead of being
// reset thousands of times, it is set to the latest deadline. Every call still ends exactly when it should.
type lazyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lazyConn{Conn: conn}, nil
}

// lazyConn is a connection that puts off moving its deadlines. Like every net.Conn, it is safe for concurrent use.
type lazyConn struct {
	net.Conn
	read, write deadline
}

// Read implements net.Conn.
func (c *lazyConn) Read(p []byte) (n int, err error) {
	if !c.read.begin() {
		return 0, os.ErrDeadlineExceeded
	}
	defer c.read.end()
	for {
		n, err = c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !c.read.postpone(c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *lazyConn) Write(p []byte) (written int, err error) {
	if !c.write.begin() {
		return 0, os.ErrDeadlineExceeded
	}
	defer c.write.end()
	for {
		n, err := c.Conn.Write(p[written:])
		written += n
		if !errors.Is(err, os.ErrDeadlineExceeded) || !c.write.postpone(c.Conn.SetWriteDeadline) {
			return written, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error { return c.read.set(t, c.Conn.SetReadDeadline) }

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	return c.write.set(t, c.Conn.SetWriteDeadline)
}

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite tells the peer that nothing more follows. net/http looks for this method, so that a peer that is still sending gets
// to read its answer.
func (c *lazyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// longAgo separates limits from interruptions. A deadline before it isn't a limit but interrupts a call in progress: net/http
// sets one in the first second of 1970.
var longAgo = time.Date(1971, time.January, 1, 0, 0, 0, 0, time.UTC)

// deadline is the deadline of one direction. A zero time means none.
type deadline struct {
	mu     sync.Mutex
	wanted time.Time // the one last asked for
	armed  time.Time // the underlying connection's: not after wanted, unless wanted is an interruption
	users  int       // calls in progress
}

// begin reports whether a call may begin, that is, whether it would not be interrupted at once. If so, end must follow.
func (d *deadline) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if isInterruption(d.wanted) {
		return false
	}
	d.users++
	return true
}

func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users--
}

// set records a deadline, and passes it on to the underlying connection if that would act too late otherwise.
func (d *deadline) set(t time.Time, arm func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	switch {
	case t.IsZero() || !d.armed.IsZero() && !t.Before(d.armed):
		return nil
	case isInterruption(t) && d.users == 0:
		return nil // there is no call to interrupt, and begin lets none begin
	}
	d.armed = t
	return arm(t)
}

// postpone is for a call that has run into the armed deadline. It arms the wanted one, and reports whether that is still to come.
func (d *deadline) postpone(arm func(time.Time) error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	d.armed = d.wanted
	return arm(d.wanted) == nil
}

func isInterruption(t time.Time) bool { return !t.IsZero() && t.Before(longAgo) }
