package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/usage"
)

func usesMoveForward(t *testing.T, b Backend) {
	k := newKey(b.Home, "used")
	k.Secrets = append(k.Secrets, newSecret(epoch.Add(-time.Hour)))
	create(t, b, k, newKey(b.Home, "unused"))
	head := headSeq(t, b)
	at := func(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }
	record := func(uses ...usage.Use) {
		t.Helper()
		if err := b.Uses.Record(t.Context(), usage.Batch{Uses: uses}); err != nil {
			t.Fatal(err)
		}
	}
	record()
	record(
		usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, At: at(10), IP: "192.0.2.10"},
		usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[1].ID, At: at(20), IP: "2001:db8::20"},
		usage.Use{ClientID: "ak_gone", SecretID: "gone", At: at(30), IP: "192.0.2.30"},
	)
	record(
		usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, At: at(15), IP: ""},
		usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, At: at(12), IP: "192.0.2.12"}, // older, in the same batch
		usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[1].ID, At: at(5), IP: "192.0.2.5"},   // older than the stored one
	)
	k.LastUsedAt = at(20)
	k.Secrets[0].LastUsedAt, k.Secrets[0].LastUsedIP = at(15), ""
	k.Secrets[1].LastUsedAt, k.Secrets[1].LastUsedIP = at(20), "2001:db8::20"
	same(t, get(t, b, k), k)
	if got := headSeq(t, b); got != head {
		t.Errorf("recording uses moved the log from %d to %d", head, got)
	}
	page := list(t, b, apikey.Query{SortBy: apikey.SortByLastUsedAt})
	wantNames(t, page, "used", "unused")
}

func usesLargeBatch(t *testing.T, b Backend) {
	keys := create(t, b, newKey(b.Home, "first"), newKey(b.Home, "last"))
	batch := []usage.Use{{ClientID: keys[0].ClientID, SecretID: keys[0].Secrets[0].ID, At: epoch, IP: "192.0.2.1"}}
	for i := range 3_000 {
		batch = append(batch, usage.Use{ClientID: fmt.Sprint("ak_", i), SecretID: fmt.Sprint(i), At: epoch, IP: "192.0.2.1"})
	}
	batch = append(batch, usage.Use{ClientID: keys[1].ClientID, SecretID: keys[1].Secrets[0].ID, At: epoch, IP: "192.0.2.1"})
	if err := b.Uses.Record(t.Context(), usage.Batch{Uses: batch}); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if got := get(t, b, k); !got.LastUsedAt.Equal(epoch) || !got.Secrets[0].LastUsedAt.Equal(epoch) {
			t.Errorf("%q was last used at %v, its secret at %v", k.Name, got.LastUsedAt, got.Secrets[0].LastUsedAt)
		}
	}
}

func usesAndChanges(t *testing.T, b Backend) {
	const rounds = 20
	keys := create(t, b, newKey(b.Home, "a"), newKey(b.Home, "b"), newKey(b.Home, "c"))
	// Batches overlap and name the keys in different orders, while every key is being changed.
	parallel(t, 6, func(ctx context.Context, worker int) error {
		for round := range rounds {
			if worker < len(keys) {
				_, err := b.Keys.Update(ctx, b.Home, keys[worker].ClientID, editing(func(*apikey.Key) {}))
				if err != nil {
					return err
				}
				continue
			}
			batch := make([]usage.Use, len(keys))
			for i := range keys {
				k := keys[(i+worker)%len(keys)]
				at := epoch.Add(time.Duration(round) * time.Second)
				batch[i] = usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, At: at, IP: "192.0.2.1"}
			}
			if err := b.Uses.Record(ctx, usage.Batch{Uses: batch}); err != nil {
				return err
			}
		}
		return nil
	})
	last := epoch.Add((rounds - 1) * time.Second)
	for _, k := range keys {
		k.Version += rounds
		k.LastUsedAt = last
		k.Secrets[0].LastUsedAt, k.Secrets[0].LastUsedIP = last, "192.0.2.1"
		same(t, get(t, b, k), k)
	}
	events(t, b)
}

