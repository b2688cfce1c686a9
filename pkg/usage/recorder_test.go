package usage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/usage"
)

// recordStore keeps the batches that it is given. While err is set it fails, except for the first failAfter batches.
type recordStore struct {
	usage.Store
	mu        sync.Mutex
	err       error
	failAfter int
	batches   []usage.Batch
}

func (s *recordStore) Record(ctx context.Context, b usage.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, b)
	if s.err != nil && len(s.batches) > s.failAfter {
		return s.err
	}
	return s.Store.Record(ctx, b)
}

func TestUsesAreWrittenWithTheNextFlush(t *testing.T) {
	f := newFixture(t)
	f.Issued("a", "sa", "192.0.2.1")
	f.advance(time.Second)
	f.Issued("a", "sa", "192.0.2.2")
	last := f.Now().UTC().Truncate(time.Microsecond)
	f.Denied("a", "wrong-secret", "192.0.2.3", "request")
	if !f.key(t, "a").LastUsedAt.IsZero() {
		t.Error("a use was written before the flush")
	}
	version := f.key(t, "a").Version
	f.flush(t)
	key := f.key(t, "a")
	if !key.LastUsedAt.Equal(last) || !key.Secrets[0].LastUsedAt.Equal(last) || key.Secrets[0].LastUsedIP != "192.0.2.2" {
		t.Errorf("the key was used at %v, its secret at %v from %s", key.LastUsedAt, key.Secrets[0].LastUsedAt, key.Secrets[0].LastUsedIP)
	}
	if key.Version != version {
		t.Error("a use changed the key's version")
	}
	if issued, denied := f.totals(t, "a"); issued != 2 || denied != 1 {
		t.Errorf("%d issued, %d denied", issued, denied)
	}
	denials, err := f.service.Denials(t.Context(), tenancy, "a")
	want := []usage.Denial{{ClientID: "a", At: last, Reason: "wrong-secret", IP: "192.0.2.3", RequestID: "request"}}
	if err != nil || !slices.Equal(denials, want) {
		t.Errorf("the denials are %+v, %v", denials, err)
	}
	if other := f.key(t, "b"); !other.LastUsedAt.IsZero() {
		t.Error("another key was used")
	}
}

func TestADeniedExchangeIsNoUse(t *testing.T) {
	f := newFixture(t)
	store := &recordStore{Store: f.store}
	recorder := usage.NewRecorder(store, f.Now)
	recorder.Denied("a", "wrong-secret", "192.0.2.3", "request")
	if err := recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if key := f.key(t, "a"); !key.LastUsedAt.IsZero() || len(store.batches[0].Uses) != 0 {
		t.Errorf("the key was used at %v, and what was written is %+v", key.LastUsedAt, store.batches[0])
	}
}

func TestAUseForSomethingElseThanATokenCountsNone(t *testing.T) {
	f := newFixture(t)
	f.Used("a", "sa", "192.0.2.1")
	f.Issued("b", "sb", "192.0.2.1")
	f.advance(time.Second)
	f.Used("b", "sb", "192.0.2.2")
	last := f.Now().UTC().Truncate(time.Microsecond)
	f.flush(t)
	if key := f.key(t, "a"); key.LastUsedAt.IsZero() || key.Secrets[0].LastUsedIP != "192.0.2.1" {
		t.Errorf("a was used at %v from %q", key.LastUsedAt, key.Secrets[0].LastUsedIP)
	}
	if key := f.key(t, "b"); !key.LastUsedAt.Equal(last) || key.Secrets[0].LastUsedIP != "192.0.2.2" {
		t.Errorf("b was used at %v from %q, want %v", key.LastUsedAt, key.Secrets[0].LastUsedIP, last)
	}
	hours, err := f.store.Hours(t.Context(), tenancy, []string{"a", "b"}, start, start.Add(24*time.Hour))
	if err != nil || len(hours) != 1 || hours[0].ClientID != "b" || hours[0].Issued != 1 {
		t.Errorf("the hours are %+v, %v", hours, err)
	}
}

