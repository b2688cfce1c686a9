package sqlstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/statuslist"
	"github.com/piercloud/apikeys/pkg/usage"
)

// wantIndexes fails the test unless the store returns these indexes for a range.
func wantIndexes(t *testing.T, s *Store, first, count, given int64, held ...int64) {
	t.Helper()
	got, err := s.StatusIndexes(t.Context(), first, count)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got.Held)
	if got.Given != given || !slices.Equal(got.Held, held) {
		t.Errorf("from %d on, %d of them: got %+v; want %d given and %v held", first, count, got, given, held)
	}
}

// storeKey stores the i-th key of a tenancy.
func storeKey(t *testing.T, s *Store, tenancy string, i int) apikey.Key {
	t.Helper()
	k := newKey(tenancy, i)
	if err := s.Create(t.Context(), k, newDraft(k), nil); err != nil {
		t.Fatal(err)
	}
	return k
}

// statusIndexesAreThoseThatKeysHold: only those in the requested range, and none of a generation that has ended.
func statusIndexesAreThoseThatKeysHold(t *testing.T, open func(t testing.TB, o Options) *Store) {
	s := open(t, Options{Timeout: patience})
	wantIndexes(t, s, 0, statuslist.Size, 0)
	tenancy := newTenancy(t, s)
	keys := make([]apikey.Key, 5)
	for i := range keys {
		keys[i] = storeKey(t, s, tenancy, i)
	}
	wantIndexes(t, s, 0, statuslist.Size, 5, 1, 2, 3, 4, 5)
	wantIndexes(t, s, 0, 0, 5)
	wantIndexes(t, s, 2, 2, 5, 2, 3)
	wantIndexes(t, s, 6, statuslist.Size, 5)
	_, err := s.Update(t.Context(), tenancy, keys[1].ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		k.Generation++
		event := newDraft(k)
		return k, &event, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Delete(t.Context(), tenancy, keys[3].ClientID, func(k apikey.Key) (eventlog.Draft, error) { return newDraft(k), nil })
	if err != nil {
		t.Fatal(err)
	}
	wantIndexes(t, s, 0, statuslist.Size, 6, 1, 3, 5, 6)
}

// keysOfAnEarlierVersionAreGivenStatusIndexes: whether it stored them before this version was rolled out or meanwhile.
func keysOfAnEarlierVersionAreGivenStatusIndexes(t *testing.T, open func(t testing.TB, o Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	first := storeKey(t, s, tenancy, 0)
	var old []apikey.Key
	for i := 1; i <= 4; i++ {
		old = append(old, storeKey(t, s, tenancy, i))
	}
	forget := s.writer.Exec("UPDATE api_key SET status_index = NULL WHERE client_id <> ?", first.ClientID)
	if forget.Error != nil || forget.RowsAffected != int64(len(old)) {
		t.Fatal(forget.RowsAffected, forget.Error)
	}
	if k, err := s.Lookup(t.Context(), old[0].ClientID); err != nil || k.StatusIndex != 0 {
		t.Fatalf("the index is %d, %v", k.StatusIndex, err)
	}
	wantIndexes(t, s, 0, statuslist.Size, 5, 1)
	for range 2 { // the second time there is nothing to do
		if err := s.GiveStatusIndexes(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantIndexes(t, s, 0, statuslist.Size, 9, 1, 6, 7, 8, 9)
	}
	storeKey(t, s, tenancy, 5)
	wantIndexes(t, s, 0, statuslist.Size, 10, 1, 6, 7, 8, 9, 10)
}

// TestPostgreSQLGivesStatusIndexesWhileUsesAreRecorded: both lock many keys. If they did so in different orders, each could wait for
// a key that the other has locked.
func TestPostgreSQLGivesStatusIndexesWhileUsesAreRecorded(t *testing.T) {
	t.Parallel()
	s := newPostgreSQL(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	older := newKey(tenancy, 1)
	older.CreatedAt = epoch.Add(-time.Hour)
	if err := s.Create(t.Context(), older, newDraft(older), nil); err != nil {
		t.Fatal(err)
	}
	newer := storeKey(t, s, tenancy, 0) // which comes first by its client ID
	if err := s.writer.Exec("UPDATE api_key SET status_index = NULL").Error; err != nil {
		t.Fatal(err)
	}
	untilLocksAreAwaited := func(count int) {
		t.Helper()
		await.Until(t, patience, fmt.Sprintf("%d wait for a lock", count), func() bool {
			var waiting int
			err := s.reader.Raw("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting).Error
			return err == nil && waiting == count
		})
	}

	lock := s.writer.Begin()
	if err := lock.Exec("SELECT 1 FROM api_key WHERE client_id = ? FOR UPDATE", newer.ClientID).Error; err != nil {
		t.Fatal(err)
	}
	outcomes := make(chan error, 2)
	go func() {
		outcomes <- s.Record(t.Context(), usage.Batch{Uses: []usage.Use{{ClientID: newer.ClientID, At: epoch}, {ClientID: older.ClientID, At: epoch}}})
	}()
	untilLocksAreAwaited(1)
	go func() { outcomes <- s.GiveStatusIndexes(t.Context()) }()
	untilLocksAreAwaited(2)
	if err := lock.Rollback().Error; err != nil {
		t.Fatal(err)
	}
	for range cap(outcomes) {
		if err := <-outcomes; err != nil {
			t.Error(err)
		}
	}
	wantIndexes(t, s, 3, statuslist.Size, 4, 3, 4)
}

// restoringEndsEveryStatusIndex: even those that were given out after the backup was made, which the database does not know.
func restoringEndsEveryStatusIndex(t *testing.T, open func(t testing.TB, o Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	storeKey(t, s, tenancy, 0)
	storeKey(t, s, tenancy, 1)
	record := signing.Record{KID: "fresh", Algorithm: signing.Algorithm, Private: []byte{1}, CreatedAt: epoch, NotBefore: epoch}
	event := eventlog.Draft{At: epoch, Action: eventlog.LogRestored, Subject: eventlog.Subject{Kind: eventlog.SubjectLog}}
	if err := s.Restored(t.Context(), epoch, record, event); err != nil {
		t.Fatal(err)
	}
	const passed = 2 + statusIndexesLostMax
	wantIndexes(t, s, 0, statusIndexesLostMax, passed)
	if err := s.GiveStatusIndexes(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIndexes(t, s, 0, 2*statusIndexesLostMax, passed+2, passed+1, passed+2)
}