// recordingAndDeleting records batches that name keys, in every part of the batch, while these are being deleted.
func recordingAndDeleting(t *testing.T, b Backend) {
	const rounds, width = 15, 4
	keys := make([][]apikey.Key, rounds)
	for round := range rounds {
		for i := range width {
			keys[round] = append(keys[round], create(t, b, newKey(b.Home, fmt.Sprint(round, " ", i)))...)
		}
	}
	parallel(t, 4, func(ctx context.Context, worker int) error {
		for round := range rounds {
			if worker == 0 {
				for _, k := range keys[round] {
					err := b.Keys.Delete(ctx, b.Home, k.ClientID, func(k apikey.Key) (eventlog.Draft, error) {
						return draft(k, eventlog.APIKeyDeleted), nil
					})
					if err != nil {
						return err
					}
				}
				continue
			}
			var batch usage.Batch
			for i := range width {
				used, denied := keys[round][(i+worker)%width], keys[round][(i+2*worker)%width]
				at := epoch.Add(time.Duration(worker) * time.Second)
				if i%2 == 0 {
					batch.Uses = append(batch.Uses, usage.Use{ClientID: used.ClientID, SecretID: used.Secrets[0].ID, At: at})
				}
				batch.Counts = append(batch.Counts, usage.Count{ClientID: denied.ClientID, Hour: epoch.Truncate(time.Hour), Denied: 1})
				batch.Denials = append(batch.Denials, usage.Denial{ClientID: denied.ClientID, At: at, Reason: "secret"})
			}
			if err := b.Uses.Record(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	})
	if page := list(t, b, apikey.Query{}); page.Total != 0 {
		t.Errorf("%d keys are left", page.Total)
	}
	events(t, b)
}

func attention(t *testing.T, b Backend) {
	const day = 24 * time.Hour
	now := epoch.Add(100 * day)
	key := func(tenancy, name string, created, used time.Duration, edit ...func(*apikey.Key)) {
		k := newKey(tenancy, name)
		k.CreatedAt = now.Add(-created)
		if used > 0 {
			k.LastUsedAt = now.Add(-used)
		}
		for _, e := range edit {
			e(&k)
		}
		create(t, b, k)
		if used > 0 {
			use := usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, At: k.LastUsedAt}
			if err := b.Uses.Record(t.Context(), usage.Batch{Uses: []usage.Use{use}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ending := func(in time.Duration) func(*apikey.Key) {
		return func(k *apikey.Key) { k.Secrets[0].ExpiresAt = now.Add(in) }
	}
	retired := func(k *apikey.Key) { k.Secrets[0].RetiredAt = now.Add(-time.Minute) }
	key(b.Home, "new", 29*day, 0)
	key(b.Home, "used", 99*day, 29*day)
	key(b.Home, "unused for a month", 31*day, 0)
	key(b.Other, "unused for a quarter", 99*day, 91*day)
	key(b.Home, "inactive", 99*day, 0, func(k *apikey.Key) { k.Status = apikey.Inactive })
	key(b.Home, "ending now", 2*day, 0, ending(0))
	key(b.Home, "ending today", 2*day, 25*time.Hour, ending(day))
	key(b.Other, "ending today and in use", 2*day, 23*time.Hour, ending(day))
	key(b.Home, "ending this week", 2*day, time.Hour, ending(7*day))
	key(b.Home, "ending later", 2*day, time.Hour, ending(7*day+time.Second))
	key(b.Home, "retired", 2*day, time.Hour, ending(time.Hour), retired)
	got, err := b.Uses.Attention(t.Context(), now)
	want := usage.Attention{EndingInDay: 2, EndingInWeek: 3, EndingInUse: 1, Unused30Days: 2, Unused90Days: 1}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// hourCounts holds what was counted for keys, by hour and client ID.
type hourCounts map[time.Time]map[string]usage.KeyCount

func (h hourCounts) add(c usage.Count) {
	if h[c.Hour] == nil {
		h[c.Hour] = map[string]usage.KeyCount{}
	}
	known := h[c.Hour][c.ClientID]
	h[c.Hour][c.ClientID] = usage.KeyCount{Issued: known.Issued + c.Issued, Denied: known.Denied + c.Denied}
}

// compare compares an overview since a time with the sums of the hours that begin at or after that time.
func (h hourCounts) compare(t *testing.T, b Backend, from time.Time) {
	t.Helper()
	want, total := map[string]usage.KeyCount{}, usage.KeyCount{}
	for hour, keys := range h {
		if hour.Before(from) {
			continue
		}
		for id, c := range keys {
			want[id] = usage.KeyCount{Issued: want[id].Issued + c.Issued, Denied: want[id].Denied + c.Denied}
			total.Issued, total.Denied = total.Issued+c.Issued, total.Denied+c.Denied
		}
	}
	got, err := b.Uses.Overview(t.Context(), b.Home, from, epoch, 20)
	if err != nil {
		t.Fatal(err)
	}
	if got.Issued != total.Issued || got.Denied != total.Denied || len(got.Top) != len(want) {
		t.Errorf("from %v: %d issued, %d denied to %d keys, want %+v to %d", from, got.Issued, got.Denied, len(got.Top), total, len(want))
	}
	for i, k := range got.Top {
		if w, ok := want[k.ClientID]; !ok || k.Issued != w.Issued || k.Denied != w.Denied || k.Name == "" || k.CreatedAt.IsZero() {
			t.Errorf("from %v: %+v, want %+v", from, k, w)
		}
		if i > 0 && k.Issued > got.Top[i-1].Issued {
			t.Errorf("from %v: %d after %d", from, k.Issued, got.Top[i-1].Issued)
		}
	}
}

// sumsFromAnyHour records hours in any order and with gaps, as replicas do that were cut off from the database, and continues
// after old ones have been purged.
func sumsFromAnyHour(t *testing.T, b Backend) {
	const days, hours = 6, 6 * 24
	keys := create(t, b, newKey(b.Home, "a"), newKey(b.Home, "b"), newKey(b.Home, "c"), newKey(b.Home, "seldom"), newKey(b.Other, "theirs"))
	first := epoch.UTC().Truncate(24 * time.Hour)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same hours in each run
	counted := hourCounts{}
	record := func(batches int) {
		t.Helper()
		for range batches {
			var counts []usage.Count
			for _, k := range keys {
				among, count := hours, random.IntN(4)
				if k.Name == "seldom" { // used in the last two hours only
					among, count = 2, random.IntN(3)
				}
				for _, back := range random.Perm(among)[:count] {
					hour := first.Add(time.Duration(hours-1-back) * time.Hour)
					counts = append(counts,
						usage.Count{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, Hour: hour, Issued: random.Int64N(100)},
						usage.Count{ClientID: k.ClientID, Hour: hour, Denied: random.Int64N(10)})
				}
			}
			if err := b.Uses.Record(t.Context(), usage.Batch{Counts: counts}); err != nil {
				t.Fatal(err)
			}
			for _, c := range counts {
				if c.ClientID != keys[4].ClientID {
					counted.add(c)
				}
			}
		}
	}
	compare := func(firstDay, firstHour int) {
		t.Helper()
		for day := firstDay; day <= days; day++ {
			counted.compare(t, b, first.AddDate(0, 0, day))
		}
		for hour := firstHour; hour <= hours; hour++ {
			counted.compare(t, b, first.Add(time.Duration(hour)*time.Hour))
			counted.compare(t, b, first.Add(time.Duration(hour)*time.Hour-time.Second)) // no hour begins between the two
		}
	}
	record(30)
	compare(0, hours-48)
	late := first.Add((hours - 30) * time.Hour)
	if err := b.Uses.PurgeHours(t.Context(), first.AddDate(0, 0, 2), late); err != nil {
		t.Fatal(err)
	}
	compare(2, hours-30)
	record(10)
	compare(2, hours-30)
}
