package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	// openShare is the share of the maximum rate at which latency is measured.
	openShare = .7
	// openConnections are enough that a request rarely waits for its own.
	openConnections = 64
)

// measureLatency measures one caller alone, and many who do not wait for each other at 70 % of the maximum rate.
func measureLatency(ctx context.Context, b *bench) (section, error) {
	var s section
	service, bare, err := b.tokenContenders(ctx, tokenRequest, http.StatusOK)
	if err != nil {
		return s, err
	}
	defer bare.target.stop()
	alone, err := b.contest(ctx, 1, service, bare)
	if err != nil {
		return s, err
	}
	s.Rows = append(s.Rows, row{What: "`POST /oauth2/token`, one connection, p50", Unit: " µs", Service: alone[0].p50, Bare: alone[1].p50, Target: target{AtMost: 1.3}})

	var found [2]struct{ maximum, p50, p99, ratio, generator, others sample }
	var halts sample
	for range b.rounds {
		halts = append(halts, halted())
		for i, one := range []contender{service, bare} {
			next, err := one.prepare(ctx)
			if err != nil {
				return s, err
			}
			closed, err := load{one.target, connections, next, one.status, warmUp, b.portion}.run(ctx)
			if err != nil {
				return s, err
			}
			open, err := openLoop{one.target, openConnections, next, one.status, openShare * closed.rate(), warmUp, b.portion}.run(ctx)
			if err != nil {
				return s, err
			}
			f := &found[i]
			f.maximum = append(f.maximum, closed.rate())
			f.p50 = append(f.p50, open.percentile(.5))
			f.p99 = append(f.p99, open.percentile(.99))
			f.ratio = append(f.ratio, open.percentile(.99)/open.percentile(.5))
			f.generator = append(f.generator, open.generatorShare())
			f.others = append(f.others, open.othersShare())
		}
	}
	ours, theirs := found[0], found[1]
	s.Rows = append(s.Rows,
		row{What: "maximum rate, closed loop", Unit: "/s", Service: ours.maximum, Bare: theirs.maximum},
		row{What: "at 70 % of it, open loop: p50", Unit: " µs", Service: ours.p50, Bare: theirs.p50},
		row{What: "p99", Unit: " µs", Service: ours.p99, Bare: theirs.p99},
		row{What: "p99 in relation to p50", Unit: " × p50", Service: ours.ratio, Target: target{AtMost: 5}},
		row{What: "the same of the bare handler", Unit: " × p50", Service: theirs.ratio},
	)
	s.Notes = append(saturated.notes("the open loop", ours.generator, theirs.generator), disturbed.notes("the open loop", ours.others, theirs.others)...)
	s.Notes = append(s.Notes, halting.notes("the open loop", halts)...)
	s.Notes = append(s.Notes,
		fmt.Sprintf("The open loop sends at constant intervals over %d connections and counts from when a request was due, so that waiting for a free connection counts too.", openConnections))
	return s, nil
}

const (
	// haltPortion is how long the machine is watched for halts in each round, while nothing else is measured.
	haltPortion = time.Second
	// haltLeast is far longer than the kernel lets a thread wait for another one's turn, or the collector stops it.
	haltLeast = 5 * time.Millisecond
)

// halted returns the share of its time that a thread loses which only reads the clock, as on a virtual machine that waits for
// its host.
func halted() float64 {
	var lost time.Duration
	started := time.Now()
	for last := started; last.Sub(started) < haltPortion; {
		now := time.Now()
		if gap := now.Sub(last); gap >= haltLeast {
			lost += gap
		}
		last = now
	}
	return lost.Seconds() / time.Since(started).Seconds()
}
