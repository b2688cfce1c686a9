package main

import (
	"context"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// openLoop sends requests at a constant rate, whether or not the ones before have been answered, and counts each one's time
// from when it was due. A closed loop would wait for a slow answer and send less just then, which hides what callers feel
// who do not wait for each other.
type openLoop struct {
	target      process
	connections int // enough for all requests that are on their way at once; more wait for a free one, and their time runs
	next        source
	status      int
	rate        float64 // per second
	warmUp      time.Duration
	portion     time.Duration
}

// run runs the load for one portion.
func (l openLoop) run(ctx context.Context) (outcome, error) {
	// One more than a closed loop has: the one that keeps the time holds on to its processor.
	procs := generatorProcs() + 1
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	begin := time.Now()
	started := begin.Add(l.warmUp)
	end := started.Add(l.portion)
	total := int(l.rate * end.Sub(begin).Seconds())
	due := make(chan time.Time, total) // room for all, so that the clock waits for nobody
	group, ctx := errgroup.WithContext(ctx)
	found := make([][]time.Duration, l.connections)
	for i := range l.connections {
		group.Go(func() (err error) {
			found[i], err = l.connection(ctx, sequence(i+1), due, started, end) //nolint:gosec // small
			return err
		})
	}
	o := outcome{atProcessor: procs, took: l.portion}
	group.Go(func() error {
		defer close(due)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		server, generator := l.target.cpu(), ownCPU()
		for i := 0; i < total && ctx.Err() == nil; i++ {
			at := begin.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
			pause(time.Until(at))
			due <- at
		}
		o.serverCPU, o.generation = l.target.cpu()-server, ownCPU()-generator
		return ctx.Err()
	})
	if err := group.Wait(); err != nil {
		return outcome{}, err
	}
	o.latencies = slices.Concat(found...)
	slices.Sort(o.latencies)
	o.requests = len(o.latencies)
	return o, nil
}

// connection answers to the clock until it ends.
func (l openLoop) connection(ctx context.Context, random sequence, due <-chan time.Time, started, end time.Time) ([]time.Duration, error) {
	c, err := dial(ctx, l.target.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.conn.SetDeadline(end.Add(exchangeTimeout)); err != nil {
		return nil, err
	}
	var latencies []time.Duration
	for at := range due {
		if _, err := c.want(l.next(&random), l.status); err != nil {
			return nil, err
		}
		if !at.Before(started) {
			latencies = append(latencies, time.Since(at))
		}
	}
	return latencies, nil
}
