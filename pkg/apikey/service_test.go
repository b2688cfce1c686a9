package apikey_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
)

func TestCreateMakesAnActiveKeyWithOneSecret(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme", "cca:admin")
	now := f.stored()
	want := apikey.Key{
		TenancyID: tenancy, ClientID: created.Key.ClientID, Name: "Acme", Description: "for tests", Scopes: scope.Set{"cca:admin"},
		Lifespan: apikey.DefaultLifespan, Status: apikey.Active, Generation: 1, Version: 1,
		CreatedAt: now, CreatedBy: "ana@example.com", UpdatedAt: now, UpdatedBy: "ana@example.com",
		Secrets: []apikey.Secret{{
			ID: created.Key.Secrets[0].ID, Digest: created.Key.Secrets[0].Digest, LastFour: apikey.LastFour(created.Secret), CreatedAt: now,
		}},
	}
	assertKey(t, created.Key, want)
	read, err := f.Get(t.Context(), ana(), created.Key.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	assertKey(t, read, want)
	if !apikey.IsSecret(created.Secret) {
		t.Errorf("the secret is %q", created.Secret)
	}
	if !slices.Equal(f.changes, []string{read.ClientID}) {
		t.Errorf("changes were told of %v", f.changes)
	}
	event, n := f.lastEvent(t)
	if n != 1 || event.Action != eventlog.APIKeyCreated || event.Revokes != nil {
		t.Errorf("%d events, the last %s revoking %v", n, event.Action, event.Revokes)
	}
}

func TestNamesAreUniqueInATenancy(t *testing.T) {
	f := newFixture(t)
	f.create(t, "Previsão")
	second := f.create(t, "Second").Key
	for _, name := range []string{"Previsão", "PREVISÃO", "previsa\u0303o", " Previsão "} {
		if _, err := f.Create(t.Context(), ana(), draft(name), ""); !errors.Is(err, apikey.ErrNameTaken) {
			t.Errorf("creating another %q: %v", name, err)
		}
		if _, err := f.Update(t.Context(), ana(), second.ClientID, nil, apikey.Patch{Name: &name}); !errors.Is(err, apikey.ErrNameTaken) {
			t.Errorf("renaming to %q: %v", name, err)
		}
	}
	if _, err := f.Create(t.Context(), stranger(), draft("Previsão"), ""); err != nil {
		t.Errorf("in another tenancy: %v", err)
	}
	if _, err := f.Update(t.Context(), ana(), second.ClientID, nil, apikey.Patch{Name: pointer("SECOND")}); err != nil {
		t.Errorf("changing the case of its own name: %v", err)
	}
}

// useCases holds every call that changes an existing key.
var useCases = map[string]func(f *fixture, t *testing.T, c apikey.Caller, clientID string, m apikey.Match) error{
	"update": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.Update(t.Context(), c, id, m, apikey.Patch{Description: pointer("changed")})
		return err
	},
	"activate": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.Activate(t.Context(), c, id, m)
		return err
	},
	"deactivate": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.Deactivate(t.Context(), c, id, m)
		return err
	},
	"revoke tokens": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.RevokeTokens(t.Context(), c, id, m)
		return err
	},
	"change the grace period": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.ChangeGrace(t.Context(), c, id, "no such secret", m, time.Hour)
		return err
	},
	"cancel the rotation": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.CancelRotation(t.Context(), c, id, m)
		return err
	},
	"rotate": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		_, err := f.RotateSecret(t.Context(), c, id, m, time.Hour)
		return err
	},
	"retire": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		return f.RetireSecret(t.Context(), c, id, "no such secret", m)
	},
	"delete": func(f *fixture, t *testing.T, c apikey.Caller, id string, m apikey.Match) error {
		return f.Delete(t.Context(), c, id, m)
	},
}

func TestAnotherTenancysKeyIsNotFound(t *testing.T) {
	f := newFixture(t)
	key := f.create(t, "Acme").Key
	for name, call := range useCases {
		for _, id := range []string{key.ClientID, apikey.NewClientID(), ""} {
			if err := call(f, t, stranger(), id, nil); !errors.Is(err, apikey.ErrNotFound) {
				t.Errorf("%s of %q: %v", name, id, err)
			}
		}
	}
	if _, err := f.Get(t.Context(), stranger(), key.ClientID); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	page, err := f.List(t.Context(), stranger(), apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName})
	if err != nil || len(page.Keys) > 0 || page.Total > 0 {
		t.Errorf("the list has %d keys of %d, %v", len(page.Keys), page.Total, err)
	}
	read, err := f.Get(t.Context(), ana(), key.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	assertKey(t, read, key)
}

