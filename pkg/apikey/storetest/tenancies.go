package storetest

import (
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/usage"
)

// twoTenancies returns a backend, and the same backend as seen from its other tenancy: the separation must work for the tenancy
// that had a key first as well as for the other one.
func twoTenancies(b Backend) map[string]Backend {
	other := b
	other.Home, other.Other = b.Other, b.Home
	return map[string]Backend{"the earlier": b, "the later": other}
}

func listsOfTenancies(t *testing.T, b Backend) {
	own := map[string]apikey.Key{
		b.Home:  create(t, b, newKey(b.Home, "billing of the earlier"))[0],
		b.Other: create(t, b, newKey(b.Other, "billing of the later"))[0],
	}
	create(t, b, newKey(b.Other, "only one of them has it"))
	for name, seen := range twoTenancies(b) {
		mine, theirs := own[seen.Home], own[seen.Other]
		for _, sort := range []apikey.SortField{apikey.SortByName, apikey.SortByCreatedAt, apikey.SortByLastUsedAt} {
			for _, status := range []apikey.Status{"", apikey.Active} {
				wantNames(t, list(t, seen, apikey.Query{Search: "billing", SortBy: sort, Status: status}), mine.Name)
				wantNames(t, list(t, seen, apikey.Query{Search: mine.ClientID, SortBy: sort, Status: status}), mine.Name)
				wantNames(t, list(t, seen, apikey.Query{Search: theirs.ClientID, SortBy: sort, Status: status}))
			}
		}
		total := 1
		if seen.Home == b.Other {
			total = 2
		}
		if page := list(t, seen, apikey.Query{}); page.Total != total || len(page.Keys) != total {
			t.Errorf("%s tenancy: %d keys, total %d, want %d", name, len(page.Keys), page.Total, total)
		}
	}
}

func usageOfTenancies(t *testing.T, b Backend) {
	own := map[string]apikey.Key{
		b.Home:  create(t, b, newKey(b.Home, "of the earlier"))[0],
		b.Other: create(t, b, newKey(b.Other, "of the later"))[0],
	}
	hour := epoch.Truncate(time.Hour)
	var batch usage.Batch
	for _, k := range own {
		batch.Counts = append(batch.Counts, usage.Count{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, Hour: hour, Issued: 1})
		batch.Denials = append(batch.Denials, usage.Denial{ClientID: k.ClientID, At: epoch, Reason: "rate-limited"})
	}
	if err := b.Uses.Record(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for name, seen := range twoTenancies(b) {
		mine := own[seen.Home]
		for _, k := range own {
			want := 0
			if k.ClientID == mine.ClientID {
				want = 1
			}
			hours, hoursErr := b.Uses.Hours(t.Context(), seen.Home, []string{k.ClientID}, hour, hour.Add(time.Hour))
			issued, issuedErr := b.Uses.IssuedBySecret(t.Context(), seen.Home, k.ClientID, hour)
			denials, denialsErr := b.Uses.Denials(t.Context(), seen.Home, k.ClientID)
			if hoursErr != nil || issuedErr != nil || denialsErr != nil || len(hours) != want || len(issued) != want || len(denials) != want {
				t.Errorf("%s tenancy is told of %q: %v, %v, %v; %v, %v, %v", name, k.Name, hours, issued, denials, hoursErr, issuedErr, denialsErr)
			}
		}
		o, err := b.Uses.Overview(t.Context(), seen.Home, hour, epoch.AddDate(1, 0, 0), 10)
		if err != nil || len(o.Unused) != 1 || o.Unused[0].ClientID != mine.ClientID {
			t.Errorf("the overview of %s tenancy: %+v, %v", name, o, err)
		}
	}
}
