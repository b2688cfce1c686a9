package app

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// lazyListener hands out connections whose deadlines are moved late. net/http moves them eight times for each request, and each
// time the runtime reads the clock and moves a timer that hardly ever ends: a twentieth of what it takes to verify a token. Here
// a deadline that moves away is only noted. When the timer ends, once in ten seconds instead of thousands of times, it is set
// to what was asked for last, so that every call still ends exactly when it should.
type lazyListener struct{ net.Listener }

// Accept is of net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lazyConn{Conn: conn}, nil
}

// lazyConn is a connection whose deadlines are moved late. It is safe for concurrent use, as every net.Conn is.
type lazyConn struct {
	net.Conn
	read, write deadline
}

// Read is of net.Conn.
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

// Write is of net.Conn.
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

// SetReadDeadline is of net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error { return c.read.set(t, c.Conn.SetReadDeadline) }

// SetWriteDeadline is of net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	return c.write.set(t, c.Conn.SetWriteDeadline)
}

// SetDeadline is of net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite tells the peer that nothing more comes. net/http asks for it, so that a peer that still sends reads its answer.
func (c *lazyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// longAgo tells deadlines apart: one before it is there to interrupt a call, not to limit it. Net/http's is in the first second of
// 1970.
var longAgo = time.Date(1971, time.January, 1, 0, 0, 0, 0, time.UTC)

// deadline is that of one direction. Zero times are none.
type deadline struct {
	mu     sync.Mutex
	wanted time.Time // as it was asked for last
	armed  time.Time // that of the connection below: not after wanted, unless wanted is an interruption
	users  int       // how many read, or write, at this moment
}

// begin reports whether a call may begin, which end must follow: not when it would have been interrupted.
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

// set notes a deadline, and has the connection below know it if that would be too late otherwise.
func (d *deadline) set(t time.Time, arm func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	switch {
	case t.IsZero() || !d.armed.IsZero() && !t.Before(d.armed):
		return nil
	case isInterruption(t) && d.users == 0:
		return nil // begin knows
	}
	d.armed = t
	return arm(t)
}

// postpone is for a call that has met the armed deadline: it arms the one that is wanted, and reports whether that is to come.
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
