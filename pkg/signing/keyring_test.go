package signing_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	admin = eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}
)

// clock returns the time that the test has set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func newBox(t rapid.TB, fill byte) *sealed.Box {
	box, err := sealed.NewBox(bytes.Repeat([]byte{fill}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newKeyring(t rapid.TB, store signing.Store, now func() time.Time) *signing.Keyring {
	keyring, err := signing.NewKeyring(store, newBox(t, 1), nil, now)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

// fixture holds a loaded keyring on a SQLite database.
type fixture struct {
	*signing.Keyring
	clock
	store *sqlstore.Store
	path  string
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	url := sqlstoretest.SQLite(t)
	f := &fixture{path: strings.TrimPrefix(url, "sqlite://"), store: sqlstoretest.Open(t, url)}
	f.set(start)
	f.Keyring = newKeyring(t, f.store, f.Now)
	f.load(t)
	return f
}

func (f *fixture) load(t testing.TB) {
	t.Helper()
	if err := f.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) rotate(t testing.TB, lead time.Duration) {
	t.Helper()
	if err := f.Rotate(t.Context(), lead, admin); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) records(t testing.TB) []signing.Record {
	t.Helper()
	records, err := f.store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// signer returns the kid of the key that signs.
func signer(t rapid.TB, keyring *signing.Keyring) string {
	key, err := keyring.Signer()
	if err != nil {
		t.Fatal(err)
	}
	return key.KID
}

// published returns the kids of the key set, in its order.
func published(t rapid.TB, keyring *signing.Keyring) []string {
	set, err := keyring.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var keys struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set, &keys); err != nil {
		t.Fatal(err)
	}
	kids := make([]string, len(keys.Keys))
	for i, k := range keys.Keys {
		kids[i] = k.KID
	}
	return kids
}

func TestWithoutAKeyNothingIsSignedOrPublished(t *testing.T) {
	keyring := newKeyring(t, nil, time.Now)
	if _, err := keyring.Signer(); !errors.Is(err, signing.ErrNoKey) {
		t.Errorf("Signer: %v", err)
	}
	if _, err := keyring.JWKS(); !errors.Is(err, signing.ErrNoKey) {
		t.Errorf("JWKS: %v", err)
	}
	if err := keyring.Verify("kid", nil, make([]byte, 64)); !errors.Is(err, signing.ErrUnknownKey) {
		t.Errorf("Verify: %v", err)
	}
}

func TestTheFirstKeySignsAtOnce(t *testing.T) {
	f := newFixture(t)
	records := f.records(t)
	if len(records) != 1 || !records[0].NotBefore.Equal(start) || !records[0].RetireAt.IsZero() {
		t.Fatalf("the records are %+v", records)
	}
	if kid := signer(t, f.Keyring); kid != records[0].KID || !slices.Equal(published(t, f.Keyring), []string{kid}) {
		t.Errorf("%s signs, %v are published", kid, published(t, f.Keyring))
	}
	f.load(t)
	if len(f.records(t)) != 1 {
		t.Error("loading again made another key")
	}
}

func TestTheFirstKeySignsAtOnceWhateverTheLead(t *testing.T) {
	f := &fixture{store: sqlstoretest.Open(t, sqlstoretest.SQLite(t))}
	f.set(start)
	f.Keyring = newKeyring(t, f.store, f.Now)
	f.rotate(t, signing.PublishLead)
	signer(t, f.Keyring)
	if r := f.records(t)[0]; !r.NotBefore.Equal(start) {
		t.Errorf("it signs from %v", r.NotBefore)
	}
}

func TestAReplicaWhoseClockIsBehindSignsToo(t *testing.T) {
	f := newFixture(t)
	behind := newKeyring(t, f.store, func() time.Time { return start.Add(-5 * time.Second) })
	if err := behind.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	if kid := signer(t, behind); kid != signer(t, f.Keyring) {
		t.Errorf("%s signs", kid)
	}
}

func TestASuccessorIsPublishedBeforeItSigns(t *testing.T) {
	f := newFixture(t)
	first := signer(t, f.Keyring)
	f.rotate(t, signing.PublishLead)
	kids := published(t, f.Keyring)
	if len(kids) != 2 || kids[0] != first {
		t.Fatalf("%v are published", kids)
	}
	successor := kids[1]

	handover := start.Add(signing.PublishLead)
	retirement := handover.Add(signing.RetireLag)
	steps := []struct {
		at        time.Time
		signer    string
		published []string
	}{
		{start, first, kids},
		{handover.Add(-1), first, kids},
		{handover, successor, kids},
		{retirement.Add(-1), successor, kids},
		{retirement, successor, []string{successor}},
		{retirement.AddDate(0, 1, 0), successor, []string{successor}},
	}
	// With and without loading the keys again in between: which key signs depends on the time alone.
	for _, reload := range []bool{false, true} {
		for _, step := range steps {
			f.set(step.at)
			if reload {
				f.load(t)
			}
			if got := signer(t, f.Keyring); got != step.signer {
				t.Errorf("at %v %s signs, want %s", step.at, got, step.signer)
			}
			if got := published(t, f.Keyring); !slices.Equal(got, step.published) {
				t.Errorf("at %v %v are published, want %v", step.at, got, step.published)
			}
		}
	}
	if err := f.Verify(first, nil, make([]byte, 64)); !errors.Is(err, signing.ErrUnknownKey) {
		t.Errorf("a retired key is not known any more: %v", err)
	}
}

func TestKeysAreRotatedOnSchedule(t *testing.T) {
	f := newFixture(t)
	f.set(start.Add(signing.Period - signing.PublishLead - 1))
	f.load(t)
	if n := len(f.records(t)); n != 1 {
		t.Fatalf("before its time there are %d keys", n)
	}
	f.set(start.Add(signing.Period - signing.PublishLead))
	f.load(t)
	records := f.records(t)
	if len(records) != 2 {
		t.Fatalf("there are %d keys", len(records))
	}
	end := start.Add(signing.Period)
	if !records[1].NotBefore.Equal(end) || !records[0].RetireAt.Equal(end.Add(signing.RetireLag)) || !records[1].RetireAt.IsZero() {
		t.Errorf("the first retires at %v, the second signs from %v", records[0].RetireAt, records[1].NotBefore)
	}
	f.load(t)
	if n := len(f.records(t)); n != 2 {
		t.Errorf("loading again made %d keys", n)
	}
	// After a long outage, the old key goes on signing until verifiers have had time to read the new one.
	f.set(end.Add(2 * signing.Period))
	f.load(t)
	if kid := signer(t, f.Keyring); kid != records[1].KID {
		t.Errorf("after a pause %s signs", kid)
	}
	f.set(end.Add(2*signing.Period + signing.PublishLead))
	if kid := signer(t, f.Keyring); kid == records[1].KID {
		t.Error("the key of before the pause signs on")
	}
}

// TestAKeyOfAClockThatWasAheadHoldsNoRotationUp: a key that was created by a clock far ahead must not delay the rotation, whether
// it stays or is revoked.
func TestAKeyOfAClockThatWasAheadHoldsNoRotationUp(t *testing.T) {
	const ahead = 400 * 24 * time.Hour
	for name, revoked := range map[string]bool{"it stays": false, "it is revoked": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := signer(t, f.Keyring)
			f.set(start.Add(ahead))
			f.load(t)
			last := f.records(t)[1]
			f.set(start.Add(time.Minute))
			f.load(t)
			began := start
			if revoked {
				if err := f.Revoke(t.Context(), last.KID, admin); err != nil {
					t.Fatal(err)
				}
				began = start.Add(time.Minute + signing.PublishLead) // its successor's turn
				f.set(began)
				first = signer(t, f.Keyring)
			}
			keys := len(f.records(t))
			f.set(began.Add(signing.Period - signing.PublishLead - 1))
			if f.load(t); signer(t, f.Keyring) != first || len(f.records(t)) != keys {
				t.Fatalf("before its time %s signs, of %d keys", signer(t, f.Keyring), len(f.records(t)))
			}
			f.set(began.Add(signing.Period - signing.PublishLead))
			if f.load(t); signer(t, f.Keyring) != first || len(f.records(t)) != keys+1 {
				t.Fatalf("%s signs, of %d keys", signer(t, f.Keyring), len(f.records(t)))
			}
			f.set(began.Add(signing.Period))
			if kid := signer(t, f.Keyring); kid == first || kid == last.KID {
				t.Errorf("after its period %s signs", kid)
			}
			f.set(began.Add(signing.Period + signing.RetireLag))
			if f.load(t); f.Published(first) || len(f.records(t)) != keys+1 {
				t.Errorf("the key of before is published: %t; there are %d keys", f.Published(first), len(f.records(t)))
			}
		})
	}
}

// TestAReplicaWhoseClockIsFarBehindEndsNoKey: a replica may have started before its clock was set.
func TestAReplicaWhoseClockIsFarBehindEndsNoKey(t *testing.T) {
	f := newFixture(t)
	f.set(start.Add(signing.Period - signing.PublishLead))
	f.load(t)
	before := f.records(t)
	for _, at := range []time.Time{{}, start.Add(-48 * time.Hour), start.Add(signing.Period - 48*time.Hour)} {
		if err := newKeyring(t, f.store, func() time.Time { return at }).Load(t.Context(), admin); err != nil {
			t.Fatal(err)
		}
		if now := f.records(t); !reflect.DeepEqual(now, before) {
			t.Errorf("at %v it made %+v of %+v", at, now, before)
		}
	}
}

func TestARotationIsLogged(t *testing.T) {
	f := newFixture(t)
	f.rotate(t, time.Hour)
	events, err := f.store.After(t.Context(), 0, 100)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	records := f.records(t)
	for i, e := range events {
		if e.Action != eventlog.SigningKeyCreated || e.Actor != admin || e.TenancyID != "" ||
			e.Subject != (eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: records[i].KID}) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

func TestSigningAtOnceOverrulesAKeyThatWaits(t *testing.T) {
	f := newFixture(t)
	f.rotate(t, signing.PublishLead)
	waiting := published(t, f.Keyring)[1]
	f.set(start.Add(10 * time.Minute))
	f.rotate(t, 0)
	urgent := signer(t, f.Keyring)
	if urgent == waiting {
		t.Fatal("the waiting key signs before its time")
	}
	for _, after := range []time.Duration{time.Hour, 24 * time.Hour, 30 * time.Hour, 50 * 24 * time.Hour} {
		f.set(start.Add(after))
		f.load(t)
		if kid := signer(t, f.Keyring); kid != urgent {
			t.Errorf("%v later %s signs, want the newest key", after, kid)
		}
	}
}

// TestATokensKeyIsPublishedUntilItExpires rotates at random. Whatever happens, a key that signs a token is already published, and
// stays published for the longest lifespan of a token.
func TestATokensKeyIsPublishedUntilItExpires(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store := &memoryStore{}
		var now clock
		now.set(start)
		keyring := newKeyring(rt, store, now.Now)
		ctx := t.Context()
		if err := keyring.Load(ctx, admin); err != nil {
			rt.Fatal(err)
		}
		signedUntil := map[string]time.Time{}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			var err error
			switch rapid.SampledFrom([]string{"load", "rotate", "rotate now"}).Draw(rt, "what") {
			case "load":
				err = keyring.Load(ctx, admin)
			case "rotate":
				err = keyring.Rotate(ctx, signing.PublishLead, admin)
			case "rotate now":
				err = keyring.Rotate(ctx, 0, admin)
			}
			if err != nil {
				rt.Fatal(err)
			}
			for range 3 {
				kids := published(rt, keyring)
				for kid, until := range signedUntil {
					if now.Now().Before(until) && !slices.Contains(kids, kid) {
						rt.Fatalf("%s has signed a token that lives until %v; at %v only %v are published", kid, until, now.Now(), kids)
					}
				}
				kid := signer(rt, keyring)
				if !slices.Contains(kids, kid) {
					rt.Fatalf("%s signs and is not published", kid)
				}
				signedUntil[kid] = now.Now().Add(24 * time.Hour)
				step := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 7 * time.Hour, 25 * time.Hour, 89 * 24 * time.Hour}).Draw(rt, "pause")
				now.set(now.Now().Add(step))
			}
		}
	})
}

