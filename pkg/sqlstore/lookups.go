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
	// lookupsAtOnce is how many statements look up keys at a time unless some hang: while the database works on one, the
	// results of the other are read here.
	lookupsAtOnce = 2
	// lookupMax is how many waiting lookups one statement answers.
	lookupMax = 100
	// lookupsWorth is how many lookups must be waiting before a second statement is started beside a running one. Fewer are
	// cheaper for everybody if they wait for the running one to end and are then read together with those that have arrived
	// meanwhile.
	lookupsWorth = 8
	// lookupPatience is how long a lookup waits for that.
	lookupPatience = 20 * time.Millisecond
	// lookupHangs is how long a statement may run before another one may be started in its place: the other end of its connection
	// may be gone while other connections work.
	lookupHangs = 250 * time.Millisecond
	// lookupsMax is how many statements look up keys at a time, including those that hang, which must not take up all connections.
	lookupsMax = 8
)

// lookups are the lookups of keys for authentication. Those that arrive while others are being read wait for that to end and are
// then read together. Reading them one at a time would cost several times as much, here and in the database, whenever very many
// keys are not in memory, as after a start. No caller gets a result that was read before its call.
type lookups struct {
	mu      sync.Mutex
	running int // the statements that have not ended
	hanging int // those of them that have been running for longer than lookupHangs
	waiting []*lookup
}

// lookup is one caller's wait for a client. client and err are valid once done is closed; gone is closed when the caller no
// longer waits.
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

// begins adds a lookup to those waiting, and reports whether to start a statement for them.
func (l *lookups) begins(one *lookup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, one)
	return l.mayRun(lookupsWorth)
}

// hurry reports whether to start a statement for those waiting, however few they are.
func (l *lookups) hurry() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mayRun(1)
}

// hangs notes that a statement has been running for [lookupHangs], and reports whether to start another one for those waiting.
func (l *lookups) hangs() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hanging++
	return l.mayRun(1)
}

// answered notes that a statement which was hanging has ended.
func (l *lookups) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hanging--
}

// mayRun reserves a place for a statement, if one is free and enough lookups are waiting: at least worth, or any number while all
// running statements hang. The caller holds the lock.
func (l *lookups) mayRun(worth int) bool {
	working := l.running - l.hanging
	if working == 0 {
		worth = 1
	}
	if working >= lookupsAtOnce || l.running == lookupsMax || len(l.waiting) < worth {
		return false
	}
	l.running++
	return true
}

// next returns waiting lookups, at most [lookupMax]. If there are none, or enough other statements are working because the
// caller's one hung, it ends the caller's statement and frees its place. Lookups that nobody waits for any more, as after the
// database has stalled, are dropped, because the others would have to wait for them.
func (l *lookups) next() []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*lookup
	for len(l.waiting) > 0 && len(batch) < lookupMax && l.running-l.hanging <= lookupsAtOnce {
		one := l.waiting[0]
		l.waiting[0] = nil // release it, since the rest of the queue keeps the array
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

// lookUp reads keys as long as lookups are waiting.
func (s *Store) lookUp() {
	for batch := s.lookups.next(); len(batch) > 0; batch = s.lookups.next() {
		hangs := time.AfterFunc(lookupHangs, func() {
			if s.lookups.hangs() {
				s.lookUp()
			}
		})
		s.answer(batch)
		if !hangs.Stop() { // the two may be noted in either order
			s.lookups.answered()
		}
	}
}

// answer reads the clients of a batch. A defect in one of them doesn't affect the others.
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

// selectClients reads the columns of clients, with a row for each secret that a key lists; the secret's columns are NULL if the
// key lists none. It reads nothing else, because a token has to wait for it when its key is not in memory.
const selectClients = "SELECT api_key.client_id, api_key.tenancy_id, api_key.scopes, api_key.lifespan_value, api_key.lifespan_unit, " +
	"api_key.rate_limit, api_key.status, api_key.generation, api_key.status_index, s.id, s.digest, s.expires_at " +
	"FROM api_key " + joinListedSecrets + "WHERE "

// amongStatement reads clients by a JSON array of their distinct IDs: one statement for any number of them, so that it can be
// prepared. PostgreSQL is made to plan it as for a single key. Otherwise it would read the whole table while that is small, and
// keep that plan after the table has grown.
var amongStatement = map[dialect]string{
	sqliteDialect: selectClients + "api_key.client_id IN (SELECT value FROM json_each(?))",
	postgresDialect: "SELECT k.* FROM json_array_elements_text(CAST(? AS json)) AS wanted (client_id) CROSS JOIN LATERAL (" +
		selectClients + "api_key.client_id = wanted.client_id OFFSET 0) AS k",
}

// storedClient is a client that was found, or the error in what is stored about it.
type storedClient struct {
	client apikey.Client
	err    error
}

// clientsAmong reads clients of any tenancy by their IDs. It scans by hand, because scanning by reflection took longer than the
// database does.
func (t tx) clientsAmong(ids []string) (map[string]*storedClient, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("encode client IDs: %w", err)
	}
	rows, err := t.db.Raw(amongStatement[t.dialect], string(list)).Rows()
	if err != nil {
		return nil, fmt.Errorf("read clients: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err reports failures
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
