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

// openPause is how long the open loop pauses before it looks again at what has come and at what is due. It is what its times are
// exact to. A clock that ticks would have it hurry after it was late, which keeps the server's threads from their processors.
const openPause = 250 * time.Microsecond

// openLoop sends requests at a constant rate, whether or not the ones before have been answered, and counts each one's time
// from when it was due. A closed loop would wait for a slow answer and send less just then, which hides what callers feel
// who do not wait for each other. A request that is due when no connection is free is sent late, and its time runs.
//
// One thread has all connections and looks at each in turn. Goroutines that wait for an answer each would be woken for each,
// which takes more than twice the processor time; and where the server has all processors they would wait for the end of one
// of the kernel's time slices, then send at once all that was due meanwhile, and so make the tail that they measure.
type openLoop struct {
	target      process
	connections int
	next        source
	status      int
	rate        float64 // per second
	warmUp      time.Duration
	portion     time.Duration
}

// openConnection is a connection that the runtime's poller does not know of.
type openConnection struct {
	socket int
	due    time.Time // of the request that is on its way
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
			_ = syscall.Close(c.socket) // nothing is on its way that counts
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

// open connects to the target, on this machine.
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

// send sends a request, which is far smaller than what a connection without one takes at once.
func (c *openConnection) send(request []byte, due time.Time) error {
	n, err := syscall.Write(c.socket, request)
	if err == nil && n < len(request) {
		err = io.ErrShortWrite
	}
	c.due, c.read = due, 0
	return err
}

// receive reads what has come of an answer, and reports whether that is all of it.
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
