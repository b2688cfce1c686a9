package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/usage"
)

func listSearch(t *testing.T, b Backend) {
	names := []string{"Previsão de demanda", "100% CPU", "snake_case", `back\slash`, "שלום עולם", "日本 billing", "STRASSE", "o'brien", `say "hi" OR NOT name:x*`, "🔑🔒🔓🔐", "no\ufffdcharacter", "no\ufffecharacter", "no\uffffcharacter"}
	ids := make(map[string]string)
	for _, name := range names {
		ids[name] = create(t, b, newKey(b.Home, name))[0].ClientID
	}
	create(t, b, newKey(b.Other, "Previsão de demanda"))
	tests := []struct {
		search string
		want   []string
	}{
		{"previsao", []string{"Previsão de demanda"}},
		{"PREVISÃO DE", []string{"Previsão de demanda"}},
		{"visa\u0303o", []string{"Previsão de demanda"}},
		{"%", []string{"100% CPU"}},
		{"_", []string{"snake_case"}},
		{`\`, []string{`back\slash`}},
		{"100%", []string{"100% CPU"}},
		{"1%c", nil},
		{"snake-case", nil},
		{"לום ע", []string{"שלום עולם"}},
		{"日本", []string{"日本 billing"}},
		{"straße", []string{"STRASSE"}},
		{"'", []string{"o'brien"}},
		{"de demanda x", nil},
		{"demanda de", nil},
		{`"hi"`, []string{`say "hi" OR NOT name:x*`}},
		{`y "h`, []string{`say "hi" OR NOT name:x*`}},
		{"OR NOT", []string{`say "hi" OR NOT name:x*`}},
		{":x*", []string{`say "hi" OR NOT name:x*`}},
		{"cpu OR billing", nil},
		{"pre*", nil},
		{"🔒🔓🔐", []string{"🔑🔒🔓🔐"}},
		{"🔒🔓", []string{"🔑🔒🔓🔐"}},
		{"100 cpu", nil},
		{"no\ufffdc", []string{"no\ufffdcharacter"}},
		{"no\ufffec", []string{"no\ufffecharacter"}},
		{"no\uffffc", []string{"no\uffffcharacter"}},
		{"00%", []string{"100% CPU"}},
		{"e_c", []string{"snake_case"}},
		{`k\s`, []string{`back\slash`}},
		{ids["STRASSE"], []string{"STRASSE"}},
		{ids["STRASSE"][:20], nil}, // a part of a client ID finds nothing
	}
	for _, test := range tests {
		page := list(t, b, apikey.Query{Search: test.search})
		wantNames(t, page, test.want...)
		if page.Total != len(test.want) || page.TotalCapped {
			t.Errorf("%q: total %d, capped %t", test.search, page.Total, page.TotalCapped)
		}
	}
}

func listStatus(t *testing.T, b Backend) {
	off := newKey(b.Home, "off")
	off.Status = apikey.Inactive
	create(t, b, newKey(b.Home, "on"), off)
	wantNames(t, list(t, b, apikey.Query{}), "off", "on")
	wantNames(t, list(t, b, apikey.Query{Status: apikey.Active}), "on")
	wantNames(t, list(t, b, apikey.Query{Status: apikey.Inactive}), "off")
	wantNames(t, list(t, b, apikey.Query{Status: apikey.Inactive, Search: "on"}))
}

func listSort(t *testing.T, b Backend) {
	// Names are sorted by the bytes of their folded forms, which matches no locale.
	byName := []string{"%", "10", "9", "_", "Ábaco", "abacus", "ABAD", "zebra", "שלום", "日本"}
	uses := make([]usage.Use, 0, len(byName))
	var byCreation, byUse, unused []string
	for i, name := range byName {
		k := newKey(b.Home, name)
		k.CreatedAt = epoch.Add(time.Duration(i*7%len(byName)) * time.Microsecond)
		create(t, b, k)
		if i%3 != 0 {
			uses = append(uses, usage.Use{ClientID: k.ClientID, SecretID: k.Secrets[0].ID, At: epoch.Add(time.Duration(-i) * time.Second)})
			byUse = append(byUse, name)
		} else {
			unused = append(unused, k.ClientID+name)
		}
	}
	for at := range byName {
		for i, name := range byName {
			if i*7%len(byName) == at {
				byCreation = append(byCreation, name)
			}
		}
	}
	if err := b.Uses.Record(t.Context(), usage.Batch{Uses: uses}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(byUse) // names that come later were used earlier
	slices.Sort(unused)   // by client ID
	for i, idAndName := range unused {
		unused[i] = idAndName[len("ak_")+36:]
	}
	reversed := func(names []string) []string {
		names = slices.Clone(names)
		slices.Reverse(names)
		return names
	}
	wantNames(t, list(t, b, apikey.Query{SortBy: apikey.SortByName}), byName...)
	wantNames(t, list(t, b, apikey.Query{SortBy: apikey.SortByName, Descending: true}), reversed(byName)...)
	wantNames(t, list(t, b, apikey.Query{SortBy: apikey.SortByCreatedAt}), byCreation...)
	wantNames(t, list(t, b, apikey.Query{SortBy: apikey.SortByCreatedAt, Descending: true}), reversed(byCreation)...)
	wantNames(t, list(t, b, apikey.Query{SortBy: apikey.SortByLastUsedAt}), slices.Concat(byUse, unused)...)
	wantNames(t, list(t, b, apikey.Query{SortBy: apikey.SortByLastUsedAt, Descending: true}), slices.Concat(reversed(byUse), reversed(unused))...)

	if _, err := b.Keys.List(t.Context(), b.Home, apikey.Query{Page: 1, PageSize: 1, SortBy: "digest"}); err == nil {
		t.Error("a list was sorted by what is no sort field")
	}
}

func listPages(t *testing.T, b Backend) {
	const total, size = 23, 5
	for i := range total {
		create(t, b, newKey(b.Home, fmt.Sprintf("key %02d", i))) // all created at the same instant
	}
	for _, field := range []apikey.SortField{apikey.SortByName, apikey.SortByCreatedAt, apikey.SortByLastUsedAt} {
		for _, descending := range []bool{false, true} {
			seen := make(map[string]int)
			for number := 1; number <= 5; number++ {
				page := list(t, b, apikey.Query{Page: number, PageSize: size, SortBy: field, Descending: descending})
				if want := min(size, total-(number-1)*size); len(page.Keys) != want || page.Total != total {
					t.Errorf("page %d by %s has %d keys of %d", number, field, len(page.Keys), page.Total)
				}
				for _, k := range page.Keys {
					seen[k.ClientID]++
				}
			}
			if len(seen) != total {
				t.Errorf("by %s, descending %t: the pages show %d different keys", field, descending, len(seen))
			}
		}
	}
	beyond := list(t, b, apikey.Query{Page: 1_000_000, PageSize: 100})
	if len(beyond.Keys) != 0 || beyond.Total != total {
		t.Errorf("a page beyond the end has %d keys of %d", len(beyond.Keys), beyond.Total)
	}
}

func listSecrets(t *testing.T, b Backend) {
	keys := create(t, b, newKey(b.Home, "a"), newKey(b.Home, "b"))
	added := newSecret(epoch.Add(time.Hour))
	changed := change(t, b, keys[1], func(k *apikey.Key) {
		k.Secrets[0].ExpiresAt = epoch.Add(2 * time.Hour)
		k.Secrets = append(k.Secrets, added)
	})
	change(t, b, keys[0], func(k *apikey.Key) { k.Secrets[0].RetiredAt = epoch })
	page := list(t, b, apikey.Query{})
	wantNames(t, page, "a", "b")
	same(t, page.Keys[1], changed)
	same(t, page.Keys[0], get(t, b, keys[0]))
	wantSecrets(t, page.Keys[0])
}

// totalsFollow asks for every total after every change, since a store may remember totals.
func totalsFollow(t *testing.T, b Backend) {
	queries := []apikey.Query{{}, {Status: apikey.Active}, {Status: apikey.Inactive}, {Search: "key"}, {Search: "key", Status: apikey.Active}}
	want := func(after string, totals ...int) {
		t.Helper()
		for i, q := range queries {
			for range 2 {
				if page := list(t, b, q); page.Total != totals[i] || len(page.Keys) != totals[i] || page.TotalCapped {
					t.Errorf("%s, %+v: %d keys, total %d, capped %t; want %d", after, q, len(page.Keys), page.Total, page.TotalCapped, totals[i])
				}
			}
		}
	}
	want("nothing", 0, 0, 0, 0, 0)
	keys := create(t, b, newKey(b.Home, "key 1"), newKey(b.Home, "key 2"), newKey(b.Home, "other"))
	want("creating", 3, 3, 0, 2, 2)
	create(t, b, newKey(b.Other, "key 3"))
	want("creating elsewhere", 3, 3, 0, 2, 2)
	change(t, b, keys[0], func(k *apikey.Key) { k.Status = apikey.Inactive })
	want("deactivating", 3, 2, 1, 2, 1)
	change(t, b, keys[2], func(k *apikey.Key) { k.Name = "another key" })
	want("renaming", 3, 2, 1, 3, 2)
	err := b.Keys.Delete(t.Context(), b.Home, keys[1].ClientID, func(k apikey.Key) (eventlog.Draft, error) { return draft(k, eventlog.APIKeyDeleted), nil })
	if err != nil {
		t.Fatal(err)
	}
	want("deleting", 2, 1, 1, 2, 1)
}
