package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// occupy takes all connections for reading, so that reads wait until the test calls release.
func occupy(t *testing.T, s *Store) (release func()) {
	t.Helper()
	pool, err := s.reader.DB()
	if err != nil {
		t.Fatal(err)
	}
	var releases []func() error
	for range pool.Stats().MaxOpenConnections {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, conn.Close)
	}
	return func() {
		t.Helper()
		for _, release := range releases {
			if err := release(); err != nil {
				t.Error(err)
			}
		}
	}
}

// untilReading waits until this many statements are looking keys up and no lookup waits for one.
func untilReading(t *testing.T, s *Store, statements int) {
	t.Helper()
	await.Until(t, patience, fmt.Sprintf("%d statements look up all keys that are asked for", statements), func() bool {
		s.lookups.mu.Lock()
		defer s.lookups.mu.Unlock()
		return s.lookups.running == statements && len(s.lookups.waiting) == 0
	})
}

// untilWaiting waits until this many lookups wait for a statement.
func untilWaiting(t *testing.T, s *Store, count int) {
	t.Helper()
	await.Until(t, patience, fmt.Sprintf("%d lookups wait", count), func() bool {
		s.lookups.mu.Lock()
		defer s.lookups.mu.Unlock()
		return len(s.lookups.waiting) == count
	})
}

// readings counts the statements that read keys.
type readings struct {
	slog.Handler
	mu    sync.Mutex
	count int
}

func (r *readings) Enabled(context.Context, slog.Level) bool { return true }

func (r *readings) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if strings.Contains(a.Value.String(), "LEFT JOIN client_secret") {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.count++
		}
		return true
	})
	return nil
}

func waitingKeysAreReadTogether(t *testing.T, open func(testing.TB, Options) *Store) {
	counted := &readings{Handler: slog.DiscardHandler}
	s := open(t, Options{Timeout: patience, Logger: slog.New(counted)})
	tenancy := newTenancy(t, s)
	ids := fill(t, s, tenancy, 5)
	want := map[string]apikey.Client{}
	for _, id := range ids {
		client, err := s.Lookup(t.Context(), id)
		if err != nil || len(client.Secrets) == 0 {
			t.Fatal(client, err)
		}
		want[id] = client
	}
	counted.count = 0
	release := occupy(t, s)
	asked := make([]*lookup, 3*lookupMax+1)
	for i := range asked {
		asked[i] = &lookup{clientID: append(ids, "ak_unknown", `"], '`)[i%(len(ids)+2)], gone: t.Context().Done(), done: make(chan struct{})}
		if s.lookups.begins(asked[i]) {
			go s.lookUp()
		}
	}
	release()
	for _, l := range asked {
		<-l.done
		if client, ok := want[l.clientID]; !ok && !errors.Is(l.err, apikey.ErrNotFound) || ok && (l.err != nil || !reflect.DeepEqual(l.client, client)) {
			t.Errorf("%s: %+v, %v", l.clientID, l.client, l.err)
		}
	}
	if most := lookupsMax + len(asked)/lookupMax + 1; counted.count > most {
		t.Errorf("%d statements read %d keys; %d would do", counted.count, len(asked), most)
	}
}

func TestAFurtherStatementIsBegunWhenEnoughLookupsWait(t *testing.T) {
	t.Parallel()
	l := &lookups{}
	begins := func() bool { return l.begins(&lookup{}) }
	if !begins() || len(l.next()) != 1 {
		t.Fatal("the first waits")
	}
	for range lookupsWorth - 1 {
		if begins() {
			t.Fatal("one of a few does not wait")
		}
	}
	if !begins() || len(l.next()) != lookupsWorth {
		t.Error("enough wait on")
	}
	for range lookupsWorth {
		if begins() || l.hurry() {
			t.Fatal("more statements are begun than may run at once")
		}
	}
	if len(l.next()) != lookupsWorth || len(l.next()) != 0 {
		t.Error("those that waited are not read")
	}
	if l.hurry() {
		t.Error("a statement is begun for nobody")
	}
	if begins() || !l.hurry() {
		t.Error("one that waited long enough waits on")
	}
}

func waitingLookupsEndInTime(t *testing.T, open func(testing.TB, Options) *Store) {
	ask := func(ctx context.Context, s *Store, id string) (outcome chan error) {
		outcome = make(chan error, 1)
		go func() {
			_, err := s.Lookup(ctx, id)
			outcome <- err
		}()
		return outcome
	}

	s := open(t, Options{Timeout: patience})
	id := fillKeys(t, s, newTenancy(t, s), 1)[0]
	release := occupy(t, s)
	var others [lookupsMax]chan error
	for i := range others { // the first is read at once, the next after lookupPatience, and others in place of those that hang
		others[i] = ask(t.Context(), s, id)
		untilReading(t, s, i+1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := ask(ctx, s, id)
	untilWaiting(t, s, 1)
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) || errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("one whose caller is gone: %v", err)
	}
	release()
	for _, outcome := range others {
		if err := <-outcome; err != nil {
			t.Errorf("the others: %v", err)
		}
	}

	s = open(t, Options{Timeout: patience})
	id = fillKeys(t, s, newTenancy(t, s), 1)[0]
	s.timeout = impatience
	release = occupy(t, s)
	if err := <-ask(t.Context(), s, id); !errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("with no connection: %v", err)
	}
	release()
	untilReading(t, s, 0)
	hang := func(statements int) {
		s.lookups.mu.Lock()
		defer s.lookups.mu.Unlock()
		s.lookups.running = statements
	}
	hang(lookupsMax)
	if err := <-ask(t.Context(), s, id); !errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("behind statements that hang: %v", err)
	}
	hang(0)
	for deadline := time.Now().Add(patience); ; {
		_, err := s.Lookup(t.Context(), id)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with connections again: %v", err)
		}
	}
}