func TestWithoutUsesNothingIsWritten(t *testing.T) {
	f := newFixture(t)
	store := &recordStore{Store: f.store}
	recorder := usage.NewRecorder(store, f.Now)
	for range 3 {
		if err := recorder.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	recorder.Issued("a", "sa", "")
	for range 3 {
		if err := recorder.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(store.batches) != 1 {
		t.Errorf("%d batches were written", len(store.batches))
	}
}

func TestManyUsesAreOneRowForEachSecretAndHour(t *testing.T) {
	f := newFixture(t)
	store := &recordStore{Store: f.store}
	recorder := usage.NewRecorder(store, f.Now)
	for i := range 10_000 {
		recorder.Issued("a", "sa", "192.0.2.1")
		recorder.Issued("b", "sb", "192.0.2.1")
		switch i {
		case 5000:
			f.advance(time.Hour)
		case 7500:
			f.advance(-time.Hour) // as if the clock were set back
		}
	}
	if err := recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(store.batches[0].Counts); n != 4 {
		t.Errorf("%d rows for two secrets in two hours", n)
	}
	if issued, _ := f.totals(t, "a"); issued != 10_000 {
		t.Errorf("%d issued", issued)
	}
}

func TestWhatCanNotBeWrittenIsKept(t *testing.T) {
	f := newFixture(t)
	down := errors.New("down")
	store := &recordStore{Store: f.store, err: down}
	recorder := usage.NewRecorder(store, f.Now)
	recorder.Issued("a", "sa", "192.0.2.1")
	recorder.Issued("b", "sb", "192.0.2.1")
	early := f.Now().UTC().Truncate(time.Microsecond)
	recorder.Denied("a", "wrong-secret", "192.0.2.9", "first")
	for range 3 {
		if err := recorder.Flush(t.Context()); !errors.Is(err, down) {
			t.Fatalf("the error is %v", err)
		}
		f.advance(40 * time.Minute) // so that other hours begin
		recorder.Issued("a", "sa", "192.0.2.2")
	}
	late := f.Now().UTC().Truncate(time.Microsecond)
	recorder.Denied("a", "expired-secret", "192.0.2.9", "second")
	store.err = nil
	if err := recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// There must be only one use per secret and hour, or PostgreSQL would refuse the batch each time.
	written := store.batches[len(store.batches)-1]
	uses := []usage.Use{
		{ClientID: "a", SecretID: "sa", At: early.Add(40 * time.Minute), IP: "192.0.2.2"},
		{ClientID: "a", SecretID: "sa", At: early.Add(80 * time.Minute), IP: "192.0.2.2"},
		{ClientID: "a", SecretID: "sa", At: late, IP: "192.0.2.2"},
		{ClientID: "b", SecretID: "sb", At: early, IP: "192.0.2.1"},
	}
	if counts := len(uses) + 2; !slices.Equal(written.Uses, uses) || len(written.Counts) != counts {
		t.Errorf("what is written in the end is %+v", written)
	}
	if key := f.key(t, "a"); !key.LastUsedAt.Equal(late) || key.Secrets[0].LastUsedIP != "192.0.2.2" {
		t.Errorf("a was used at %v from %s, want %v", key.LastUsedAt, key.Secrets[0].LastUsedIP, late)
	}
	if key := f.key(t, "b"); !key.LastUsedAt.Equal(early) || key.Secrets[0].LastUsedIP != "192.0.2.1" {
		t.Errorf("b was used at %v from %s, want %v", key.LastUsedAt, key.Secrets[0].LastUsedIP, early)
	}
	if issued, denied := f.totals(t, "a"); issued != 4 || denied != 2 {
		t.Errorf("%d issued, %d denied", issued, denied)
	}
	hours, err := f.store.Hours(t.Context(), tenancy, []string{"a"}, start, start.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var perHour []int64
	for _, h := range hours {
		perHour = append(perHour, h.Issued)
	}
	if !slices.Equal(perHour, []int64{2, 1, 1}) {
		t.Errorf("issued by the hour: %v", perHour)
	}
	denials, err := f.service.Denials(t.Context(), tenancy, "a")
	if err != nil || len(denials) != 2 || denials[0].RequestID != "second" || denials[1].RequestID != "first" {
		t.Errorf("the denials are %+v, %v", denials, err)
	}
}

// TestManyKeysAreWrittenInBatches: however many keys were used, a batch is small enough to be written in time, and batches that
// were written before a failure are not written again.
func TestManyKeysAreWrittenInBatches(t *testing.T) {
	f := newFixture(t)
	const clients, atOnce = 2500, 1000
	down := errors.New("down")
	store := &recordStore{Store: f.store, failAfter: 1, err: down}
	recorder := usage.NewRecorder(store, f.Now)
	for i := range clients {
		recorder.Denied(fmt.Sprintf("client %04d", i), "wrong-secret", "", "first hour")
	}
	f.advance(time.Hour)
	recorder.Denied("client 0000", "wrong-secret", "", "second hour")
	if err := recorder.Flush(t.Context()); !errors.Is(err, down) {
		t.Fatalf("the error is %v", err)
	}
	store.err = nil
	for range 2 {
		if err := recorder.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		recorder.Denied("client 0001", "wrong-secret", "", "later")
	}
	var sizes []int
	counted, denied := map[string]int{}, map[string]int{}
	for i, b := range store.batches {
		sizes = append(sizes, len(b.Counts))
		if i == 1 {
			continue // this one failed
		}
		for _, c := range b.Counts {
			counted[c.ClientID] += int(c.Denied)
		}
		for _, d := range b.Denials {
			denied[d.ClientID]++
		}
	}
	if want := []int{atOnce, atOnce, atOnce, clients + 1 - 2*atOnce, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %d, want %d", sizes, want)
	}
	for i := range clients {
		id, want := fmt.Sprintf("client %04d", i), 1
		if i < 2 {
			want = 2
		}
		if counted[id] != want || denied[id] != want {
			t.Fatalf("%s: %d counted, %d denials, want %d", id, counted[id], denied[id], want)
		}
	}
}

// TestOnlyTheNewestDenialsAreKept: in memory as well as in the store.
func TestOnlyTheNewestDenialsAreKept(t *testing.T) {
	for name, failing := range map[string]bool{"written at once": false, "after a failure": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			store := &recordStore{Store: f.store}
			recorder := usage.NewRecorder(store, f.Now)
			total := usage.DenialsKept + 20
			for i := range total {
				recorder.Denied("a", "wrong-secret", "", fmt.Sprint(i))
				f.advance(time.Millisecond)
				if failing && i%10 == 0 {
					store.err = errors.New("down")
					if recorder.Flush(t.Context()) == nil {
						t.Fatal("the store did not fail")
					}
				}
			}
			store.err = nil
			if err := recorder.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, b := range store.batches {
				if len(b.Denials) > usage.DenialsKept {
					t.Errorf("a batch holds %d denials", len(b.Denials))
				}
			}
			denials, err := f.service.Denials(t.Context(), tenancy, "a")
			if err != nil || len(denials) != usage.DenialsKept {
				t.Fatalf("%d denials, %v", len(denials), err)
			}
			for i, d := range denials {
				if d.RequestID != fmt.Sprint(total-1-i) {
					t.Fatalf("denial %d is that of request %s", i, d.RequestID)
				}
			}
			if _, denied := f.totals(t, "a"); denied != int64(total) {
				t.Errorf("%d of %d denials were counted", denied, total)
			}
		})
	}
}

func TestUsesOfKeysThatAreGoneAreDropped(t *testing.T) {
	f := newFixture(t)
	f.Issued("gone", "secret", "192.0.2.1")
	f.Denied("gone", "wrong-secret", "", "")
	f.Issued("a", "sa", "192.0.2.1")
	f.flush(t)
	if issued, _ := f.totals(t, "a"); issued != 1 {
		t.Errorf("%d issued for the key that is there", issued)
	}
}

func TestNothingIsLostUnderConcurrency(t *testing.T) {
	f := newFixture(t)
	const writers, each = 8, 500
	done := make(chan struct{})
	var flushers, group sync.WaitGroup
	flushers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := f.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range writers {
		group.Go(func() {
			for range each {
				f.Issued("a", "sa", "192.0.2.1")
				f.Denied("b", "wrong-secret", "", "")
			}
		})
	}
	group.Wait()
	close(done)
	flushers.Wait()
	f.flush(t)
	issued, _ := f.totals(t, "a")
	_, denied := f.totals(t, "b")
	if issued != writers*each || denied != writers*each {
		t.Errorf("%d issued and %d denied of %d", issued, denied, writers*each)
	}
}

// stuckStore holds each batch up until the test sends its outcome.
type stuckStore struct {
	usage.Store
	fail    chan error
	written []usage.Batch
}

func (s *stuckStore) Record(_ context.Context, b usage.Batch) error {
	if err := <-s.fail; err != nil {
		return err
	}
	s.written = append(s.written, b)
	return nil
}

// TestTheLastFlushWritesWhatOneBeforeItCouldNot: when the service ends, its last flush must not overtake one that is about to fail.
func TestTheLastFlushWritesWhatOneBeforeItCouldNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stuckStore{fail: make(chan error)}
		recorder := usage.NewRecorder(store, time.Now)
		recorder.Issued("a", "sa", "192.0.2.1")
		results := make(chan error, 2)
		go func() { results <- recorder.Flush(t.Context()) }()
		synctest.Wait() // until it is writing
		go func() { results <- recorder.Flush(t.Context()) }()
		synctest.Wait()
		down := errors.New("down")
		store.fail <- down
		if err := <-results; !errors.Is(err, down) {
			t.Fatalf("the first flush: %v", err)
		}
		select {
		case store.fail <- nil:
		case err := <-results:
			t.Fatalf("the last flush wrote nothing: %v", err)
		}
		if err := <-results; err != nil || len(store.written) != 1 || store.written[0].Counts[0].Issued != 1 {
			t.Errorf("the last flush wrote %+v, %v", store.written, err)
		}
	})
}

func TestAFlushThatWaitsEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stuckStore{fail: make(chan error)}
		recorder := usage.NewRecorder(store, time.Now)
		recorder.Issued("a", "sa", "")
		go func() { _ = recorder.Flush(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := recorder.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		store.fail <- nil
	})
}

// slowStore takes four seconds for a batch.
type slowStore struct {
	usage.Store
	issued map[string]int64
}

func (s *slowStore) Record(ctx context.Context, b usage.Batch) error {
	select {
	case <-time.After(4 * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, c := range b.Counts {
		s.issued[c.ClientID] += c.Issued
	}
	return nil
}

// TestRunEndsAfterABatch: with a slow database, writing all batches may take minutes. The service stops in time all the same, and
// its last flush continues with the batch after the one that was being written.
func TestRunEndsAfterABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{issued: map[string]int64{}}
		recorder := usage.NewRecorder(store, time.Now)
		const clients = 10_000
		for i := range clients {
			recorder.Issued(fmt.Sprint("client ", i), fmt.Sprint("secret ", i), "")
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			recorder.Run(ctx)
			close(ended)
		}()
		<-time.After(usage.FlushInterval + 5*time.Second) // in the middle of the second batch
		cancel()
		began := time.Now()
		<-ended
		if took := time.Since(began); took > 4*time.Second || len(store.issued) != 2000 {
			t.Errorf("it ended after %v, with %d written", took, len(store.issued))
		}
		if err := recorder.Flush(t.Context()); err != nil || len(store.issued) != clients {
			t.Errorf("in the end %d are written, %v", len(store.issued), err)
		}
		for id, issued := range store.issued {
			if issued != 1 {
				t.Fatalf("%s: %d issued", id, issued)
			}
		}
	})
}

func TestRunFlushesEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stuckStore{fail: make(chan error)}
		recorder := usage.NewRecorder(store, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		go recorder.Run(ctx)
		for i := range 3 {
			began := time.Now()
			recorder.Issued("a", "sa", "")
			store.fail <- nil
			synctest.Wait()
			if waited := time.Since(began); waited > usage.FlushInterval || len(store.written) != i+1 {
				t.Errorf("after %v %d batches are written", waited, len(store.written))
			}
		}
		recorder.Issued("a", "sa", "")
		store.fail <- errors.New("down")
		store.fail <- nil // at the next interval
		cancel()
	})
}

// roomyStore takes every batch and keeps none.
type roomyStore struct{ usage.Store }

func (roomyStore) Record(context.Context, usage.Batch) error { return nil }

func TestNotingAUseAllocatesNothing(t *testing.T) {
	recorder := usage.NewRecorder(roomyStore{}, time.Now)
	clients := make([]string, 200)
	for i := range clients {
		clients[i] = fmt.Sprint("client ", i)
	}
	use := func() {
		for _, id := range clients {
			recorder.Issued(id, id, "192.0.2.1")
		}
	}
	flush := func() {
		if err := recorder.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	use()
	if n := testing.AllocsPerRun(10, use); n != 0 {
		t.Errorf("%v allocations for %d secrets that were used since the last flush", n, len(clients))
	}
	flush()
	use()
	flush()
	runs := []func(){func() {}, use} // AllocsPerRun does not measure its first call
	if n := testing.AllocsPerRun(1, func() { runs[0](); runs = runs[1:] }); n != 0 {
		t.Errorf("%v allocations for %d secrets after a flush", n, len(clients))
	}
}

// BenchmarkIssued notes uses of many keys on all processors at once.
func BenchmarkIssued(b *testing.B) {
	recorder := usage.NewRecorder(roomyStore{}, time.Now)
	clients := make([]string, 1000)
	for i := range clients {
		clients[i] = fmt.Sprint("client ", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			id := clients[i%len(clients)]
			recorder.Issued(id, id, "192.0.2.1")
		}
	})
}
