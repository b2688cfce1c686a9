package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// flushInterval is longer than the time after which the service writes what it has counted.
const flushInterval = 4 * time.Second

// measureStatements counts what the service does with its database while it issues tokens, and while it does nothing.
func measureStatements(ctx context.Context, b *bench) (section, error) {
	var s section
	service, err := b.service(ctx)
	if err != nil {
		return s, err
	}
	span := max(2*b.portion, 2*flushInterval)
	settle := func() error { return sleepUntil(ctx, time.Now().Add(flushInterval)) }
	if err := settle(); err != nil {
		return s, err
	}
	idle, err := service.database(ctx, func() error { return sleepUntil(ctx, time.Now().Add(span)) })
	if err != nil {
		return s, err
	}
	var o outcome
	busy, err := service.database(ctx, func() (err error) {
		o, err = load{service.process, connections, atRandom(requests(service.keys, tokenRequest)), http.StatusOK, 0, span}.run(ctx)
		return err
	})
	if err != nil {
		return s, err
	}
	batches, err := service.database(ctx, settle) // writes what was counted last
	if err != nil {
		return s, err
	}
	written := busy.plus(batches)
	tokens := float64(o.requests)
	s.Rows = []row{
		{What: fmt.Sprintf("tokens in %v", span), Service: sample{tokens}},
		{What: "database reads in the same time, idle", Service: sample{idle.reads}},
		{What: "database reads under load", Service: sample{busy.reads}},
		{What: "database reads per token beyond the idle ones", Service: sample{max(0, busy.reads-idle.reads) / tokens}, Target: target{AtMost: .001}},
		{What: "batches of usage", Service: sample{written.flushes}},
		{What: "write transactions per batch and key that was used in it", Service: sample{written.writes / written.flushes / float64(b.keys)}, Target: target{AtMost: 1}},
		{What: "rows written per batch and key", Service: sample{written.rows / written.flushes / float64(b.keys)}},
	}
	s.Notes = []string{
		"The reads are those of the event log, a few per second whatever the load. A test shows that issuing or verifying a token of a key in memory makes no database call at all.",
	}
	return s, nil
}

// databaseUse is how often the service called its database, and how many rows changed in it.
type databaseUse struct{ reads, writes, flushes, rows float64 }

func (u databaseUse) plus(other databaseUse) databaseUse {
	return databaseUse{u.reads + other.reads, u.writes + other.writes, u.flushes + other.flushes, u.rows + other.rows}
}

// database returns how the service used its database while during ran.
func (s *service) database(ctx context.Context, during func() error) (databaseUse, error) {
	before, err := s.databaseUse(ctx)
	if err != nil {
		return databaseUse{}, err
	}
	if err := during(); err != nil {
		return databaseUse{}, err
	}
	after, err := s.databaseUse(ctx)
	return after.plus(databaseUse{-before.reads, -before.writes, -before.flushes, -before.rows}), err
}

// databaseUse reads the service's metrics and the database's own count of changed rows.
func (s *service) databaseUse(ctx context.Context) (databaseUse, error) {
	var u databaseUse
	err := s.metrics(ctx, func(series string, value float64) {
		operation, isCall := strings.CutPrefix(series, `apikeys_store_duration_seconds_count{operation="`)
		switch {
		case isCall && (strings.HasPrefix(operation, "read") || strings.HasPrefix(operation, "snapshot")):
			u.reads += value
		case isCall:
			u.writes += value
		case series == "apikeys_usage_flushes_total":
			u.flushes = value
		}
	})
	if err != nil {
		return u, err
	}
	conn, err := pgx.Connect(ctx, s.environment["APIKEYS_DATABASE_URL"])
	if err != nil {
		return u, err
	}
	defer func() { _ = conn.Close(ctx) }() // it was read only
	err = conn.QueryRow(ctx, "SELECT COALESCE(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::float8 FROM pg_stat_user_tables").Scan(&u.rows)
	return u, err
}

// metrics reads the service's metrics, and calls each for every series.
func (s *service) metrics(ctx context.Context, each func(series string, value float64)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/metrics", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		series, text, ok := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); ok && err == nil {
			each(series, value)
		}
	}
	return lines.Err()
}