func TestChangesNeedTheVersionThatTheCallerNames(t *testing.T) {
	for name, call := range useCases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			key := f.create(t, "Acme").Key
			for _, match := range []apikey.Match{{}, {2}, {0}, {2, 3}} {
				if err := call(f, t, ana(), key.ClientID, match); !errors.Is(err, apikey.ErrPreconditionFailed) {
					t.Errorf("with %v: %v", match, err)
				}
			}
			if _, n := f.lastEvent(t); n != 1 {
				t.Errorf("refused changes left %d events", n-1)
			}
			err := call(f, t, ana(), key.ClientID, apikey.Match{7, 1})
			if err != nil && !errors.Is(err, apikey.ErrSecretNotFound) && !errors.Is(err, apikey.ErrNoRotation) {
				t.Errorf("with the present version: %v", err)
			}
		})
	}
}

// TestGenerationGoesUpExactlyWhenTokensMustDie: a new generation ends the tokens issued so far, so it must not begin for any other
// reason.
func TestGenerationGoesUpExactlyWhenTokensMustDie(t *testing.T) {
	f := newFixture(t)
	id := f.create(t, "Acme").Key.ClientID
	c := ana()
	steps := []struct {
		name       string
		call       func() error
		generation int64
		action     eventlog.Action // empty when nothing changes
		revokes    bool
	}{
		{"edit", func() error {
			_, err := f.Update(t.Context(), c, id, nil, apikey.Patch{Scopes: &[]string{"spot:admin"}, LifespanValue: pointer(2)})
			return err
		}, 1, eventlog.APIKeyUpdated, false},
		{"edit without a difference", func() error {
			_, err := f.Update(t.Context(), c, id, nil, apikey.Patch{Name: pointer("Acme "), Scopes: &[]string{"spot:admin", "spot:admin"}})
			return err
		}, 1, "", false},
		{"activate what is active", func() error { _, err := f.Activate(t.Context(), c, id, nil); return err }, 1, "", false},
		{"rotate with grace", func() error { _, err := f.RotateSecret(t.Context(), c, id, nil, time.Hour); return err }, 1, eventlog.APIKeySecretRotated, false},
		{"retire", func() error {
			key, err := f.Get(t.Context(), c, id)
			if err != nil {
				return err
			}
			return f.RetireSecret(t.Context(), c, id, key.Secrets[1].ID, nil)
		}, 1, eventlog.APIKeySecretRetired, false},
		{"rotate with grace again", func() error { _, err := f.RotateSecret(t.Context(), c, id, nil, time.Hour); return err }, 1, eventlog.APIKeySecretRotated, false},
		{"change the grace period", func() error {
			key, err := f.Get(t.Context(), c, id)
			if err != nil {
				return err
			}
			_, err = f.ChangeGrace(t.Context(), c, id, key.Secrets[1].ID, nil, time.Minute)
			return err
		}, 1, eventlog.APIKeyGraceChanged, false},
		{"cancel the rotation", func() error { _, err := f.CancelRotation(t.Context(), c, id, nil); return err }, 1, eventlog.APIKeyRotationUndone, false},
		{"rotate now", func() error { _, err := f.RotateSecret(t.Context(), c, id, nil, 0); return err }, 2, eventlog.APIKeySecretRotated, true},
		{"revoke tokens", func() error { _, err := f.RevokeTokens(t.Context(), c, id, nil); return err }, 3, eventlog.APIKeyTokensRevoked, true},
		{"revoke tokens again", func() error { _, err := f.RevokeTokens(t.Context(), c, id, nil); return err }, 4, eventlog.APIKeyTokensRevoked, true},
		{"deactivate", func() error { _, err := f.Deactivate(t.Context(), c, id, nil); return err }, 5, eventlog.APIKeyDeactivated, true},
		{"deactivate again", func() error { _, err := f.Deactivate(t.Context(), c, id, nil); return err }, 5, "", false},
		{"edit while inactive", func() error {
			_, err := f.Update(t.Context(), c, id, nil, apikey.Patch{Description: pointer("off")})
			return err
		}, 5, eventlog.APIKeyUpdated, false},
		{"activate", func() error { _, err := f.Activate(t.Context(), c, id, nil); return err }, 5, eventlog.APIKeyActivated, false},
		{"delete", func() error { return f.Delete(t.Context(), c, id, nil) }, 6, eventlog.APIKeyDeleted, true},
	}
	version := int64(1)
	_, logged := f.lastEvent(t)
	for _, step := range steps {
		f.advance(time.Second)
		told := len(f.changes)
		if err := step.call(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		event, n := f.lastEvent(t)
		if step.action == "" {
			if n != logged || len(f.changes) != told {
				t.Errorf("%s: %d events and %d notices, though nothing changes", step.name, n-logged, len(f.changes)-told)
			}
		} else {
			version++
			logged++
			if n != logged || event.Action != step.action || event.Seq != int64(n+2) || !event.At.Equal(f.stored()) {
				t.Errorf("%s: event %d is %s at %v", step.name, event.Seq, event.Action, event.At)
			}
			if len(f.changes) != told+1 || f.changes[told] != id {
				t.Errorf("%s: changes were told of %v", step.name, f.changes[told:])
			}
			want := (*eventlog.Revocation)(nil)
			if step.revokes {
				want = &eventlog.Revocation{ClientID: id, Generation: step.generation}
			}
			if (event.Revokes == nil) != (want == nil) || want != nil && *event.Revokes != *want {
				t.Errorf("%s: it revokes %+v, want %+v", step.name, event.Revokes, want)
			}
		}
		if step.action == eventlog.APIKeyDeleted {
			continue
		}
		key, err := f.Get(t.Context(), c, id)
		if err != nil {
			t.Fatal(err)
		}
		if key.Generation != step.generation || key.Version != version {
			t.Errorf("%s: generation %d, version %d; want %d and %d", step.name, key.Generation, key.Version, step.generation, version)
		}
	}
	if _, err := f.Get(t.Context(), c, id); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("after deletion: %v", err)
	}
	if _, err := eventlog.Verify(t.Context(), f.store, eventlog.EmptyHead()); err != nil {
		t.Errorf("the log: %v", err)
	}
}

