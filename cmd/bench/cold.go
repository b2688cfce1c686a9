package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// coldKeys is how many keys are used for the first time.
const coldKeys = 100_000

// coldTimes is how often that is done, each time with other keys, a new database and a new service. The speed of a round depends
// on whether uses are written at the same time, which happens every few seconds.
const coldTimes = 3

// measureCold measures the first token of each of very many keys, none of which is in the service's memory. The bare handler
// reads what it needs with one statement each time.
func measureCold(ctx context.Context, b *bench) (section, error) {
	var ours, theirs measured
	for range coldTimes {
		if err := b.spendFirst(ctx, &ours, &theirs); err != nil {
			return section{}, err
		}
	}
	return section{
		Rows: rates("first token of a key", target{AtLeast: .8}, ours, theirs),
		Notes: []string{fmt.Sprintf("%s keys, each used once, over 16 connections, on PostgreSQL; repeated %d times with different keys. The bare handler runs one prepared SELECT through pgx and signs with the standard library.",
			thousands(coldKeys), coldTimes)},
	}, nil
}

// spendFirst obtains the first tokens of new keys in rounds, first from the service and then from the bare handler, and adds what
// it measures to ours and theirs.
func (b *bench) spendFirst(ctx context.Context, ours, theirs *measured) error {
	p := newPopulation(coldKeys, true)
	fmt.Printf("  writing %s keys\n", thousands(coldKeys))
	service, err := b.populatedPostgreSQL(ctx, p)
	if err != nil {
		return err
	}
	defer service.stop()
	bare, err := b.bareOn(ctx, service.environment["APIKEYS_DATABASE_URL"])
	if err != nil {
		return err
	}
	defer bare.stop()
	first := requests(p.pairs, tokenRequest)
	share := len(first) / b.rounds
	for round := range b.rounds {
		part := first[round*share : (round+1)*share]
		for _, one := range []struct {
			target process
			found  *measured
		}{{service.process, ours}, {bare, theirs}} {
			started, used := time.Now(), one.target.cpu()
			if err := each(ctx, one.target, part, http.StatusOK, func(int, []byte) error { return nil }); err != nil {
				return fmt.Errorf("%s: %w", one.target.name, err)
			}
			n := float64(len(part))
			one.found.rate = append(one.found.rate, n/time.Since(started).Seconds())
			one.found.micros = append(one.found.micros, (one.target.cpu()-used).Seconds()*1e6/n)
		}
	}
	return nil
}