// memoryStore keeps records without a database, so that a property test can make many runs.
type memoryStore struct{ records []signing.Record }

func (s *memoryStore) SigningKeys(context.Context) ([]signing.Record, error) { return s.records, nil }

func (s *memoryStore) ChangeSigningKeys(_ context.Context, change func([]signing.Record) (*signing.Change, error)) error {
	c, err := change(slices.Clone(s.records))
	if err != nil || c == nil {
		return err
	}
	for i, r := range s.records {
		if end, ok := c.RetireAt[r.KID]; ok {
			s.records[i].RetireAt = end
		}
	}
	if c.Add != nil {
		s.records = append(s.records, *c.Add)
	}
	slices.SortFunc(s.records, func(a, b signing.Record) int { return a.NotBefore.Compare(b.NotBefore) })
	return nil
}

func TestReplicasThatStartTogetherMakeOneKey(t *testing.T) {
	url := sqlstoretest.SQLite(t)
	stores := []*sqlstore.Store{sqlstoretest.Open(t, url), sqlstoretest.Open(t, url)}
	const replicas = 6
	keyrings := make([]*signing.Keyring, replicas)
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range replicas {
		keyrings[i] = newKeyring(t, stores[i%2], func() time.Time { return start })
		group.Go(func() {
			<-begin
			if err := keyrings[i].Load(t.Context(), admin); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	group.Wait()
	kids := map[string]bool{}
	for _, keyring := range keyrings {
		kids[signer(t, keyring)] = true
	}
	if len(kids) != 1 {
		t.Errorf("%v sign", slices.Collect(maps.Keys(kids)))
	}
}

func TestAnotherMasterKeyIsNoticed(t *testing.T) {
	f := newFixture(t)
	other, err := signing.NewKeyring(f.store, newBox(t, 2), nil, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Load(t.Context(), admin); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("the error is %v", err)
	}
	if _, err := other.Signer(); !errors.Is(err, signing.ErrNoKey) {
		t.Errorf("and then Signer: %v", err)
	}
	if err := other.Rotate(t.Context(), 0, admin); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("on rotation the error is %v", err)
	}
	if err := other.Revoke(t.Context(), signer(t, f.Keyring), admin); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("on revocation the error is %v", err)
	}
	f.set(start.Add(signing.Period)) // when a successor is due
	if err := other.Load(t.Context(), admin); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("when a successor is due the error is %v", err)
	}
	if len(f.records(t)) != 1 {
		t.Error("a key was made under the other master key")
	}
	f.load(t)
}

