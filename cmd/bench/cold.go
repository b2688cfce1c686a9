package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// coldKeys is how many keys are spent for the first time.
const coldKeys = 100_000

// measureCold measures the first token of each of very many keys, none of which is in the service's memory. The bare
// handler reads what it needs with one statement, each time.
func measureCold(ctx context.Context, b *bench) (section, error) {
	p := newPopulation(coldKeys, true)
	fmt.Printf("  writing %s keys\n", thousands(coldKeys))
	service, err := b.populatedPostgreSQL(ctx, p)
	if err != nil {
		return section{}, err
	}
	defer service.stop()
	bare, err := b.bareOn(ctx, service.environment["APIKEYS_DATABASE_URL"])
	if err != nil {
		return section{}, err
	}
	defer bare.stop()
	first := requests(p.pairs, tokenRequest)
	share := len(first) / b.rounds
	var ours, theirs, oursCPU, theirsCPU sample
	for round := range b.rounds {
		part := first[round*share : (round+1)*share]
		for _, one := range []struct {
			target       process
			rate, micros *sample
		}{{service.process, &ours, &oursCPU}, {bare, &theirs, &theirsCPU}} {
			started, used := time.Now(), one.target.cpu()
			if err := each(ctx, one.target, part, http.StatusOK, func(int, []byte) error { return nil }); err != nil {
				return section{}, fmt.Errorf("%s: %w", one.target.name, err)
			}
			n := float64(len(part))
			*one.rate = append(*one.rate, n/time.Since(started).Seconds())
			*one.micros = append(*one.micros, (one.target.cpu()-used).Seconds()*1e6/n)
		}
	}
	return section{
		Rows: []row{
			{What: "first token of a key", Unit: "/s", Service: ours, Bare: theirs, Target: target{AtLeast: .8}},
			{What: "processor time of the server for each", Unit: " µs", Service: oursCPU, Bare: theirsCPU},
		},
		Notes: []string{fmt.Sprintf("%s keys, each spent once, 16 connections, PostgreSQL. The bare handler runs one prepared SELECT with pgx and signs with the standard library.", thousands(coldKeys))},
	}, nil
}
