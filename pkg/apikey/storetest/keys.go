package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/usage"
)

func createdIsReadBack(t *testing.T, b Backend) {
	full := newKey(b.Home, "Relatórios de 日本 \\ % _ ' \" ` ; -- \U0001f511")
	full.Description = strings.Repeat("ç", 500)
	full.Status = apikey.Inactive
	full.Generation, full.Version = 7, 9
	older := newSecret(epoch.Add(-time.Hour))
	older.ExpiresAt = epoch.Add(time.Hour)
	full.Secrets = append(full.Secrets, older)
	bare := newKey(b.Home, "x")
	bare.Description, bare.Scopes, bare.Secrets = "", nil, []apikey.Secret{}
	// Case folding and normalisation make the other forms of this name many times as long.
	long := newKey(b.Home, strings.Repeat("\ufdfa", 100))
	for _, want := range create(t, b, full, bare, long) {
		same(t, get(t, b, want), want)
		wantFound(t, b, want)
	}
	if got := len(events(t, b)); got < 3 {
		t.Errorf("the log has %d events", got)
	}
}

func otherTenancy(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "mine"))[0]
	before := headSeq(t, b)
	called := false
	_, getErr := b.Keys.Get(t.Context(), b.Other, k.ClientID)
	_, updateErr := b.Keys.Update(t.Context(), b.Other, k.ClientID, editing(func(*apikey.Key) { called = true }))
	deleteErr := b.Keys.Delete(t.Context(), b.Other, k.ClientID, func(k apikey.Key) (eventlog.Draft, error) {
		called = true
		return draft(k, eventlog.APIKeyDeleted), nil
	})
	_, lookupErr := b.Keys.Lookup(t.Context(), "ak_unknown")
	for _, err := range []error{getErr, updateErr, deleteErr, lookupErr} {
		if !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	if called {
		t.Error("a change was called with another tenancy's key")
	}
	page, err := b.Keys.List(t.Context(), b.Other, apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName, Search: k.ClientID})
	if err != nil || page.Total != 0 || len(page.Keys) != 0 {
		t.Errorf("another tenancy lists %+v, %v", page, err)
	}
	same(t, get(t, b, k), k)
	if got := headSeq(t, b); got != before {
		t.Errorf("the log went from %d to %d", before, got)
	}
}

func nameTaken(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "Straße Ação"))[0]
	other := create(t, b, newKey(b.Home, "other"), newKey(b.Other, "Straße Ação"))[0]
	before := headSeq(t, b)
	for _, name := range []string{"Straße Ação", "STRASSE AÇÃO", "strasse ac\u0327a\u0303o"} {
		duplicate := newKey(b.Home, name)
		err := b.Keys.Create(t.Context(), duplicate, draft(duplicate, eventlog.APIKeyCreated), nil)
		if !errors.Is(err, apikey.ErrNameTaken) {
			t.Errorf("create %q: got %v, want ErrNameTaken", name, err)
		}
		_, err = b.Keys.Update(t.Context(), b.Home, other.ClientID, editing(func(k *apikey.Key) { k.Name = name }))
		if !errors.Is(err, apikey.ErrNameTaken) {
			t.Errorf("rename to %q: got %v, want ErrNameTaken", name, err)
		}
	}
	if got := headSeq(t, b); got != before {
		t.Errorf("the log went from %d to %d", before, got)
	}
	// Accents do make a difference, and a key may take another form of its own name.
	create(t, b, newKey(b.Home, "Strasse Acao"))
	if renamed := change(t, b, k, func(k *apikey.Key) { k.Name = "STRASSE AÇÃO" }); renamed.Name != "STRASSE AÇÃO" {
		t.Errorf("the key is called %q", renamed.Name)
	}
	// The client ID is not a name: if it is taken, that is not the caller's error.
	again := newKey(b.Home, "new name")
	again.ClientID = k.ClientID
	err := b.Keys.Create(t.Context(), again, draft(again, eventlog.APIKeyCreated), nil)
	if err == nil || errors.Is(err, apikey.ErrNameTaken) {
		t.Errorf("create with a client id that exists: got %v", err)
	}
}

