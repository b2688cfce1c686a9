package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmUp is how long a load runs before it is measured.
const warmUp = 400 * time.Millisecond

// saturation is the share of its processors from which on the load generator may be what limits the result.
const saturation = 0.9

// generatorProcs is how many processors the load generator may use: half of them, so that the other half is left to the server
// under test. This is more than enough, since a request costs the generator a few microseconds.
func generatorProcs() int { return max(1, runtime.NumCPU()/2) }

// errExhausted means that a load needed more requests than there were.
var errExhausted = errors.New("there are no requests left")

// source returns the next request, or nil when there are none left. All connections call it concurrently, each with its own
// sequence.
type source func(random *sequence) []byte

// atRandom returns a source that picks one of the requests each time.
func atRandom(requests [][]byte) source {
	return func(random *sequence) []byte { return requests[random.below(len(requests))] }
}

// once returns a source that returns each request one time.
func once(requests [][]byte) source {
	var next atomic.Int64
	return func(*sequence) []byte {
		i := int(next.Add(1)) - 1
		if i >= len(requests) {
			return nil
		}
		return requests[i]
	}
}

// sequence generates cheap pseudo-random numbers (Knuth's MMIX generator).
type sequence uint64

func (s *sequence) below(n int) int {
	*s = *s*6364136223846793005 + 1442695040888963407
	return int(uint64(*s) >> 33 % uint64(n)) //nolint:gosec // 31 bits
}

// load is a closed loop: every connection sends a request, reads the answer, and only then sends the next.
type load struct {
	target      process
	connections int
	next        source
	status      int           // of every answer
	warmUp      time.Duration // before measuring begins
	portion     time.Duration // how long is measured
}

// outcome is what a load measured.
type outcome struct {
	requests    int
	took        time.Duration
	latencies   []time.Duration // sorted
	serverCPU   time.Duration   // 0 if unknown
	generation  time.Duration   // processor time of the load generator
	atProcessor int             // how many processors the load generator could use
	machine     time.Duration   // processor time of all programs; 0 if unknown
}

// rate is requests per second.
func (o outcome) rate() float64 { return float64(o.requests) / o.took.Seconds() }

// percentile returns a percentile of the latencies, in microseconds; p is from 0 to 1.
func (o outcome) percentile(p float64) float64 {
	if len(o.latencies) == 0 {
		return 0
	}
	i := min(int(p*float64(len(o.latencies))), len(o.latencies)-1)
	return float64(o.latencies[i]) / float64(time.Microsecond)
}

// serverMicros is the server's processor time per request, in microseconds.
func (o outcome) serverMicros() float64 {
	return float64(o.serverCPU) / float64(time.Microsecond) / float64(max(o.requests, 1))
}

// generatorShare is the share of its processors that the load generator used.
func (o outcome) generatorShare() float64 {
	return o.generation.Seconds() / o.took.Seconds() / float64(o.atProcessor)
}

// othersShare is the share of the machine that neither the server nor the load generator used. It includes the database, which
// needs little, and programs that have no part in the measurement.
func (o outcome) othersShare() float64 {
	others := o.machine - o.serverCPU - o.generation
	return max(0, others.Seconds()/o.took.Seconds()/float64(runtime.NumCPU()))
}

// run runs the load for one portion.
func (l load) run(ctx context.Context) (outcome, error) {
	procs := generatorProcs()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	started := time.Now().Add(l.warmUp)
	end := started.Add(l.portion)
	found := make([][]time.Duration, l.connections)
	group, ctx := errgroup.WithContext(ctx)
	for i := range l.connections {
		group.Go(func() (err error) {
			found[i], err = l.connection(ctx, sequence(i+1), started, end) //nolint:gosec // small
			return err
		})
	}
	o := outcome{atProcessor: procs}
	group.Go(func() error {
		if err := sleepUntil(ctx, started); err != nil {
			return err
		}
		server, generator, machine, at := l.target.cpu(), ownCPU(), machineCPU(), time.Now()
		if err := sleepUntil(ctx, end); err != nil {
			return err
		}
		o.took, o.serverCPU, o.generation, o.machine = time.Since(at), l.target.cpu()-server, ownCPU()-generator, machineCPU()-machine
		return nil
	})
	if err := group.Wait(); err != nil {
		return outcome{}, err
	}
	o.latencies = slices.Concat(found...)
	slices.Sort(o.latencies)
	o.requests = len(o.latencies)
	return o, nil
}

// connection runs one connection until the end, and returns the latencies of the requests that were sent after the start.
func (l load) connection(ctx context.Context, random sequence, started, end time.Time) ([]time.Duration, error) {
	c, err := dial(ctx, l.target.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.conn.SetDeadline(end.Add(exchangeTimeout)); err != nil {
		return nil, err
	}
	latencies := make([]time.Duration, 0, 1<<14)
	for sent := time.Now(); sent.Before(end) && ctx.Err() == nil; {
		request := l.next(&random)
		if request == nil {
			return nil, errExhausted
		}
		if _, err := c.want(request, l.status); err != nil {
			return nil, err
		}
		answered := time.Now()
		if !sent.Before(started) && answered.Before(end) {
			latencies = append(latencies, answered.Sub(sent))
		}
		sent = answered
	}
	return latencies, nil
}

// each sends every request once, over several connections, and calls answered with the index and the body of each answer.
func each(ctx context.Context, target process, requests [][]byte, status int, answered func(i int, body []byte) error) error {
	const connections = 16
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range connections {
		group.Go(func() error {
			c, err := dial(ctx, target.address)
			if err != nil {
				return err
			}
			defer c.close()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return nil
				}
				if err := c.conn.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
					return err
				}
				body, err := c.want(requests[i], status)
				if err != nil {
					return err
				}
				if err := answered(i, body); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// sleepUntil returns at the given time, or when ctx ends.
func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ownCPU returns how much processor time this process has used.
func ownCPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