// lookupsPassStatementsThatHang: a connection whose other end is gone says nothing about the others.
func lookupsPassStatementsThatHang(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	id := fillKeys(t, s, newTenancy(t, s), 1)[0]
	var begun atomic.Int64
	resume := make(chan struct{})
	err := s.reader.Callback().Row().Before("gorm:row").Register("hang", func(*gorm.DB) {
		if begun.Add(1) < lookupsMax {
			<-resume
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(chan error, lookupsMax)
	for i := range lookupsMax {
		go func() {
			_, err := s.Lookup(t.Context(), id)
			outcomes <- err
		}()
		await.Until(t, patience, fmt.Sprintf("statement %d has begun", i+1), func() bool { return begun.Load() == int64(i+1) })
	}
	if err := <-outcomes; err != nil {
		t.Errorf("the one that does not hang: %v", err)
	}
	close(resume)
	for range lookupsMax - 1 {
		if err := <-outcomes; err != nil {
			t.Errorf("one that no longer hangs: %v", err)
		}
	}
	untilReading(t, s, 0)
}

// TestLookupsThatNobodyWaitsForAreDropped: after the database has hung, there may be very many of them, ahead of those that
// somebody still waits for.
func TestLookupsThatNobodyWaitsForAreDropped(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	l := &lookups{running: lookupsAtOnce}
	for i := range 3 * lookupMax {
		one := &lookup{clientID: "ak_gone", gone: gone}
		if i%lookupMax == 0 {
			one = &lookup{clientID: "ak_waits", gone: make(chan struct{})}
		}
		if l.begins(one) {
			t.Fatal("it does not wait")
		}
	}
	batch := l.next()
	if len(batch) != 3 || slices.ContainsFunc(batch, func(one *lookup) bool { return one.clientID != "ak_waits" }) {
		t.Errorf("%d are read", len(batch))
	}
	if rest := l.next(); len(rest) != 0 || l.running != lookupsAtOnce-1 || len(l.waiting) != 0 {
		t.Errorf("%d more are read, %d wait, %d read", len(rest), len(l.waiting), l.running)
	}
}

func lookupsSeeWhatWasChangedBefore(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	id := fillKeys(t, s, tenancy, 1)[0]
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	for range 4 * lookupsAtOnce {
		others.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.Lookup(ctx, id); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		changed, err := s.Update(t.Context(), tenancy, id, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
			k.Generation++
			event := newDraft(k)
			return k, &event, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if c, err := s.Lookup(t.Context(), id); err != nil || c.Generation != changed.Generation {
			t.Fatalf("after the change to generation %d: %d, %v", changed.Generation, c.Generation, err)
		}
	}
}

func brokenKeysAreNoMatterOfOthers(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	ids := fillKeys(t, s, newTenancy(t, s), 2)
	if err := s.writer.Exec("UPDATE api_key SET scopes = '\"' WHERE client_id = ?", ids[0]).Error; err != nil {
		t.Fatal(err)
	}
	broken, sound := &lookup{clientID: ids[0], done: make(chan struct{})}, &lookup{clientID: ids[1], done: make(chan struct{})}
	s.answer([]*lookup{broken, sound})
	if broken.err == nil || errors.Is(broken.err, apikey.ErrNotFound) {
		t.Errorf("the broken key: %v", broken.err)
	}
	if sound.err != nil || sound.client.ID != ids[1] {
		t.Errorf("the other: %q, %v", sound.client.ID, sound.err)
	}
}

func TestKeysAreLookedUpInTheirIndex(t *testing.T) {
	t.Parallel()
	for explain, test := range map[string]struct {
		open func(testing.TB, Options) *Store
		plan string
	}{
		"EXPLAIN QUERY PLAN": {newSQLite, "SEARCH api_key USING INDEX sqlite_autoindex_api_key_1 (client_id=?)"},
		// The table has no statistics, as in a new installation.
		"EXPLAIN": {newPostgreSQL, "Index Scan using api_key_pkey on api_key"},
	} {
		s := test.open(t, Options{Timeout: patience})
		text := explained(t, s, explain, func(db *gorm.DB) *gorm.DB {
			return db.Raw(amongStatement[s.dialect], fmt.Sprintf("[%q]", "ak_1")).Scan(&[]keyRow{})
		})
		if !strings.Contains(text, test.plan) {
			t.Errorf("%s", text)
		}
	}
}
