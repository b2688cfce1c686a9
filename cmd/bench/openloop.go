package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// openPause is how long the open loop pauses before it checks again which answers have come and which requests are due. Its times
// are accurate to this pause. With a ticker, the loop would hurry after a delay, which would keep the server's threads from their
// processors.
const openPause = 250 * time.Microsecond

// openLoop sends requests at a constant rate, whether or not the previous ones have been answered, and measures the time of each
// from when it was due. A closed loop would wait for a slow answer and send less meanwhile, which hides what callers experience
// who don't wait for each other. If no connection is free when a request is due, it is sent late, but its time is already
// running.
//
// One thread polls all connections in turn. Goroutines that each wait for an answer would have to be woken for each, which takes
// more than twice the processor time. Where the server occupies all processors, they would also wait for the end of one of the
// kernel's time slices and then send everything at once that had become due, and so create the tail latency that they measure.
type openLoop struct {
	target      process
	connections int
	next        source
	status      int
	rate        float64 // per second
	warmUp      time.Duration
	portion     time.Duration
}

// openConnection is a connection that the poller of Go's runtime does not know about.
type openConnection struct {
	socket int
	due    time.Time // when the request in progress was due
	room   []byte
	read   int
}

// run runs the load for one portion.
func (l openLoop) run(ctx context.Context) (outcome, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pause, err := newPause(openPause)
	if err != nil {
		return outcome{}, err
	}
	defer pause.stop()
	var free, busy []*openConnection
	defer func() {
		for _, c := range slices.Concat(free, busy) {
			_ = syscall.Close(c.socket) // nothing in transit counts any more
		}
	}()
	for range l.connections {
		c, err := l.open()
		if err != nil {
			return outcome{}, err
		}
		free = append(free, c)
	}
	begin := time.Now()
	started := begin.Add(l.warmUp)
	end := started.Add(l.portion)
	server, generator, machine := l.target.cpu(), ownCPU(), machineCPU()
	latencies := make([]time.Duration, 0, int(l.rate*l.portion.Seconds())+1)
	random := sequence(1)
	dueAt := func(number int) time.Time {
		return begin.Add(time.Duration(float64(number) / l.rate * float64(time.Second)))
	}
	for sent := 0; dueAt(sent).Before(end) || len(busy) > 0; {
		waiting := busy[:0]
		for _, c := range busy {
			switch whole, err := c.receive(l.status); {
			case err != nil:
				return outcome{}, err
			case !whole:
				waiting = append(waiting, c)
			default:
				free = append(free, c)
				if !c.due.Before(started) {
					latencies = append(latencies, time.Since(c.due))
				}
			}
		}
		busy = waiting
		for now := time.Now(); len(free) > 0; sent++ {
			due := dueAt(sent)
			if due.After(now) || !due.Before(end) {
				break
			}
			c := free[len(free)-1]
			if err := c.send(l.next(&random), due); err != nil {
				return outcome{}, err
			}
			free, busy = free[:len(free)-1], append(busy, c)
		}
		if err := ctx.Err(); err != nil {
			return outcome{}, err
		}
		if time.Since(end) > exchangeTimeout {
			return outcome{}, fmt.Errorf("%d requests were not answered", len(busy))
		}
		if err := pause.take(); err != nil {
			return outcome{}, err
		}
	}
	o := outcome{
		atProcessor: 1, took: time.Since(begin), latencies: latencies,
		serverCPU: l.target.cpu() - server, generation: ownCPU() - generator, machine: machineCPU() - machine,
	}
	slices.Sort(o.latencies)
	o.requests = len(o.latencies)
	return o, nil
}

// open connects to the target, which is on this machine.
func (l openLoop) open() (*openConnection, error) {
	address, err := netip.ParseAddrPort(l.target.address)
	if err != nil {
		return nil, err
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(socket)
	err = errors.Join(
		syscall.Connect(socket, &syscall.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())}),
		syscall.SetsockoptInt(socket, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.SetNonblock(socket, true),
	)
	if err != nil {
		_ = syscall.Close(socket)
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &openConnection{socket: socket, room: make([]byte, answerMax)}, nil
}

// send sends a request. It is far smaller than what an idle connection accepts at once.
func (c *openConnection) send(request []byte, due time.Time) error {
	n, err := syscall.Write(c.socket, request)
	if err == nil && n < len(request) {
		err = io.ErrShortWrite
	}
	c.due, c.read = due, 0
	return err
}

// receive reads what has arrived of an answer, and reports whether that is all of it.
func (c *openConnection) receive(wanted int) (whole bool, err error) {
	n, err := syscall.Read(c.socket, c.room[c.read:])
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, io.ErrUnexpectedEOF
	}
	c.read += n
	status, body, whole, err := parseAnswer(c.room[:c.read])
	if err == nil && whole && status != wanted {
		err = fmt.Errorf("%w: %d %s, not %d", errAnswer, status, body, wanted)
	}
	return whole, err
}
