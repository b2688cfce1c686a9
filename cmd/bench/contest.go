package main

import (
	"context"
	"fmt"
	"net/http"
)

// connections is how many callers send requests at the same time.
const connections = 32

// contender is one side of a comparison.
type contender struct {
	target process
	// prepare makes the requests of a round. It runs while nothing is measured.
	prepare func(ctx context.Context) (source, error)
	status  int
}

// unprepared is the prepare of a contender whose requests exist already.
func unprepared(s source) func(context.Context) (source, error) {
	return func(context.Context) (source, error) { return s, nil }
}

// measured is what the rounds of a contender measured.
type measured struct {
	rate, micros, p50, generator, others sample
}

// contest lets the contenders take turns, and returns what was measured in each round of each. They take turns in beginning, too,
// so that what one leaves behind, such as a warm processor, does not always help the same one.
func (b *bench) contest(ctx context.Context, connections int, contenders ...contender) ([]measured, error) {
	found := make([]measured, len(contenders))
	for round := range b.rounds {
		for turn := range contenders {
			i := turn
			if round%2 == 1 {
				i = len(contenders) - 1 - turn
			}
			one := contenders[i]
			next, err := one.prepare(ctx)
			if err != nil {
				return nil, err
			}
			o, err := load{one.target, connections, next, one.status, warmUp, b.portion}.run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", one.target.name, err)
			}
			m := &found[i]
			m.rate = append(m.rate, o.rate())
			m.micros = append(m.micros, o.serverMicros())
			m.p50 = append(m.p50, o.percentile(.5))
			m.generator = append(m.generator, o.generatorShare())
			m.others = append(m.others, o.othersShare())
		}
	}
	return found, nil
}

// compare runs a contest between the service and the bare handler and returns two rows: requests per second with the
// target, and processor time per request.
func (b *bench) compare(ctx context.Context, what string, t target, service, bare contender) ([]row, []string, error) {
	found, err := b.contest(ctx, connections, service, bare)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", what, err)
	}
	ours, theirs := found[0], found[1]
	rows := rates(what, t, ours, theirs)
	return rows, append(saturated.notes(what, ours.generator, theirs.generator), disturbed.notes(what, ours.others, theirs.others)...), nil
}

// rates returns two rows: requests per second with the target, and, where it is known, processor time per request.
func rates(what string, t target, ours, theirs measured) []row {
	rows := []row{{What: what, Unit: "/s", Service: ours.rate, Bare: theirs.rate, Target: t}}
	if ours.micros.median() > 0 {
		rows = append(rows, row{What: "processor time of the server for each", Unit: " µs", Service: ours.micros, Bare: theirs.micros})
	}
	return rows
}

// disturbance is the share of the machine from which on other programs may have influenced a result.
const disturbance = .15

// doubt is a reason to distrust a result: something other than the contenders may have decided it, because its share, sampled for
// each contender, reached a limit.
type doubt struct {
	limit float64
	text  string // with a verb for what was measured, and one for the share in percent
}

var (
	saturated = doubt{saturation, "**The load generator was saturated** while it measured %s (%.0f %% of its processors): the faster side may be faster than it says."}
	disturbed = doubt{disturbance, "**Other programs used the machine** while it measured %s (%.0f %% of its processors): the figures say little."}
)

// notes returns the doubt as a note if it applies.
func (d doubt) notes(what string, shares ...sample) []string {
	for _, share := range shares {
		if share.median() >= d.limit {
			return []string{fmt.Sprintf(d.text, what, 100*share.median())}
		}
	}
	return nil
}

// tokenContenders returns the service and the bare handler, as they exchange credentials for tokens.
func (b *bench) tokenContenders(ctx context.Context, request func(pair) []byte, status int) (service, bare contender, err error) {
	s, err := b.service(ctx)
	if err != nil {
		return contender{}, contender{}, err
	}
	p, err := b.bare(ctx, s.keys)
	if err != nil {
		return contender{}, contender{}, err
	}
	next := unprepared(atRandom(requests(s.keys, request)))
	return contender{s.process, next, status}, contender{p, next, status}, nil
}

// measureTokens compares the two ways to exchange credentials for a token.
func measureTokens(ctx context.Context, b *bench) (section, error) {
	var s section
	for _, way := range []struct {
		what    string
		request func(pair) []byte
		status  int
		target  target
	}{
		{"`POST /oauth2/token`, Basic", tokenRequest, http.StatusOK, target{AtLeast: .85}},
		{"`POST /auth`", authRequest, http.StatusCreated, target{AtLeast: .8}},
	} {
		service, bare, err := b.tokenContenders(ctx, way.request, way.status)
		if err != nil {
			return s, err
		}
		rows, notes, err := b.compare(ctx, way.what, way.target, service, bare)
		bare.target.stop()
		if err != nil {
			return s, err
		}
		s.Rows, s.Notes = append(s.Rows, rows...), append(s.Notes, notes...)
	}
	s.Notes = append(s.Notes, fmt.Sprintf("%s keys at random, %d connections, PostgreSQL, and one log line per request, written to a file. The bare handler has the plain secrets in a map.",
		thousands(int64(b.keys)), connections))
	return s, nil
}