func updateWrites(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "before"), newKey(b.Home, "bystander"))
	later := epoch.Add(time.Minute)
	want := k[0]
	want.Name, want.Description, want.Scopes = "after", "", scope.NewSet("spot:admin")
	want.Lifespan = apikey.Lifespan{Value: 24, Unit: apikey.Hours}
	want.RateLimit = 0
	want.Status, want.Generation, want.Version = apikey.Inactive, 2, 2
	want.UpdatedAt, want.UpdatedBy = later, "bob@example.com"
	got := change(t, b, k[0], func(k *apikey.Key) {
		*k = want
		k.Version = 1
		k.ClientID, k.TenancyID = "ak_other", b.Other
		k.CreatedAt, k.CreatedBy, k.LastUsedAt = later, "bob@example.com", later
	})
	same(t, got, want)
	same(t, get(t, b, want), want)
	same(t, get(t, b, k[1]), k[1])
	wantNames(t, list(t, b, apikey.Query{Search: "AFTER"}), "after")
	log := events(t, b)
	if last := log[len(log)-1]; last.Action != eventlog.APIKeyUpdated {
		t.Errorf("the last event is %+v", last)
	}
}

func updateSecrets(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "rotated"))[0]
	first, second, third := k.Secrets[0], newSecret(epoch.Add(time.Hour)), newSecret(epoch.Add(2*time.Hour))
	use := usage.Use{ClientID: k.ClientID, SecretID: first.ID, At: epoch.Add(time.Second), IP: "192.0.2.1"}
	if err := b.Uses.Record(t.Context(), usage.Batch{Uses: []usage.Use{use}}); err != nil {
		t.Fatal(err)
	}
	first.LastUsedAt, first.LastUsedIP = use.At, use.IP

	first.ExpiresAt = epoch.Add(3 * time.Hour)
	got := change(t, b, k, func(k *apikey.Key) {
		k.Secrets[0].ExpiresAt = first.ExpiresAt
		// A change must not alter anything else about a secret, including its last use.
		k.Secrets[0].Digest, k.Secrets[0].LastFour = sha256.Sum256(nil), "none"
		k.Secrets[0].LastUsedAt, k.Secrets[0].LastUsedIP = time.Time{}, ""
		k.Secrets = append(k.Secrets, second)
	})
	wantSecrets(t, got, second, first)
	wantSecrets(t, get(t, b, k), second, first)

	got = change(t, b, k, func(k *apikey.Key) {
		k.Secrets[1].RetiredAt = epoch.Add(2 * time.Hour) // the first is retired, and the second left out
		k.Secrets = []apikey.Secret{third, k.Secrets[1]}
	})
	wantSecrets(t, got, third, second)
	wantSecrets(t, get(t, b, k), third, second)
	wantFound(t, b, k)
}

func wantSecrets(t *testing.T, k apikey.Key, want ...apikey.Secret) {
	t.Helper()
	if !slices.Equal(k.Secrets, want) {
		t.Errorf("got  %+v\nwant %+v", k.Secrets, want)
	}
}

func noEvent(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "unchanged"))[0]
	before := headSeq(t, b)
	got, err := b.Keys.Update(t.Context(), b.Home, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		k.Name, k.Secrets = "changed", append(k.Secrets, newSecret(epoch))
		return k, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, k)
	same(t, get(t, b, k), k)
	if got := headSeq(t, b); got != before {
		t.Errorf("the log went from %d to %d", before, got)
	}
}

