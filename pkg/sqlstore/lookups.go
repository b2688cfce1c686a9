package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
)

const (
	// lookupsAtOnce is how many statements look keys up at a time: while the database works for one, what another has found
	// is read here.
	lookupsAtOnce = 2
	// lookupMax is how many of those that wait one statement answers.
	lookupMax = 100
	// lookupsWorth is how many must wait for a statement to be begun beside another that runs. Fewer take less of everybody's time
	// when they are read with those that come until that one ends.
	lookupsWorth = 8
	// lookupPatience is how long one waits for that; nobody is held up for longer by a statement that hangs.
	lookupPatience = 20 * time.Millisecond
)

// lookups are the keys that are looked up for authentication. Those that are asked for while others are being read wait for
// that and are then read together. One at a time they would cost several times as much, here and in the database, whenever
// very many are not in memory, as after a start. Nobody is given what was read before he asked.
type lookups struct {
	mu      sync.Mutex
	running int
	waiting []*lookup
}

// lookup is a client that a call waits for. client and err are there when done is closed; gone is closed when nobody waits any more.
type lookup struct {
	clientID string
	gone     <-chan struct{}
	done     chan struct{}
	client   apikey.Client
	err      error
}

// Lookup implements [apikey.Store].
func (s *Store) Lookup(ctx context.Context, clientID string) (client apikey.Client, err error) {
	defer s.observed(ctx, "read", time.Now(), &err)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := limited.Err(); err != nil {
		return apikey.Client{}, outcome(ctx, err)
	}
	l := &lookup{clientID: clientID, gone: limited.Done(), done: make(chan struct{})}
	if s.lookups.begins(l) {
		go s.lookUp()
	}
	late := time.NewTimer(lookupPatience)
	defer late.Stop()
	for {
		select {
		case <-l.done:
			return l.client, outcome(ctx, l.err)
		case <-limited.Done():
			return apikey.Client{}, outcome(ctx, limited.Err())
		case <-late.C:
			if s.lookups.hurry() {
				go s.lookUp()
			}
		}
	}
}

// begins has a lookup wait, and reports whether a statement is to be begun for those that do.
func (l *lookups) begins(one *lookup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, one)
	return l.mayRun(lookupsWorth)
}

// hurry reports whether a statement is to be begun for those that wait, however few they are.
func (l *lookups) hurry() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mayRun(1)
}

// mayRun takes a place among the statements that run, if there is one and so many wait; one that would run alone is worth it for any.
// The caller holds the lock.
func (l *lookups) mayRun(worth int) bool {
	if l.running == lookupsAtOnce || l.running > 0 && len(l.waiting) < worth {
		return false
	}
	l.running++
	return true
}

// next returns lookups that wait, at most [lookupMax]. When there are none, whoever asks has nothing more to read. Those that
// nobody waits for any more, as after the database has stood still, are dropped: the living would wait for them.
func (l *lookups) next() []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*lookup
	for len(l.waiting) > 0 && len(batch) < lookupMax {
		one := l.waiting[0]
		l.waiting[0] = nil // the rest of the queue keeps its array
		l.waiting = l.waiting[1:]
		select {
		case <-one.gone:
		default:
			batch = append(batch, one)
		}
	}
	if len(batch) == 0 {
		l.running--
	}
	return batch
}

// lookUp reads keys for as long as any wait.
func (s *Store) lookUp() {
	for batch := s.lookups.next(); len(batch) > 0; batch = s.lookups.next() {
		s.answer(batch)
	}
}

// answer reads the clients of a batch. What is wrong with one of them is no matter of the others.
func (s *Store) answer(batch []*lookup) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	ids := make([]string, len(batch))
	for i, l := range batch {
		ids[i] = l.clientID
	}
	slices.Sort(ids)
	stored, err := s.tx(s.reader.WithContext(ctx)).prepared().clientsAmong(slices.Compact(ids))
	for _, l := range batch {
		if c, ok := stored[l.clientID]; ok {
			l.client, l.err = c.client, c.err
		} else if l.err = err; err == nil {
			l.err = apikey.ErrNotFound
		}
		close(l.done)
	}
}

// selectClients reads what clients are made of, with a row for each secret that a key lists, whose columns are NULL when it lists
// none. It asks for nothing else: this is on the way to a token whose key is not in memory.
const selectClients = "SELECT api_key.client_id, api_key.tenancy_id, api_key.scopes, api_key.lifespan_value, api_key.lifespan_unit, " +
	"api_key.rate_limit, api_key.status, api_key.generation, api_key.status_index, s.id, s.digest, s.expires_at " +
	"FROM api_key " + joinListedSecrets + "WHERE "

// amongStatement reads clients by a JSON array of their ids, each given once: one statement for any number of them, so that it
// can be kept. PostgreSQL is made to plan it as for a single key. Given the choice it would read the whole table where that
// is small, and go on with the plan that it has kept after the table has grown.
var amongStatement = map[dialect]string{
	sqliteDialect: selectClients + "api_key.client_id IN (SELECT value FROM json_each(?))",
	postgresDialect: "SELECT k.* FROM json_array_elements_text(CAST(? AS json)) AS wanted (client_id) CROSS JOIN LATERAL (" +
		selectClients + "api_key.client_id = wanted.client_id OFFSET 0) AS k",
}

// storedClient is a client that was found, or what is wrong with what is stored of it.
type storedClient struct {
	client apikey.Client
	err    error
}

// clientsAmong reads clients of whichever tenancy, by their ids. It scans by hand: finding out by reflection what goes where took
// longer than the database takes.
func (t tx) clientsAmong(ids []string) (map[string]*storedClient, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("list client ids: %w", err)
	}
	rows, err := t.db.Raw(amongStatement[t.dialect], string(list)).Rows()
	if err != nil {
		return nil, fmt.Errorf("read clients: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	clients := make(map[string]*storedClient, len(ids))
	var k keyRow
	var secretID sql.Null[string]
	var stored []byte
	var expires instant
	for rows.Next() {
		err := rows.Scan(&k.ClientID, &k.TenancyID, &k.Scopes, &k.LifespanValue, &k.LifespanUnit,
			&k.RateLimit, &k.Status, &k.Generation, &k.StatusIndex, &secretID, &stored, &expires)
		if err != nil {
			return nil, fmt.Errorf("read clients: %w", err)
		}
		found, ok := clients[k.ClientID]
		if !ok {
			found = &storedClient{}
			found.client, found.err = k.client()
			clients[k.ClientID] = found
		}
		if !secretID.Valid {
			continue
		}
		digest, err := newDigest(stored)
		if err != nil {
			found.err = errors.Join(found.err, fmt.Errorf("secret %s: %w", secretID.V, err))
		}
		found.client.Secrets = append(found.client.Secrets, apikey.ClientSecret{ID: secretID.V, Digest: digest, ExpiresAt: expires.time()})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read clients: %w", err)
	}
	return clients, nil
}
