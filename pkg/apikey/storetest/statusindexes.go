package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

func statusIndexes(t *testing.T, b Backend) {
	given := map[int64]string{}
	wantFresh := func(what string, k apikey.Key) int64 {
		t.Helper()
		if before, taken := given[k.StatusIndex]; taken || k.StatusIndex < 1 {
			t.Errorf("%s: the index is %d, which was given to %q", what, k.StatusIndex, before)
		}
		given[k.StatusIndex] = what
		return k.StatusIndex
	}
	k := create(t, b, newKey(b.Home, "indexed"))[0]
	first := wantFresh("a new key", get(t, b, k))
	wantFresh("another tenancy's key", get(t, b, create(t, b, newKey(b.Other, "indexed"))[0]))

	kept := change(t, b, k, func(k *apikey.Key) { k.Description, k.Status, k.StatusIndex = "edited", apikey.Inactive, 77 })
	if read := get(t, b, k); kept.StatusIndex != first || read.StatusIndex != first {
		t.Errorf("an edit moved the index from %d to %d, stored as %d", first, kept.StatusIndex, read.StatusIndex)
	}
	raised := change(t, b, k, func(k *apikey.Key) { k.Generation, k.StatusIndex = 2, first })
	second := wantFresh("the second generation", raised)
	if read := get(t, b, k); read.StatusIndex != second {
		t.Errorf("the key's index is %d, want %d", read.StatusIndex, second)
	}
	if found, err := b.Keys.Lookup(t.Context(), k.ClientID); err != nil || found.StatusIndex != second {
		t.Errorf("the client's index is %d, %v; want %d", found.StatusIndex, err, second)
	}
	err := b.Keys.Delete(t.Context(), b.Home, k.ClientID, func(k apikey.Key) (eventlog.Draft, error) {
		return draft(k, eventlog.APIKeyDeleted), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantFresh("a key made after a deletion", get(t, b, create(t, b, newKey(b.Home, "indexed"))[0]))
}

func statusIndexesAtOnce(t *testing.T, b Backend) {
	const writers, generations = 8, 5
	var mu sync.Mutex
	given := map[int64]bool{}
	parallel(t, writers, func(ctx context.Context, i int) error {
		k := newKey(b.Home, fmt.Sprintf("key %d", i))
		if err := b.Keys.Create(ctx, k, draft(k, eventlog.APIKeyCreated), nil); err != nil {
			return err
		}
		for range generations {
			raised, err := b.Keys.Update(ctx, b.Home, k.ClientID, editing(func(k *apikey.Key) { k.Generation++ }))
			if err != nil {
				return err
			}
			mu.Lock()
			given[raised.StatusIndex] = true
			mu.Unlock()
		}
		return nil
	})
	if len(given) != writers*generations {
		t.Errorf("%d generations have %d indexes", writers*generations, len(given))
	}
}