// alteredStore alters the records that it reads.
type alteredStore struct {
	signing.Store
	alter func([]signing.Record) error
}

func (s *alteredStore) SigningKeys(ctx context.Context) ([]signing.Record, error) {
	records, err := s.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	return records, s.alter(records)
}

func TestAPrivateHalfIsBoundToItsKey(t *testing.T) {
	f := newFixture(t)
	f.rotate(t, time.Hour)
	swapped := newKeyring(t, &alteredStore{f.store, func(records []signing.Record) error {
		records[0].Private, records[1].Private = records[1].Private, records[0].Private
		return nil
	}}, f.Now)
	if err := swapped.Load(t.Context(), admin); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("the error is %v", err)
	}
}

// unwritableStore can be read, but not written.
type unwritableStore struct {
	signing.Store
	err error
}

func (s *unwritableStore) ChangeSigningKeys(context.Context, func([]signing.Record) (*signing.Change, error)) error {
	return s.err
}

func TestWhatCantBeWrittenIsNotDone(t *testing.T) {
	f := newFixture(t)
	store := &unwritableStore{f.store, errors.New("read-only")}
	keyring := newKeyring(t, store, f.Now)
	f.set(start.Add(signing.Period - signing.PublishLead)) // when a successor is due
	for name, err := range map[string]error{
		"load": keyring.Load(t.Context(), admin), "rotate": keyring.Rotate(t.Context(), 0, admin), "revoke": keyring.Revoke(t.Context(), f.signer(t), admin),
	} {
		if !errors.Is(err, store.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeysAreLoadedWithoutWriting: a key that other replicas made must not wait for its turn to write, nor for a database that can
// only be read at the moment. So keys are in use even where their successor can't be stored.
func TestKeysAreLoadedWithoutWriting(t *testing.T) {
	f := newFixture(t)
	down := errors.New("read-only")
	keyring := newKeyring(t, &unwritableStore{f.store, down}, f.Now)
	if err := keyring.Load(t.Context(), admin); err != nil || signer(t, keyring) != signer(t, f.Keyring) {
		t.Errorf("when no key is due: %v", err)
	}
	f.set(start.Add(signing.Period - signing.PublishLead))
	keyring = newKeyring(t, &unwritableStore{f.store, down}, f.Now)
	if err := keyring.Load(t.Context(), admin); !errors.Is(err, down) || signer(t, keyring) != signer(t, f.Keyring) {
		t.Errorf("when a successor is due: %v", err)
	}
}

func TestAFailedLoadingKeepsTheKeys(t *testing.T) {
	f := newFixture(t)
	kid := signer(t, f.Keyring)
	down := errors.New("down")
	fails := false
	keyring := newKeyring(t, &alteredStore{f.store, func([]signing.Record) error {
		if fails {
			return down
		}
		return nil
	}}, f.Now)
	if err := keyring.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	fails = true
	if err := keyring.Load(t.Context(), admin); !errors.Is(err, down) {
		t.Errorf("the error is %v", err)
	}
	if signer(t, keyring) != kid {
		t.Error("the key is lost")
	}
}

func TestNoPrivateHalfIsInTheDatabaseInPlain(t *testing.T) {
	f := newFixture(t)
	record := f.records(t)[0]
	der, err := newBox(t, 1).Open(record.Private, []byte("signing-key\x00"+record.KID))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", parsed)
	}
	scalar, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(f.path + suffix)
		if err != nil && suffix == "" {
			t.Fatal(err)
		}
		found = found || bytes.Contains(content, record.Private)
		if bytes.Contains(content, scalar) {
			t.Errorf("apikeys.db%s holds the private half", suffix)
		}
	}
	if !found {
		t.Error("the database does not even hold the sealed half: nothing was looked at")
	}
}

func TestTheKeySetHoldsPublicMembersOnly(t *testing.T) {
	f := newFixture(t)
	f.rotate(t, time.Hour)
	text, err := f.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set map[string][]map[string]string
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	if len(set) != 1 || len(set["keys"]) != 2 {
		t.Fatalf("the key set is %s", text)
	}
	for _, key := range set["keys"] {
		if members := slices.Sorted(maps.Keys(key)); !slices.Equal(members, []string{"alg", "crv", "kid", "kty", "use", "x", "y"}) {
			t.Errorf("a key has the members %v", members)
		}
		if key["alg"] != "ES256" || key["crv"] != "P-256" || key["kty"] != "EC" || key["use"] != "sig" || len(key["x"]) != 43 || len(key["y"]) != 43 {
			t.Errorf("a key is %v", key)
		}
	}
}

func TestSignaturesVerifyByThePublishedKey(t *testing.T) {
	f := newFixture(t)
	key, err := f.Signer()
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	parsed, ok := set.LookupKeyID(key.KID)
	if !ok {
		t.Fatal("the signer is not published")
	}
	var public ecdsa.PublicKey
	if err := parsed.Raw(&public); err != nil {
		t.Fatal(err)
	}
	for i := range 50 { // often enough to get numbers that begin with zeros
		data := bytes.Repeat([]byte{byte(i)}, i)
		signature, err := f.Sign(key, data)
		if err != nil || len(signature) != 64 {
			t.Fatalf("%d bytes, %v", len(signature), err)
		}
		digest := sha256.Sum256(data)
		if !ecdsa.Verify(&public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
			t.Fatal("the signature does not verify by the published key")
		}
		if err := f.Verify(key.KID, data, signature); err != nil {
			t.Fatal(err)
		}
		signature[i] ^= 1
		if f.Verify(key.KID, data, signature) == nil || f.Verify(key.KID, data, signature[:63]) == nil || f.Verify(key.KID, data, nil) == nil {
			t.Fatal("a wrong signature verifies")
		}
	}
	if err := f.Verify("another", nil, make([]byte, 64)); !errors.Is(err, signing.ErrUnknownKey) {
		t.Errorf("by an unknown key: %v", err)
	}
}

// observedStore signals each reading of the keys.
type observedStore struct {
	signing.Store
	read chan struct{}
}

func (s *observedStore) SigningKeys(ctx context.Context) ([]signing.Record, error) {
	records, err := s.Store.SigningKeys(ctx)
	select {
	case s.read <- struct{}{}:
	case <-ctx.Done():
	}
	return records, err
}

func TestRunFollowsWhatOtherReplicasDo(t *testing.T) {
	f := newFixture(t)
	observed := &observedStore{f.store, make(chan struct{})}
	other := newKeyring(t, observed, f.Now)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		other.Run(ctx)
	}()
	f.rotate(t, time.Hour)
	want := published(t, f.Keyring)
	events, err := f.store.After(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	// The second reading begins after what the first one read is in use.
	for range 2 {
		other.Apply(events[len(events)-1])
		<-observed.read
	}
	if got := published(t, other); !slices.Equal(got, want) {
		t.Errorf("the other replica publishes %v, want %v", got, want)
	}
	cancel()
	<-done
}

// countingStore counts the loadings, which fail while down is set.
type countingStore struct {
	keyStore
	loadings atomic.Int32
	down     atomic.Bool
}

func (s *countingStore) SigningKeys(ctx context.Context) ([]signing.Record, error) {
	s.loadings.Add(1)
	if s.down.Load() {
		return nil, errors.New("down")
	}
	return s.keyStore.SigningKeys(ctx)
}

func TestKeysAreLoadedForTheirEventsAloneUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{}
		keyring := newKeyring(t, store, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := keyring.Load(ctx, admin); err != nil {
			t.Fatal(err)
		}
		store.loadings.Store(0)
		go keyring.Run(ctx)
		happen := func(kind eventlog.SubjectKind, action eventlog.Action) {
			keyring.Apply(eventlog.Event{Draft: eventlog.Draft{Action: action, Subject: eventlog.Subject{Kind: kind, ID: "id"}}})
		}
		wantLoadings := func(when string, after time.Duration, want int32) {
			t.Helper()
			<-time.After(after) // by the bubble's clock, which moves when all goroutines wait
			synctest.Wait()
			if got := store.loadings.Swap(0); got != want {
				t.Errorf("%s: the keys were loaded %d times, not %d", when, got, want)
			}
		}
		happen(eventlog.SubjectAPIKey, eventlog.APIKeyCreated)
		wantLoadings("another kind of event", 0, 0)
		store.down.Store(true)
		happen(eventlog.SubjectSigningKey, eventlog.SigningKeyCreated)
		wantLoadings("while the store is down", 0, 1)
		store.down.Store(false)
		wantLoadings("afterwards", 2*time.Second, 1)
		wantLoadings("and then", 20*time.Second, 0)
	})
}
