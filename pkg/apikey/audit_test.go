package apikey_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

func TestEventsTellWhatChanged(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme", "cca:admin")
	id, secret := created.Key.ClientID, created.Key.Secrets[0]
	tests := []struct {
		call          func() error
		before, after string
	}{
		{
			func() error {
				return second(f.Update(t.Context(), ana(), id, nil, apikey.Patch{Name: pointer("Acme 2"), Scopes: &[]string{"spot:admin"}}))
			},
			`{"name":"Acme","scopes":["cca:admin"]}`, `{"name":"Acme 2","scopes":["spot:admin"]}`,
		},
		{
			func() error {
				return second(f.Update(t.Context(), ana(), id, nil, apikey.Patch{LifespanUnit: pointer(apikey.Minutes), Description: pointer("")}))
			},
			`{"description":"for tests","token_lifespan":{"unit":"hours","value":1}}`,
			`{"description":"","token_lifespan":{"unit":"minutes","value":1}}`,
		},
		{
			func() error {
				return second(f.Update(t.Context(), ana(), id, nil, apikey.Patch{RateLimit: pointer(7)}))
			},
			`{"rate_limit":null}`, `{"rate_limit":7}`,
		},
		{
			func() error {
				return second(f.Update(t.Context(), ana(), id, nil, apikey.Patch{RateLimit: pointer(8)}))
			},
			`{"rate_limit":7}`, `{"rate_limit":8}`,
		},
		{
			func() error {
				return second(f.Update(t.Context(), ana(), id, nil, apikey.Patch{RateLimit: pointer(0)}))
			},
			`{"rate_limit":8}`, `{"rate_limit":null}`,
		},
		{
			func() error { return second(f.Deactivate(t.Context(), ana(), id, nil)) },
			`{"generation":1,"status":"active"}`, `{"generation":2,"status":"inactive"}`,
		},
		{
			func() error { return second(f.Activate(t.Context(), ana(), id, nil)) },
			`{"status":"inactive"}`, `{"status":"active"}`,
		},
		{
			func() error { return second(f.RevokeTokens(t.Context(), ana(), id, nil)) },
			`{"generation":2}`, `{"generation":3}`,
		},
		{
			func() error { return f.Delete(t.Context(), ana(), id, nil) },
			fmt.Sprintf(`{"description":"","generation":3,"name":"Acme 2","scopes":["spot:admin"],"secrets":[{"id":%q,"last_four":%q}],`+
				`"status":"active","token_lifespan":{"unit":"minutes","value":1}}`, secret.ID, secret.LastFour),
			"",
		},
	}
	for _, test := range tests {
		if err := test.call(); err != nil {
			t.Fatal(err)
		}
		event, _ := f.lastEvent(t)
		if string(event.Before) != test.before || string(event.After) != test.after {
			t.Errorf("%s tells\n%s\n%s\nwant\n%s\n%s", event.Action, event.Before, event.After, test.before, test.after)
		}
		if event.TenancyID != tenancy || event.Actor != ana().Actor || event.Origin != ana().Origin || event.Subject.ID != id {
			t.Errorf("%s tells of %+v by %+v from %+v in %s", event.Action, event.Subject, event.Actor, event.Origin, event.TenancyID)
		}
	}
}

func TestEventsShowWhichSecretsThereAre(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	rotated, err := f.RotateSecret(t.Context(), ana(), created.Key.ClientID, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	shows := func(want ...map[string]string) {
		t.Helper()
		event, _ := f.lastEvent(t)
		var after struct {
			Secrets []map[string]string `json:"secrets"`
		}
		if err := json.Unmarshal(event.After, &after); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(after.Secrets) != fmt.Sprint(want) {
			t.Errorf("%s shows %v, want %v", event.Action, after.Secrets, want)
		}
	}
	old, fresh := created.Key.Secrets[0].ID, map[string]string{"id": rotated.Key.Secrets[0].ID, "last_four": apikey.LastFour(rotated.Secret)}
	shows(fresh, map[string]string{
		"id": old, "last_four": apikey.LastFour(created.Secret), "expires_at": f.stored().Add(time.Hour).Format(time.RFC3339),
	})
	if err := f.RetireSecret(t.Context(), ana(), created.Key.ClientID, old, nil); err != nil {
		t.Fatal(err)
	}
	shows(fresh)
}

func TestEventsHoldNoSecretAndNoDigest(t *testing.T) {
	f := newFixture(t)
	created, err := f.Create(t.Context(), ana(), draft("Acme"), "once")
	if err != nil {
		t.Fatal(err)
	}
	id := created.Key.ClientID
	known := []apikey.Created{created}
	for _, grace := range []time.Duration{time.Hour, 0} {
		rotated, err := f.RotateSecret(t.Context(), ana(), id, nil, grace)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, rotated)
	}
	if err := f.Delete(t.Context(), ana(), id, nil); err != nil {
		t.Fatal(err)
	}
	events := f.events(t)
	if len(events) != 4 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		text, err := json.Marshal(struct {
			eventlog.Event
			Before, After string
		}{e, string(e.Before), string(e.After)})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range known {
			digest := k.Key.Secrets[0].Digest
			for _, hidden := range []string{
				k.Secret, k.Secret[4:40], hex.EncodeToString(digest[:]), base64.StdEncoding.EncodeToString(digest[:]),
				base64.RawURLEncoding.EncodeToString(digest[:]), strings.ReplaceAll(fmt.Sprint(digest), " ", ","),
			} {
				if strings.Contains(string(text), hidden) {
					t.Errorf("%s holds %s", e.Action, hidden)
				}
			}
		}
	}
}
