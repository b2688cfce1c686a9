package apikey_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/piercloud/apikeys/pkg/apikey"
)

func reasonOf(err error) apikey.Reason {
	var denied *apikey.DeniedError
	if !errors.As(err, &denied) {
		return ""
	}
	return denied.Reason
}

func TestAuthenticateReturnsTheClientAndTheSecretThatWasUsed(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	rotated, err := f.RotateSecret(t.Context(), ana(), created.Key.ClientID, nil, apikey.GraceMax)
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]string{created.Secret: created.Key.Secrets[0].ID, rotated.Secret: rotated.Key.Secrets[0].ID} {
		client, used, err := f.auth.Authenticate(t.Context(), created.Key.ClientID, secret)
		if err != nil || client.ID != created.Key.ClientID || used != want {
			t.Errorf("the secret %s is used, want %s: %v", used, want, err)
		}
	}
}

func TestEveryFailedAuthenticationReadsTheSame(t *testing.T) {
	f := newFixture(t)
	active, inactive, deleted := f.create(t, "Active"), f.create(t, "Inactive"), f.create(t, "Deleted")
	if _, err := f.Deactivate(t.Context(), ana(), inactive.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(t.Context(), ana(), deleted.Key.ClientID, nil); err != nil {
		t.Fatal(err)
	}
	id := active.Key.ClientID
	tests := map[string]struct {
		clientID, secret string
		reason           apikey.Reason
	}{
		"unknown client":              {apikey.NewClientID(), active.Secret, apikey.UnknownClient},
		"no client":                   {"", "", apikey.UnknownClient},
		"malformed client":            {"ak_", active.Secret, apikey.UnknownClient},
		"NUL in the client":           {id[:24] + "\x00", active.Secret, apikey.UnknownClient},
		"another letter's case":       {"AK_" + id[3:], active.Secret, apikey.UnknownClient},
		"a space behind the client":   {id + " ", active.Secret, apikey.UnknownClient},
		"a huge client":               {strings.Repeat(id, 10_000), active.Secret, apikey.UnknownClient},
		"deleted":                     {deleted.Key.ClientID, deleted.Secret, apikey.UnknownClient},
		"inactive":                    {inactive.Key.ClientID, inactive.Secret, apikey.InactiveKey},
		"inactive, with wrong secret": {inactive.Key.ClientID, active.Secret, apikey.WrongSecret},
		"wrong secret":                {id, apikey.NewSecret(), apikey.WrongSecret},
		"no secret":                   {id, "", apikey.WrongSecret},
		"another key's secret":        {id, inactive.Secret, apikey.WrongSecret},
		"secret in capitals":          {id, strings.ToUpper(active.Secret), apikey.WrongSecret},
		"a space behind the secret":   {id, active.Secret + " ", apikey.WrongSecret},
		"a huge secret":               {id, strings.Repeat(active.Secret, 10_000), apikey.WrongSecret},
	}
	for name, test := range tests {
		client, used, err := f.auth.Authenticate(t.Context(), test.clientID, test.secret)
		if !errors.Is(err, apikey.ErrInvalidClient) || err.Error() != apikey.ErrInvalidClient.Error() || client != nil || used != "" {
			t.Errorf("%s: %v, %v and %q", name, err, client, used)
		}
		if reason := reasonOf(err); reason != test.reason {
			t.Errorf("%s: the owner is told %q, want %q", name, reason, test.reason)
		}
	}
	if !f.works(t, id, active.Secret) {
		t.Error("the right secret does not work")
	}
}

// oneClientStore holds a single client, which the test chooses.
type oneClientStore struct {
	apikey.Store
	client apikey.Client
}

func (s oneClientStore) Lookup(context.Context, string) (apikey.Client, error) { return s.client, nil }

func TestEveryByteOfADigestIsCompared(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	stored, err := f.store.Lookup(t.Context(), created.Key.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	authenticate := func(client apikey.Client) error {
		cache := apikey.NewCache(oneClientStore{client: client}, func() bool { return false })
		_, _, err := apikey.NewAuthenticator(cache, f.Now).Authenticate(t.Context(), client.ID, created.Secret)
		return err
	}
	if err := authenticate(stored); err != nil {
		t.Fatal(err)
	}
	for i := range stored.Secrets[0].Digest {
		for bit := range 8 {
			altered := stored
			altered.Secrets = []apikey.ClientSecret{stored.Secrets[0]}
			altered.Secrets[0].Digest[i] ^= 1 << bit
			if err := authenticate(altered); reasonOf(err) != apikey.WrongSecret {
				t.Fatalf("with bit %d of byte %d altered: %v", bit, i, err)
			}
		}
	}
}

func TestAKeyWithoutSecretsLetsNobodyIn(t *testing.T) {
	f := newFixture(t)
	client := apikey.Client{ID: apikey.NewClientID(), Status: apikey.Active}
	cache := apikey.NewCache(oneClientStore{client: client}, func() bool { return false })
	for _, secret := range []string{"", apikey.NewSecret()} {
		if _, _, err := apikey.NewAuthenticator(cache, f.Now).Authenticate(t.Context(), client.ID, secret); reasonOf(err) != apikey.WrongSecret {
			t.Errorf("with %q: %v", secret, err)
		}
	}
}

func TestAuthenticateTellsWhenTheStoreIsDown(t *testing.T) {
	f := newFixture(t)
	created := f.create(t, "Acme")
	cache := apikey.NewCache(&failingStore{Store: f.store, err: apikey.ErrUnavailable}, func() bool { return true })
	auth := apikey.NewAuthenticator(cache, f.Now)
	if _, _, err := auth.Authenticate(t.Context(), created.Key.ClientID, created.Secret); !errors.Is(err, apikey.ErrUnavailable) || errors.Is(err, apikey.ErrInvalidClient) {
		t.Errorf("the error is %v", err)
	}
	id := created.Key.ClientID
	for _, other := range []string{"nobody's", id + "0", id[:len(id)-1], id[len("ak_"):], "ak-" + id[len("ak_"):], id[:9] + "-" + id[10:]} {
		if _, _, err := auth.Authenticate(t.Context(), other, created.Secret); !errors.Is(err, apikey.ErrInvalidClient) {
			t.Errorf("%s can't be anyone's, and needs no store: %v", other, err)
		}
	}
}

// failingStore fails every lookup while err is set.
type failingStore struct {
	apikey.Store
	err     error
	lookups int
}

func (s *failingStore) Lookup(ctx context.Context, clientID string) (apikey.Client, error) {
	s.lookups++
	if s.err != nil {
		return apikey.Client{}, s.err
	}
	return s.Store.Lookup(ctx, clientID)
}

func BenchmarkAuthenticateWarm(b *testing.B) {
	f := newFixture(b)
	created := f.create(b, "Acme")
	id := created.Key.ClientID
	for name, secret := range map[string]string{"right": created.Secret, "wrong": apikey.NewSecret()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, err := f.auth.Authenticate(b.Context(), id, secret)
				if (err == nil) != (name == "right") {
					b.Fatal(err)
				}
			}
		})
	}
}