func changeFails(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "kept"))[0]
	before := headSeq(t, b)
	// Even an error that the store would translate if it were its own is returned unchanged.
	for _, failure := range []error{errors.New("no"), apikey.ErrConflict, context.DeadlineExceeded} {
		_, updateErr := b.Keys.Update(t.Context(), b.Home, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
			event := draft(k, eventlog.APIKeyUpdated)
			k.Name = "lost"
			return k, &event, failure
		})
		deleteErr := b.Keys.Delete(t.Context(), b.Home, k.ClientID, func(k apikey.Key) (eventlog.Draft, error) {
			return draft(k, eventlog.APIKeyDeleted), failure
		})
		if updateErr != failure || deleteErr != failure { //nolint:errorlint // the same error, not one that wraps it
			t.Errorf("got %v and %v, want %v as it is", updateErr, deleteErr, failure)
		}
	}
	// A statement that fails late also undoes what was written before it.
	doubled := newKey(b.Home, "doubled")
	doubled.Secrets = append(doubled.Secrets, k.Secrets[0])
	if err := b.Keys.Create(t.Context(), doubled, draft(doubled, eventlog.APIKeyCreated), nil); err == nil {
		t.Error("a secret was stored twice")
	}
	if _, err := b.Keys.Get(t.Context(), b.Home, doubled.ClientID); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("half a key was stored: %v", err)
	}
	_, err := b.Keys.Update(t.Context(), b.Home, k.ClientID, editing(func(k *apikey.Key) {
		k.Name = "lost"
		k.Secrets = append(k.Secrets, doubled.Secrets[0], doubled.Secrets[0])
	}))
	if err == nil {
		t.Error("a secret was stored twice")
	}
	same(t, get(t, b, k), k)
	if got := headSeq(t, b); got != before {
		t.Errorf("the log went from %d to %d", before, got)
	}
}

func changeKeepsItsCopy(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "copied"))[0]
	got, err := b.Keys.Update(t.Context(), b.Home, k.ClientID, func(k apikey.Key) (apikey.Key, *eventlog.Draft, error) {
		k.Secrets[0].RetiredAt = epoch
		return k, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, k)
	retired := change(t, b, k, func(k *apikey.Key) { k.Secrets[0].RetiredAt = epoch })
	wantSecrets(t, retired)
	wantSecrets(t, get(t, b, k))
	wantFound(t, b, k)
}

func deleteKey(t *testing.T, b Backend) {
	keys := create(t, b, newKey(b.Home, "gone"), newKey(b.Home, "stays"))
	var seen apikey.Key
	err := b.Keys.Delete(t.Context(), b.Home, keys[0].ClientID, func(k apikey.Key) (eventlog.Draft, error) {
		seen = k
		event := draft(k, eventlog.APIKeyDeleted)
		event.Revokes = &eventlog.Revocation{ClientID: k.ClientID, Generation: k.Generation + 1}
		return event, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, seen, keys[0])
	if _, err := b.Keys.Lookup(t.Context(), keys[0].ClientID); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	same(t, get(t, b, keys[1]), keys[1])
	// Nothing is left of it: its name, and even the ID of its secret, are free.
	again := newKey(b.Home, "gone")
	again.Secrets = keys[0].Secrets
	create(t, b, again)
	log := events(t, b)
	if r := log[len(log)-2].Revokes; r == nil || r.Generation != 2 || r.ClientID != keys[0].ClientID {
		t.Errorf("the deletion revokes %+v", r)
	}
}

func cancelled(t *testing.T, b Backend) {
	k := create(t, b, newKey(b.Home, "waiting"))[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, lookupErr := b.Keys.Lookup(ctx, k.ClientID)
	_, updateErr := b.Keys.Update(ctx, b.Home, k.ClientID, editing(func(*apikey.Key) {}))
	_, listErr := b.Keys.List(ctx, b.Home, apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName})
	for _, err := range []error{lookupErr, updateErr, listErr} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, apikey.ErrUnavailable) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	expired, cancel := context.WithDeadline(t.Context(), epoch.AddDate(-30, 0, 0))
	defer cancel()
	if _, err := b.Keys.Lookup(expired, k.ClientID); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, apikey.ErrUnavailable) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	same(t, get(t, b, k), k)
}
