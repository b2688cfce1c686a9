package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	// openShare is the share of the maximum rate at which latency is measured.
	openShare = .7
	// openConnections is enough for a request to rarely wait for a free connection.
	openConnections = 64
)

// measureLatency measures the latency for a single caller, and for many callers who don't wait for each other, at 70 % of the
// maximum rate.
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
	var machine sample
	for range b.rounds {
		machine = append(machine, unevenness())
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
		row{What: "the same of hashing 24 KB, by a process that is alone on the machine", Unit: " × p50", Service: machine},
	)
	s.Notes = append(saturated.notes("the open loop", ours.generator, theirs.generator), disturbed.notes("the open loop", ours.others, theirs.others)...)
	s.Notes = append(s.Notes,
		fmt.Sprintf("The open loop sends at constant intervals over %d connections. A request's time starts when it was due, so it includes waiting for a free connection. "+
			"Every %v the loop sends the requests that are due and reads the responses that have arrived.", openConnections, openPause),
		"A server's ratio can't be lower than the machine's own, which is in the last line: if computing the same hash takes several times as long every now and then, "+
			"so does every request at that moment, and the requests behind it wait.")
	return s, nil
}

// pieces is how many pieces of work show in each round how evenly the machine runs. They start a millisecond apart, like requests
// between which a server rests.
const pieces = 1000

// unevenness returns the ratio of the 99th percentile to the median of how long the same piece of work takes when only the
// machine can disturb it. The processors of a virtual machine can be several times slower for some milliseconds, which shows
// neither in the stolen time nor anywhere else.
func unevenness() float64 {
	piece := make([]byte, 24<<10)
	took := make([]time.Duration, pieces)
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for i := range took {
		<-ticks.C
		begun := time.Now()
		sha256.Sum256(piece)
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	return float64(took[len(took)*99/100]) / float64(took[len(took)/2])
}
