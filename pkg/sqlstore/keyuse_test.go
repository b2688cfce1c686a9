package sqlstore

import (
	"slices"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/usage"
)

// keyUseVersion is the migration that moves the times of last use from api_key to key_use.
const keyUseVersion = 19

// byUse returns the client IDs of a tenancy's keys in the order of their last use.
func byUse(t *testing.T, s *Store, tenancy string, status apikey.Status) []string {
	t.Helper()
	page, err := s.List(t.Context(), tenancy, apikey.Query{SortBy: apikey.SortByLastUsedAt, Status: status, Page: 1, PageSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(page.Keys))
	for i, k := range page.Keys {
		ids[i] = k.ClientID
	}
	return ids
}

// lastUse returns when a key was last used.
func lastUse(t *testing.T, s *Store, tenancy, id string) time.Time {
	t.Helper()
	k, err := s.Get(t.Context(), tenancy, id)
	if err != nil {
		t.Fatal(err)
	}
	return k.LastUsedAt
}

func execute(t *testing.T, s *Store, statement string, args ...any) {
	t.Helper()
	if err := s.writer.WithContext(t.Context()).Exec(statement, args...).Error; err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// usesOfAnOlderReleaseCount writes uses as a replica of a release without key_use does.
func usesOfAnOlderReleaseCount(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	ids := fillKeys(t, s, tenancy, 3)
	use := func(id string, at time.Time) {
		t.Helper()
		execute(t, s, "UPDATE api_key SET last_used_at = ? WHERE client_id = ?", newInstant(at), id)
	}
	use(ids[2], epoch)
	use(ids[1], epoch.Add(time.Hour))
	if got, want := byUse(t, s, tenancy, ""), []string{ids[2], ids[1], ids[0]}; !slices.Equal(got, want) {
		t.Errorf("in the order of use: %q, want %q", got, want)
	}
	if err := s.Record(t.Context(), usage.Batch{Uses: []usage.Use{{ClientID: ids[1], At: epoch.Add(2 * time.Hour)}}}); err != nil {
		t.Fatal(err)
	}
	use(ids[1], epoch.Add(90*time.Minute)) // later than the last use in api_key
	if at := lastUse(t, s, tenancy, ids[1]); !at.Equal(epoch.Add(2 * time.Hour)) {
		t.Errorf("an older replica moved a key's last use back to %v", at)
	}
	use(ids[1], epoch.Add(3*time.Hour))
	if at := lastUse(t, s, tenancy, ids[1]); !at.Equal(epoch.Add(3 * time.Hour)) {
		t.Errorf("used by an older replica, and yet last used at %v", at)
	}
	execute(t, s, "UPDATE api_key SET status = 'inactive' WHERE client_id = ?", ids[2])
	if got, want := byUse(t, s, tenancy, apikey.Inactive), ids[2:]; !slices.Equal(got, want) {
		t.Errorf("inactive: %q, want %q", got, want)
	}
	execute(t, s, "DELETE FROM api_key WHERE client_id = ?", ids[1])
	if got, want := byUse(t, s, tenancy, ""), []string{ids[2], ids[0]}; !slices.Equal(got, want) {
		t.Errorf("after a key was deleted: %q, want %q", got, want)
	}
}

// usesOutliveMigrations migrates down to the release before key_use, and up again.
func usesOutliveMigrations(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	ids := fillKeys(t, s, tenancy, 3)
	execute(t, s, "UPDATE api_key SET status = 'inactive' WHERE client_id = ?", ids[2])
	uses := usage.Batch{Uses: []usage.Use{{ClientID: ids[2], At: epoch}, {ClientID: ids[1], At: epoch.Add(time.Hour)}}}
	if err := s.Record(t.Context(), uses); err != nil {
		t.Fatal(err)
	}
	provider, _, err := s.migrations()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), keyUseVersion-1); err != nil {
		t.Fatal(err)
	}
	var before []string
	used := s.reader.WithContext(t.Context()).Table("api_key").Where("last_used_at IS NOT NULL").Order("last_used_at").Pluck("client_id", &before)
	if want := []string{ids[2], ids[1]}; used.Error != nil || !slices.Equal(before, want) {
		t.Errorf("the release before finds %q used, %v; want %q", before, used.Error, want)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := byUse(t, s, tenancy, ""), []string{ids[2], ids[1], ids[0]}; !slices.Equal(got, want) {
		t.Errorf("in the order of use: %q, want %q", got, want)
	}
	if got, want := byUse(t, s, tenancy, apikey.Inactive), ids[2:]; !slices.Equal(got, want) {
		t.Errorf("inactive: %q, want %q", got, want)
	}
	if at := lastUse(t, s, tenancy, ids[1]); !at.Equal(epoch.Add(time.Hour)) {
		t.Errorf("last used at %v", at)
	}
}
