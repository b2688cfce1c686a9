package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/operator"
)

// rawChanges executes the statements of the service's changes and nothing else: no HTTP, no checks, no hashes.
type rawChanges struct {
	pool    *pgxpool.Pool
	created [writers]string
}

func newRawChanges(ctx context.Context, database string) (*rawChanges, error) {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	config.MaxConns = writers
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return &rawChanges{pool: pool}, err
}

func (r *rawChanges) close() { r.pool.Close() }

// statements of the changes.
const (
	rawHead     = "SELECT seq, hash FROM log_head WHERE id = 1 FOR UPDATE"
	rawRead     = "SELECT k.*, s.* FROM api_key k LEFT JOIN client_secret s ON s.client_id = k.client_id AND s.retired_at IS NULL WHERE k.tenancy_id = $1 AND k.client_id = $2"
	rawUpdate   = "UPDATE api_key SET name = name, description = $1, version = version + 1, generation = generation, updated_at = $2 WHERE tenancy_id = $3 AND client_id = $4"
	rawExpire   = "UPDATE client_secret SET expires_at = $1 WHERE client_id = $2 AND expires_at IS NULL"
	rawEvent    = "INSERT INTO event (seq, at, tenancy_id, action, actor_kind, actor_id, actor_name, ip, user_agent, request_id, subject_kind, subject_id, state_before, state_after, prev_hash, hash) VALUES ($1, $2, $3, 'api-key.updated', 'operator', $4, $4, '127.0.0.1', 'bench', $4, 'api-key', $5, $6, $6, $7, $7)"
	rawMoveHead = "UPDATE log_head SET seq = $1, hash = $2 WHERE id = 1"
)

// rawState is about as long as the state of a key in an event.
var rawState = `{"name":"` + strings.Repeat("x", 400) + `"}`

// numbered replaces the question marks in a statement by PostgreSQL's placeholders.
func numbered(statement string) string {
	var b strings.Builder
	n := 0
	for _, c := range statement {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n++
		fmt.Fprintf(&b, "$%d", n)
	}
	return b.String()
}

// change is a [changer].
func (r *rawChanges) change(ctx context.Context, writer, n int) error {
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		var seq int64
		var hash []byte
		if err := tx.QueryRow(ctx, rawHead).Scan(&seq, &hash); err != nil {
			return err
		}
		if err := r.body(ctx, tx, writer, n); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, rawEvent, seq+1, time.Now().UnixMicro(), operator.PlatformTenancyID, uuid.NewString(), r.created[writer], rawState, hash); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, rawMoveHead, seq+1, hash)
		return err
	})
}

// body executes the statements of one change between locking the head and writing the event.
func (r *rawChanges) body(ctx context.Context, tx pgx.Tx, writer, n int) error {
	if n%3 == 0 {
		return r.create(ctx, tx, writer)
	}
	id, now := r.created[writer], time.Now().UnixMicro()
	rows, err := tx.Query(ctx, rawRead, operator.PlatformTenancyID, id)
	if err != nil {
		return err
	}
	if _, err := pgx.CollectRows(rows, pgx.RowToMap); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, rawUpdate, "edited", now, operator.PlatformTenancyID, id); err != nil || n%3 == 1 {
		return err
	}
	if _, err := tx.Exec(ctx, rawExpire, now, id); err != nil {
		return err
	}
	return r.secret(ctx, tx, id, now)
}

func (r *rawChanges) create(ctx context.Context, tx pgx.Tx, writer int) error {
	id, name, now := apikey.NewClientID(), rand.Text(), time.Now().UnixMicro()
	_, err := tx.Exec(ctx, numbered(insert("api_key", keyColumns)), id, operator.PlatformTenancyID, name, name, name, "", bareScope,
		1, string(apikey.Hours), string(apikey.Active), 1, 1, now, "bench", now, "bench", nil)
	if err != nil {
		return err
	}
	r.created[writer] = id
	return r.secret(ctx, tx, id, now)
}

func (r *rawChanges) secret(ctx context.Context, tx pgx.Tx, id string, now int64) error {
	_, err := tx.Exec(ctx, numbered(insert("client_secret", secretColumns)), uuid.NewString(), id, make([]byte, 32), "0000", now, "")
	return err
}