func TestADeletedKeysNameIsFree(t *testing.T) {
	f := newFixture(t)
	first := f.create(t, "Acme").Key
	if err := f.Delete(t.Context(), ana(), first.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	if again := f.create(t, "Acme").Key; again.ClientID == first.ClientID || again.Generation != 1 {
		t.Errorf("the new key is %+v", again)
	}
}

func TestOfTwoEditsOfOneVersionOneWins(t *testing.T) {
	f := newFixture(t)
	key := f.create(t, "Acme").Key
	const editors = 8
	results := make(chan error, editors)
	begin := make(chan struct{})
	for i := range editors {
		go func() {
			<-begin
			description := string(rune('a' + i))
			_, err := f.Update(t.Context(), ana(), key.ClientID, apikey.Match{1}, apikey.Patch{Description: &description})
			results <- err
		}()
	}
	close(begin)
	won := 0
	for range editors {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, apikey.ErrPreconditionFailed):
			t.Errorf("a loser got %v", err)
		}
	}
	if _, n := f.lastEvent(t); won != 1 || n != 2 {
		t.Errorf("%d won and left %d events", won, n-1)
	}
}

func TestAKeyGrantsNoMoreThanItsOwnTokenCovers(t *testing.T) {
	f := newFixture(t)
	wide := f.create(t, "Wide", "cca:admin", "spot:readonly").Key
	narrow := f.create(t, "Narrow", "cca:readonly").Key
	editor := program(scope.APIKeysEditor, "cca:editor")
	ctx := t.Context()
	rename := apikey.Patch{Name: pointer("Renamed")}
	// secretInGrace rotates the key and returns its old secret's ID, which works for an hour more.
	secretInGrace := func(clientID string) string {
		rotated, err := f.RotateSecret(ctx, ana(), clientID, nil, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return rotated.Key.Secrets[1].ID
	}
	wideOld, narrowOld := secretInGrace(wide.ClientID), secretInGrace(narrow.ClientID)
	tests := map[string]struct {
		err     error
		allowed bool
	}{
		"create what is covered":          {second(f.Create(ctx, editor, draft("A", "cca:editor", "cca:readonly"), "")), true},
		"create what is wider":            {second(f.Create(ctx, editor, draft("B", "cca:admin"), "")), false},
		"create with one wider scope":     {second(f.Create(ctx, editor, draft("C", "cca:readonly", "spot:readonly"), "")), false},
		"create with an idempotency key":  {second(f.Create(ctx, editor, draft("D", "cca:admin"), "key")), false},
		"create as a key without scopes":  {second(f.Create(ctx, program(), draft("E", "cca:readonly"), "")), false},
		"add what is covered":             {second(f.Update(ctx, editor, narrow.ClientID, nil, apikey.Patch{Scopes: &[]string{"cca:readonly", "cca:editor"}})), true},
		"add what is wider":               {second(f.Update(ctx, editor, narrow.ClientID, nil, apikey.Patch{Scopes: &[]string{"cca:readonly", "cca:admin"}})), false},
		"edit a wider key's name":         {second(f.Update(ctx, editor, wide.ClientID, nil, rename)), true},
		"take scopes from a wider key":    {second(f.Update(ctx, editor, wide.ClientID, nil, apikey.Patch{Scopes: &[]string{"cca:admin"}})), true},
		"give a covered key more grace":   {second(f.ChangeGrace(ctx, editor, narrow.ClientID, narrowOld, nil, 2*time.Hour)), true},
		"give a wider key more grace":     {second(f.ChangeGrace(ctx, editor, wide.ClientID, wideOld, nil, 2*time.Hour)), false},
		"give a wider key less grace":     {second(f.ChangeGrace(ctx, editor, wide.ClientID, wideOld, nil, time.Minute)), true},
		"cancel a covered key's rotation": {second(f.CancelRotation(ctx, editor, narrow.ClientID, nil)), true},
		"cancel a wider key's rotation":   {second(f.CancelRotation(ctx, editor, wide.ClientID, nil)), false},
		"retire a wider key's old secret": {f.RetireSecret(ctx, editor, wide.ClientID, wideOld, nil), true},
		"rotate a key that is covered":    {second(f.RotateSecret(ctx, editor, narrow.ClientID, nil, 0)), true},
		"rotate a wider key":              {second(f.RotateSecret(ctx, editor, wide.ClientID, nil, 0)), false},
		"rotate a wider key, with grace":  {second(f.RotateSecret(ctx, editor, wide.ClientID, nil, time.Hour)), false},
		"deactivate a wider key":          {second(f.Deactivate(ctx, editor, wide.ClientID, nil)), true},
		"activate a wider key":            {second(f.Activate(ctx, editor, wide.ClientID, nil)), false},
		"deactivate a covered key":        {second(f.Deactivate(ctx, editor, narrow.ClientID, nil)), true},
		"activate a covered key":          {second(f.Activate(ctx, editor, narrow.ClientID, nil)), true},
		"product covers features: create": {second(f.Create(ctx, program("settings:admin"), draft("F", "settings.api-keys:editor"), "")), true},
	}
	for name, test := range tests {
		if test.allowed && test.err != nil {
			t.Errorf("%s: %v", name, test.err)
		}
		if !test.allowed && !errors.Is(test.err, apikey.ErrForbidden) {
			t.Errorf("%s: %v, want %v", name, test.err, apikey.ErrForbidden)
		}
	}
	if _, err := f.RotateSecret(ctx, ana(), wide.ClientID, nil, 0); err != nil {
		t.Errorf("an operator's role, not its scopes, bounds it: %v", err)
	}
	page, err := f.List(ctx, ana(), apikey.Query{Page: 1, PageSize: 100, SortBy: apikey.SortByName})
	if err != nil || page.Total != 4 {
		t.Errorf("there are %d keys, %v; refused calls must make none", page.Total, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestListLeavesOutSecretsThatNoLongerWork(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	if _, err := f.RotateSecret(t.Context(), ana(), created.Key.ClientID, nil, time.Minute); err != nil {
		t.Fatal(err)
	}
	secrets := func() (got, listed int) {
		key, err := f.Get(t.Context(), ana(), created.Key.ClientID)
		if err != nil {
			t.Fatal(err)
		}
		page, err := f.List(t.Context(), ana(), apikey.Query{Page: 1, PageSize: 10, SortBy: apikey.SortByName})
		if err != nil || len(page.Keys) != 1 {
			t.Fatalf("%d keys, %v", len(page.Keys), err)
		}
		return len(key.Secrets), len(page.Keys[0].Secrets)
	}
	if got, listed := secrets(); got != 2 || listed != 2 {
		t.Errorf("in the grace period %d and %d secrets are shown", got, listed)
	}
	f.advance(time.Minute)
	if got, listed := secrets(); got != 1 || listed != 1 {
		t.Errorf("after it %d and %d secrets are shown", got, listed)
	}
}
