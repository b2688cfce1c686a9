package signing_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
)

// TestAllPrivateHalvesAreResealedOrNone: the old master key is thrown away afterwards, so nothing may stay sealed with it.
func TestAllPrivateHalvesAreResealedOrNone(t *testing.T) {
	f := newFixture(t)
	fresh, err := sealed.NewBox(bytes.Repeat([]byte{2}, sealed.KeySize), bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	other, err := signing.NewKeyring(nil, newBox(t, 3), nil, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	stray, err := other.Generate()
	if err != nil {
		t.Fatal(err)
	}
	store := &keyStore{records: append(f.records(t), stray)}
	before := slices.Clone(store.records)
	keyring := newKeyring(t, store, f.Now)
	if n, err := keyring.Reseal(t.Context(), fresh, admin); !errors.Is(err, sealed.ErrWrongKey) || n != 0 || !reflect.DeepEqual(store.records, before) {
		t.Errorf("beside one that none of the master keys opens, %d are resealed: %v", n, err)
	}
	if err := keyring.Check(t.Context()); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("the check: %v", err)
	}
	store.err = errors.New("down")
	if err := keyring.Check(t.Context()); !errors.Is(err, store.err) {
		t.Errorf("the check while the store is down: %v", err)
	}

	moved, err := signing.NewKeyring(f.store, fresh, nil, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} { // the second time there is nothing to do, and no event
		if n, err := moved.Reseal(t.Context(), fresh, admin); err != nil || n != want {
			t.Errorf("%d are resealed, %v; want %d", n, err, want)
		}
		if events, err := f.store.After(t.Context(), 0, 10); err != nil || len(events) != 2 {
			t.Errorf("the log has %d events, %v", len(events), err)
		}
	}
	if err := moved.Check(t.Context()); err != nil {
		t.Errorf("the check afterwards: %v", err)
	}
}
