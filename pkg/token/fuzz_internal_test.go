package token

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
)

// keysInMemory replaces a database, whose code would have to be compiled with the instrumentation for fuzzing.
type keysInMemory struct{ records []signing.Record }

func (k *keysInMemory) SigningKeys(context.Context) ([]signing.Record, error) { return k.records, nil }

func (k *keysInMemory) ChangeSigningKeys(_ context.Context, change func([]signing.Record) (*signing.Change, error)) error {
	c, err := change(k.records)
	if err == nil && c != nil && c.Add != nil {
		k.records = append(k.records, *c.Add)
	}
	return err
}

// FuzzRead: only the very token that was issued is accepted, and everything else is refused as invalid.
func FuzzRead(f *testing.F) {
	box, err := sealed.NewBox(bytes.Repeat([]byte{1}, sealed.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	keyring, err := signing.NewKeyring(&keysInMemory{}, box, nil, now)
	if err != nil {
		f.Fatal(err)
	}
	if err := keyring.Load(f.Context(), eventlog.Service); err != nil {
		f.Fatal(err)
	}
	issuer := NewIssuer(keyring, "https://keys.example.com", "https://api.example.com", now)
	prepared, err := issuer.Prepare(Grant{
		ClientID: "ak_client", TenancyID: "tenancy", Scopes: scope.NewSet("cca:admin", "lighthouse.drafts:readonly"), Generation: 7, Lifespan: time.Hour,
	})
	if err != nil {
		f.Fatal(err)
	}
	raw, err := issuer.Issue(f.Context(), prepared)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := issuer.Read(f.Context(), raw); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{raw, "", ".", "..", "...", raw[:len(raw)-1], raw + "=", strings.ToUpper(raw), "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if claims, err := issuer.Read(t.Context(), text); err == nil && text != raw {
			t.Errorf("%q is accepted as %+v", text, claims)
		} else if err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("the error is %v", err)
		}
	})
}
