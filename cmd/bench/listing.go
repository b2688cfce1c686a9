package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// How many keys the lists have, and how many requests each round makes.
const (
	listedPostgreSQL = 1_000_000
	listedSQLite     = 100_000
	listRequests     = 200
)

// measureLists measures the pages and searches of a tenancy with very many keys, one request after the other.
func measureLists(ctx context.Context, b *bench) (section, error) {
	var s section
	for _, database := range []struct {
		name  string
		size  int
		start func(context.Context, *population) (*service, error)
	}{
		{"PostgreSQL", listedPostgreSQL, b.populatedPostgreSQL},
		{"SQLite", listedSQLite, b.populatedSQLite},
	} {
		p := newPopulation(database.size, false)
		fmt.Printf("  writing %s keys to %s\n", thousands(int64(database.size)), database.name)
		service, err := database.start(ctx, p)
		if err != nil {
			return s, fmt.Errorf("%s: %w", database.name, err)
		}
		rows, err := service.listRows(ctx, b.rounds, p, fmt.Sprintf("%s, %s keys: ", database.name, thousands(int64(database.size))))
		service.stop()
		if err != nil {
			return s, fmt.Errorf("%s: %w", database.name, err)
		}
		s.Rows = append(s.Rows, rows...)
	}
	s.Notes = []string{
		fmt.Sprintf("Each round makes %d requests of each kind through HTTP, one after the other, as the console makes them: "+
			"pages 1 to 100 of 10 keys in every order, a third of them restricted to active or to inactive keys (1 %% are inactive), and searches for three "+
			"consecutive letters of a word that occurs in the names, in every order.", listRequests),
		"The number of keys in a list is counted once, and again after a thousand changes, or after any change if it is ten thousand or less. In the first round everything is counted.",
	}
	return s, nil
}

// populatedPostgreSQL starts a service on PostgreSQL with a population, and signs its operator in.
func (b *bench) populatedPostgreSQL(ctx context.Context, p *population) (*service, error) {
	database, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	return b.populated(ctx, database, func() error { return p.intoPostgreSQL(ctx, database) })
}

// populatedSQLite is the same on SQLite.
func (b *bench) populatedSQLite(ctx context.Context, p *population) (*service, error) {
	path := filepath.Join(b.folder, "populated.db")
	return b.populated(ctx, "sqlite://"+path, func() error { return p.intoSQLite(ctx, path) })
}

// populated starts a service, which creates the schema, fills the tables while no service runs, and starts the service again.
func (b *bench) populated(ctx context.Context, database string, fill func() error) (*service, error) {
	e := b.environment(database)
	first, err := b.serve(ctx, e)
	if err != nil {
		return nil, err
	}
	first.stop()
	if err := fill(); err != nil {
		return nil, err
	}
	second, err := b.serve(ctx, e)
	if err != nil {
		return nil, err
	}
	s := &service{process: second, environment: e}
	return s, s.signIn(ctx)
}

// listRows measures a service's lists.
func (s *service) listRows(ctx context.Context, rounds int, p *population, title string) ([]row, error) {
	random := sequence(7)
	kinds := []struct {
		name   string
		target target
		query  func() url.Values
		p50    sample
		p99    sample
	}{
		{name: "a page", target: target{AtMost: 20}, query: func() url.Values { return somePage(&random) }},
		{name: "a search by 3 letters", target: target{AtMost: 50}, query: func() url.Values {
			q := someOrder(&random)
			q.Set("search", p.words.part(&random))
			return q
		}},
	}
	for range rounds {
		for i := range kinds {
			k := &kinds[i]
			latencies := make([]float64, listRequests)
			for n := range latencies {
				took, err := s.list(ctx, k.query())
				if err != nil {
					return nil, err
				}
				latencies[n] = float64(took) / float64(time.Millisecond)
			}
			slices.Sort(latencies)
			k.p50 = append(k.p50, latencies[len(latencies)/2])
			k.p99 = append(k.p99, latencies[len(latencies)*99/100])
		}
	}
	var rows []row
	for _, k := range kinds {
		rows = append(rows,
			row{What: title + k.name + ", p50", Unit: " ms", Service: k.p50},
			row{What: "p99", Unit: " ms", Service: k.p99, Target: k.target})
	}
	return rows, nil
}

// someOrder returns one of the orders that a list can have.
func someOrder(random *sequence) url.Values {
	fields, orders := []string{"name", "created_at", "last_used_at"}, []string{"ASC", "DESC"}
	return url.Values{"sort_field": {fields[random.below(len(fields))]}, "sort_order": {orders[random.below(len(orders))]}}
}

// somePage returns one of the first hundred pages.
func somePage(random *sequence) url.Values {
	q := someOrder(random)
	q.Set("page", strconv.Itoa(1+random.below(100)))
	q.Set("status", []string{"all", "all", "all", "all", "active", "inactive"}[random.below(6)])
	return q
}

// list requests a page, and returns how long it took to receive all of it.
func (s *service) list(ctx context.Context, q url.Values) (time.Duration, error) {
	address := url.URL{Scheme: "http", Host: s.address, Path: "/v1/api-keys", RawQuery: q.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	response, err := s.operator.Do(request)
	if err != nil {
		return 0, err
	}
	content, err := io.ReadAll(response.Body)
	took := time.Since(started)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %w: %d %s", address.RequestURI(), errAnswer, response.StatusCode, content)
	}
	return took, nil
}
