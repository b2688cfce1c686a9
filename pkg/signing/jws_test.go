package signing_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
)

// keyStore keeps signing keys in memory.
type keyStore struct {
	records []signing.Record
	err     error
}

func (s *keyStore) SigningKeys(context.Context) ([]signing.Record, error) { return s.records, s.err }

func (s *keyStore) ChangeSigningKeys(_ context.Context, change func([]signing.Record) (*signing.Change, error)) error {
	changed, err := change(s.records)
	if err != nil || changed == nil {
		return err
	}
	for i := range s.records {
		if end, ok := changed.RetireAt[s.records[i].KID]; ok {
			s.records[i].RetireAt = end
		}
	}
	if changed.Add != nil {
		s.records = append(s.records, *changed.Add)
	}
	return nil
}

func TestWhatWasSignedVerifiesWhenItsKeyHasRetired(t *testing.T) {
	store, now := &keyStore{}, time.Date(2030, 3, 1, 12, 0, 0, 0, time.UTC)
	box, err := sealed.NewBox(bytes.Repeat([]byte{7}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := signing.NewKeyring(store, box, nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.SignJWS("note+jwt", "early"); !errors.Is(err, signing.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if err := keyring.Load(t.Context(), eventlog.Service); err != nil {
		t.Fatal(err)
	}
	jws, err := keyring.SignJWS("note+jwt", map[string]string{"says": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	signed := jws.Compact()
	for range 3 {
		now = now.Add(200 * 24 * time.Hour)
		if err := keyring.Rotate(t.Context(), 0, eventlog.Actor{}); err != nil {
			t.Fatal(err)
		}
	}
	var note struct{ Says string }
	if err := keyring.VerifyStoredJWS(t.Context(), "note+jwt", signed, &note); err != nil || note.Says != "hello" {
		t.Errorf("it says %q: %v", note.Says, err)
	}

	parts := strings.Split(signed, ".")
	encode := base64.RawURLEncoding.EncodeToString
	header := func(text string) string { return encode([]byte(text)) + "." + parts[1] + "." + parts[2] }
	key, err := keyring.Signer()
	if err != nil {
		t.Fatal(err)
	}
	// sign uses the real key, so that the signature is not what is wrong.
	sign := func(header, payload string) string {
		text := encode([]byte(header)) + "." + encode([]byte(payload))
		signature, err := keyring.Sign(key, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + encode(signature)
	}
	good := `{"alg":"ES256","kid":"` + key.KID + `","typ":"note+jwt"}`
	if err := keyring.VerifyStoredJWS(t.Context(), "note+jwt", sign(good, `{"says":"bye"}`), &note); err != nil || note.Says != "bye" {
		t.Errorf("by the last of several keys it says %q: %v", note.Says, err)
	}
	for name, forged := range map[string]string{
		"empty":               "",
		"two parts":           parts[0] + "." + parts[1],
		"four parts":          signed + ".x",
		"padding":             signed + "=",
		"another payload":     parts[0] + "." + encode([]byte(`{"says":"bye"}`)) + "." + parts[2],
		"no signature":        parts[0] + "." + parts[1] + ".",
		"another signature":   parts[0] + "." + parts[1] + "." + encode(make([]byte, 64)),
		"another key's":       header(`{"alg":"ES256","kid":"` + store.records[1].KID + `","typ":"note+jwt"}`),
		"an unknown key's":    header(`{"alg":"ES256","kid":"x","typ":"note+jwt"}`),
		"another type":        sign(strings.Replace(good, "note", "at", 1), `{}`),
		"without algorithm":   sign(strings.Replace(good, "ES256", "none", 1), `{}`),
		"another algorithm":   sign(strings.Replace(good, "ES256", "HS256", 1), `{}`),
		"a critical header":   sign(strings.Replace(good, "}", `,"crit":["b64"],"b64":false}`, 1), `{}`),
		"a header of no JSON": header(`x`),
		"a payload of none":   sign(good, `x`),
	} {
		if err := keyring.VerifyStoredJWS(t.Context(), "note+jwt", forged, &note); !errors.Is(err, signing.ErrInvalidJWS) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := keyring.VerifyStoredJWS(t.Context(), "other+jwt", signed, &note); !errors.Is(err, signing.ErrInvalidJWS) {
		t.Errorf("taken for something else: %v", err)
	}
	store.err = errors.New("down")
	if err := keyring.VerifyStoredJWS(t.Context(), "note+jwt", signed, &note); !errors.Is(err, store.err) {
		t.Errorf("while the store is down: %v", err)
	}
}
