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
//
// Each connection has a share of the schedule: the first request is the first connection's, the next the next one's, and so
// on. One whose request is not answered yet when the next is due sends it late, and that request's time runs.
type openLoop struct {
	target      process
	connections int
	next        source
	status      int
	rate        float64 // per second
	warmUp      time.Duration
	portion     time.Duration
}

// run runs the load for one portion.
func (l openLoop) run(ctx context.Context) (outcome, error) {
	procs := generatorProcs()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	begin := time.Now()
	server, generator, machine := l.target.cpu(), ownCPU(), machineCPU()
	found := make([][]time.Duration, l.connections)
	group, ctx := errgroup.WithContext(ctx)
	for i := range l.connections {
		group.Go(func() (err error) {
			found[i], err = l.connection(ctx, i, begin)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return outcome{}, err
	}
	o := outcome{
		atProcessor: procs, took: time.Since(begin), latencies: slices.Concat(found...),
		serverCPU: l.target.cpu() - server, generation: ownCPU() - generator, machine: machineCPU() - machine,
	}
	slices.Sort(o.latencies)
	o.requests = len(o.latencies)
	return o, nil
}

// connection sends one connection's share.
func (l openLoop) connection(ctx context.Context, number int, begin time.Time) ([]time.Duration, error) {
	c, err := dial(ctx, l.target.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	started := begin.Add(l.warmUp)
	end := started.Add(l.portion)
	if err := c.conn.SetDeadline(end.Add(exchangeTimeout)); err != nil {
		return nil, err
	}
	random := sequence(number + 1) //nolint:gosec // a number of a connection
	var latencies []time.Duration
	for i := number; ; i += l.connections {
		due := begin.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
		if !due.Before(end) {
			return latencies, nil
		}
		if err := sleepUntil(ctx, due); err != nil {
			return nil, err
		}
		if _, err := c.want(l.next(&random), l.status); err != nil {
			return nil, err
		}
		if !due.Before(started) {
			latencies = append(latencies, time.Since(due))
		}
	}
}
