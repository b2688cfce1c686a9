package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// writers is how many operators change keys at the same time.
const writers = 16

// changer makes a writer's n-th change: in turn, it creates a key, edits it, and rotates its secret.
type changer func(ctx context.Context, writer, n int) error

// measureChanges measures how many changes are committed in a second. Each is written to the disk, together with its event,
// before it is acknowledged.
func measureChanges(ctx context.Context, b *bench) (section, error) {
	database, err := b.database(ctx)
	if err != nil {
		return section{}, err
	}
	postgres, err := b.changeable(ctx, database)
	if err != nil {
		return section{}, err
	}
	defer postgres.stop()
	rawDatabase, err := b.database(ctx)
	if err != nil {
		return section{}, err
	}
	schema, err := b.serve(ctx, b.environment(rawDatabase))
	if err != nil {
		return section{}, err
	}
	schema.stop()
	raw, err := newRawChanges(ctx, rawDatabase)
	if err != nil {
		return section{}, err
	}
	defer raw.close()
	sqlite, err := b.changeable(ctx, "sqlite://"+filepath.Join(b.folder, "changes.db"))
	if err != nil {
		return section{}, err
	}
	defer sqlite.stop()

	var ours, theirs, embedded sample
	for range b.rounds {
		for _, one := range []struct {
			change changer
			rate   *sample
		}{{postgres.changes(), &ours}, {raw.change, &theirs}, {sqlite.changes(), &embedded}} {
			rate, err := changesPerSecond(ctx, one.change, b.portion)
			if err != nil {
				return section{}, err
			}
			*one.rate = append(*one.rate, rate)
		}
	}
	return section{
		Rows: []row{
			{What: "create, edit, rotate on PostgreSQL", Unit: "/s", Service: ours, Bare: theirs, Target: target{AtLeast: .5}},
			{What: "the same on SQLite", Unit: "/s", Service: embedded, Target: target{AtLeast: 400}},
		},
		Notes: []string{fmt.Sprintf("%d writers make one change at a time each, through HTTP. Every commit waits for the disk. The bare side sends the same statements, "+
			"prepared, through pgx alone. It also changes one key at a time, behind the lock on the log's head.", writers)},
	}, nil
}

// changeable starts a service and signs its operator in.
func (b *bench) changeable(ctx context.Context, database string) (*service, error) {
	e := b.environment(database)
	p, err := b.serve(ctx, e)
	if err != nil {
		return nil, err
	}
	s := &service{process: p, environment: e}
	return s, s.signIn(ctx)
}

// changesPerSecond lets all writers make changes for a while, and returns how many they made per second.
func changesPerSecond(ctx context.Context, change changer, portion time.Duration) (float64, error) {
	var done atomic.Int64
	started := time.Now()
	end := started.Add(portion)
	group, ctx := errgroup.WithContext(ctx)
	for writer := range writers {
		group.Go(func() error {
			for n := 0; time.Now().Before(end); n++ {
				if err := change(ctx, writer, n); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(done.Load()) / time.Since(started).Seconds(), err
}

// changes returns a changer that uses the service. Each writer edits and rotates the key that it created last.
func (s *service) changes() changer {
	var created [writers]pair
	run := time.Now().UnixNano()
	return func(ctx context.Context, writer, n int) error {
		own := &created[writer]
		switch n % 3 {
		case 0:
			draft := map[string]any{"name": fmt.Sprintf("changed %d %d %d", run, writer, n), "scopes": []string{"lighthouse.workspaces:readonly", "cca:editor"}}
			return s.call(ctx, http.MethodPost, "/v1/api-keys", draft, own)
		case 1:
			return s.call(ctx, http.MethodPatch, "/v1/api-keys/"+own.ClientID, map[string]any{"description": "edited"}, nil)
		default:
			return s.call(ctx, http.MethodPost, "/v1/api-keys/"+own.ClientID+"/rotate-secret", map[string]any{"grace_period_seconds": 3600}, nil)
		}
	}
}
