package app

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// moved is a connection that counts how often its deadlines are set.
type moved struct {
	net.Conn
	times int
}

func (m *moved) SetReadDeadline(t time.Time) error {
	m.times++
	return m.Conn.SetReadDeadline(t)
}

// pipe returns both ends of a connection; the service's end has lazy deadlines.
func pipe(t *testing.T) (ours *lazyConn, below *moved, theirs net.Conn) {
	server, client := net.Pipe()
	t.Cleanup(func() {
		_ = server.Close() // closing a pipe never fails
		_ = client.Close()
	})
	below = &moved{Conn: server}
	return &lazyConn{Conn: below}, below, client
}

// in returns the time that is this long from now.
func in(d time.Duration) time.Time { return time.Now().Add(d) }

// TestADeadlineEndsACallWhenItWasLastSetTo: a call ends exactly at the last deadline that was set, whatever the earlier ones were.
func TestADeadlineEndsACallWhenItWasLastSetTo(t *testing.T) {
	for name, set := range map[string][]time.Duration{
		"once": {5 * time.Second}, "later": {time.Second, 5 * time.Second}, "earlier": {time.Minute, 5 * time.Second},
		"later and earlier": {time.Second, time.Minute, 5 * time.Second}, "removed meanwhile": {time.Second, 0, 5 * time.Second},
		"passed meanwhile": {time.Minute, -time.Second, 0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, _, _ := pipe(t)
				for what, direction := range map[string]struct {
					set  func(time.Time) error
					call func() (int, error)
				}{
					"reading": {ours.SetReadDeadline, func() (int, error) { return ours.Read(make([]byte, 1)) }},
					"writing": {ours.SetWriteDeadline, func() (int, error) { return ours.Write([]byte("x")) }},
				} {
					for _, d := range set {
						var at time.Time
						if d != 0 {
							at = in(d)
						}
						if err := direction.set(at); err != nil {
							t.Fatal(err)
						}
					}
					began := time.Now()
					n, err := direction.call()
					if took := time.Since(began); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || took != 5*time.Second {
						t.Errorf("%s ended after %v with %d, %v", what, took, n, err)
					}
					if _, err := direction.call(); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s after the deadline: %v", what, err)
					}
				}
			})
		})
	}
}

func TestADeadlineMayMoveWhileACallWaits(t *testing.T) {
	for name, test := range map[string]struct{ from, to, want time.Duration }{
		"earlier": {time.Minute, 5 * time.Second, 5 * time.Second},
		"later":   {2 * time.Second, 5 * time.Second, 5 * time.Second},
		"passed":  {time.Minute, -time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, _, _ := pipe(t)
				began := time.Now()
				if err := ours.SetDeadline(in(test.from)); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(time.Second, func() { _ = ours.SetDeadline(began.Add(test.to)) }) // an error shows in when the read ends
				_, err := ours.Read(make([]byte, 1))
				if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != test.want {
					t.Errorf("reading ended after %v with %v", took, err)
				}
			})
		})
	}
}

// TestAnInterruptedConnectionGoesOn: net/http interrupts the read of a connection after every answer.
func TestAnInterruptedConnectionGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, _, theirs := pipe(t)
		for _, waiting := range []bool{false, true} {
			ended := make(chan error, 1)
			read := func() {
				_, err := ours.Read(make([]byte, 1))
				ended <- err
			}
			if waiting {
				go read()
				synctest.Wait()
			}
			if err := ours.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			if !waiting {
				read()
			}
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("waiting: %t: got %v", waiting, err)
			}
			if err := ours.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = theirs.Write([]byte("x")) }() // an error shows in the read
			got := make([]byte, 1)
			if _, err := ours.Read(got); err != nil || got[0] != 'x' {
				t.Fatalf("waiting: %t: read %q, %v", waiting, got, err)
			}
		}
	})
}

// TestAPostponedDeadlineTearsNothing: the timer of the earlier deadline may fire in the middle of a long write, which must go on.
func TestAPostponedDeadlineTearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, _, theirs := pipe(t)
		sent := bytes.Repeat([]byte("0123456789"), 100)
		for _, after := range []time.Duration{time.Second, time.Hour} {
			if err := ours.SetWriteDeadline(in(after)); err != nil {
				t.Fatal(err)
			}
		}
		var got []byte
		go func() {
			slow := time.NewTicker(100 * time.Millisecond)
			defer slow.Stop()
			for len(got) < len(sent) {
				<-slow.C
				part := make([]byte, 10)
				n, err := io.ReadFull(theirs, part)
				if got = append(got, part[:n]...); err != nil {
					return
				}
			}
		}()
		n, err := ours.Write(sent)
		synctest.Wait()
		if n != len(sent) || err != nil || !bytes.Equal(got, sent) {
			t.Errorf("wrote %d, %v; %d came, the same: %t", n, err, len(got), bytes.Equal(got, sent))
		}
	})
}

func TestDeadlinesOfManyRequestsAreSetOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, below, theirs := pipe(t)
		go func() { _, _ = io.Copy(theirs, bytes.NewReader(make([]byte, 1000))) }() // ends with the connection
		for range 1000 {
			for _, at := range []time.Time{in(10 * time.Second), in(30 * time.Second), {}, time.Unix(1, 0), {}, in(time.Minute)} {
				if err := ours.SetReadDeadline(at); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := ours.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if below.times != 1 {
			t.Errorf("the deadline was set %d times", below.times)
		}
	})
}
