package signing_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
	"github.com/piercloud/apikeys/pkg/signing"
)

// revoke revokes the key that signs, and returns its kid.
func (f *fixture) revoke(t *testing.T) string {
	t.Helper()
	kid := f.signer(t)
	if err := f.Revoke(t.Context(), kid, admin); err != nil {
		t.Fatal(err)
	}
	return kid
}

func (f *fixture) signer(t *testing.T) string {
	t.Helper()
	key, err := f.Signer()
	if err != nil {
		t.Fatal(err)
	}
	return key.KID
}

// TestARevokedKeyIsGoneAndAnotherSigns: whichever other keys there are. The revoked key stays gone when new ones are created.
func TestARevokedKeyIsGoneAndAnotherSigns(t *testing.T) {
	tests := map[string]func(t *testing.T, f *fixture){
		"the only one":            func(*testing.T, *fixture) {},
		"with a successor":        func(t *testing.T, f *fixture) { f.rotate(t, signing.PublishLead) },
		"with one that has ended": func(t *testing.T, f *fixture) { f.rotate(t, 0) },
		"with one that retires and one that waits": func(t *testing.T, f *fixture) {
			f.set(start.Add(10 * time.Hour))
			f.rotate(t, 0)
			f.set(start.Add(20 * time.Hour))
			f.rotate(t, signing.PublishLead)
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			prepare(t, f)
			before := f.records(t)
			revoked := f.revoke(t)
			for _, r := range before {
				if f.signer(t) == r.KID && !r.RetireAt.IsZero() {
					t.Error("a key that retires signs again")
				}
			}
			begun := f.Now()
			for _, after := range []time.Duration{0, 2 * time.Hour, 25 * time.Hour, 2 * signing.Period} {
				f.set(begun.Add(after))
				f.load(t)
				f.rotate(t, signing.PublishLead)
				if f.Published(revoked) || f.Verify(revoked, nil, nil) == nil {
					t.Errorf("after %v the revoked key counts", after)
				}
				if now := f.signer(t); now == revoked || !f.Published(now) {
					t.Errorf("after %v %s signs", after, now)
				}
			}
			if head, err := eventlog.Verify(t.Context(), f.store, eventlog.EmptyHead()); err != nil || head.Seq < 2 {
				t.Errorf("the log: %d, %v", head.Seq, err)
			}
		})
	}
}

// TestAKeyThatIsRevokedBeforeItsTurnGetsASuccessor: otherwise no key would sign when its turn comes.
func TestAKeyThatIsRevokedBeforeItsTurnGetsASuccessor(t *testing.T) {
	f := newFixture(t)
	first := f.signer(t)
	f.rotate(t, signing.PublishLead)
	records, err := f.store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := records[1].KID
	if err := f.Revoke(t.Context(), next, admin); err != nil {
		t.Fatal(err)
	}
	if f.signer(t) != first {
		t.Error("the key whose turn it is does not sign")
	}
	f.set(start.Add(3 * time.Hour))
	f.load(t)
	if now := f.signer(t); now == first || now == next {
		t.Errorf("when the turn of the revoked key has come, %s signs", now)
	}
}

func TestAKeyThatOnlyRetiresNeedsNoSuccessor(t *testing.T) {
	f := newFixture(t)
	first := f.signer(t)
	f.rotate(t, 0)
	signer := f.signer(t)
	if err := f.Revoke(t.Context(), first, admin); err != nil {
		t.Fatal(err)
	}
	if keys := f.records(t); len(keys) != 2 || f.signer(t) != signer {
		t.Errorf("there are %d keys, and %s signs", len(keys), f.signer(t))
	}
}

// TestAKeyGoesOnWhenItsSuccessorIsRevoked: an older key must not sign instead, because it would not stay published for as long as
// its new tokens live.
func TestAKeyGoesOnWhenItsSuccessorIsRevoked(t *testing.T) {
	f := newFixture(t)
	f.set(start.Add(time.Hour))
	f.rotate(t, 0)
	second := f.signer(t)
	f.set(start.Add(10 * time.Hour))
	f.rotate(t, signing.PublishLead)
	f.set(start.Add(10*time.Hour + 30*time.Minute))
	if err := f.Revoke(t.Context(), f.records(t)[2].KID, admin); err != nil {
		t.Fatal(err)
	}
	last := start.Add(11*time.Hour + 29*time.Minute) // when the revoked key would sign already, and its successor does not yet
	f.set(last)
	f.load(t)
	if f.signer(t) != second {
		t.Error("the key whose successor was revoked does not sign")
	}
	f.set(last.Add(24 * time.Hour))
	f.load(t)
	if !f.Published(second) {
		t.Error("a key is not published any more while a token that it signed lives")
	}
}

// TestAKeyThatAWrongMasterKeySealedCanBeRevoked: until it is revoked, no replica can load any key.
func TestAKeyThatAWrongMasterKeySealedCanBeRevoked(t *testing.T) {
	f := newFixture(t)
	first := f.signer(t)
	other, err := signing.NewKeyring(f.store, newBox(t, 2), nil, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	stray, err := other.Generate()
	if err != nil {
		t.Fatal(err)
	}
	err = f.store.ChangeSigningKeys(t.Context(), func([]signing.Record) (*signing.Change, error) {
		return &signing.Change{Add: &stray, RetireAt: map[string]time.Time{first: start}, Event: eventlog.Draft{
			At: start, Action: eventlog.SigningKeyCreated, Actor: admin, Subject: eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: stray.KID},
		}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load(t.Context(), admin); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("before: %v", err)
	}
	if err := f.Revoke(t.Context(), stray.KID, admin); err != nil {
		t.Fatal(err)
	}
	f.load(t)
	if now := f.signer(t); now == first || now == stray.KID {
		t.Errorf("%s signs", now)
	}
}

func TestOnlyPublishedKeysAreRevoked(t *testing.T) {
	f := newFixture(t)
	revoked := f.revoke(t)
	for _, kid := range []string{"", "none", revoked} {
		if err := f.Revoke(t.Context(), kid, admin); !errors.Is(err, signing.ErrUnknownKey) {
			t.Errorf("%q: %v", kid, err)
		}
	}
}

// revocation returns the event of the only revocation.
func (f *fixture) revocation(t *testing.T) eventlog.Event {
	t.Helper()
	events, err := f.store.After(t.Context(), 1, 10)
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	return events[0]
}

// TestAReplicaForgetsARevokedKeyWithTheEvent: the event is enough, and the store is not read.
func TestAReplicaForgetsARevokedKeyWithTheEvent(t *testing.T) {
	f := newFixture(t)
	other, empty := newKeyring(t, f.store, f.Now), newKeyring(t, f.store, f.Now)
	if err := other.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	revoked := f.revoke(t)
	for name, keyring := range map[string]*signing.Keyring{"with that key alone": other, "before it has loaded any": empty} {
		keyring.Apply(f.revocation(t))
		if keyring.Published(revoked) {
			t.Errorf("%s: it is trusted still", name)
		}
		if key, err := keyring.Signer(); !errors.Is(err, signing.ErrNoKey) {
			t.Errorf("%s: %+v signs, %v", name, key, err)
		}
		if set, err := keyring.JWKS(); !errors.Is(err, signing.ErrNoKey) {
			t.Errorf("%s: %s is published, %v", name, set, err)
		}
	}
}

// TestARevokedKeyIsGoneWhereTheClockIsBehind: whether the replica was running when the key was revoked or has just started.
func TestARevokedKeyIsGoneWhereTheClockIsBehind(t *testing.T) {
	f := newFixture(t)
	behind := func() time.Time { return f.Now().Add(-time.Second) }
	there := newKeyring(t, f.store, behind)
	if err := there.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	revoked := f.revoke(t)
	there.Apply(f.revocation(t))
	for name, keyring := range map[string]*signing.Keyring{"there": there, "started": newKeyring(t, f.store, behind)} {
		if err := keyring.Load(t.Context(), admin); err != nil {
			t.Fatal(err)
		}
		if key, err := keyring.Signer(); err != nil || key.KID == revoked || keyring.Published(revoked) {
			t.Errorf("%s: %s signs, %v; the revoked key counts: %v", name, key.KID, err, keyring.Published(revoked))
		}
	}
}

// TestAReadingThatBeganBeforeARevocationDoesNotBringTheKeyBack: the database's answer may still have been on its way.
func TestAReadingThatBeganBeforeARevocationDoesNotBringTheKeyBack(t *testing.T) {
	f := newFixture(t)
	meanwhile := func() {}
	other := newKeyring(t, &alteredStore{f.store, func([]signing.Record) error {
		meanwhile()
		return nil
	}}, f.Now)
	if err := other.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	var revoked string
	meanwhile = func() {
		revoked = f.revoke(t)
		other.Apply(f.revocation(t))
	}
	if err := other.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	if other.Published(revoked) {
		t.Error("it is trusted again")
	}
}

// TestALateAnswerDoesNotTakeTheSuccessorAway: an answer that was on its way since before the revocation must not replace the keys
// that were read after it, or no key would be left to sign.
func TestALateAnswerDoesNotTakeTheSuccessorAway(t *testing.T) {
	f := newFixture(t)
	meanwhile := func() {}
	store := &alteredStore{f.store, func([]signing.Record) error {
		meanwhile()
		return nil
	}}
	other, err := signing.NewKeyring(store, newBox(t, 1), func() bool { return false }, f.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Load(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	f.set(start.Add(2 * eventlog.StalenessMax))
	meanwhile = func() {
		meanwhile = func() {}
		f.revoke(t)
		other.Apply(f.revocation(t))
		if err := other.Load(t.Context(), admin); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := f.signer(t); signer(t, other) != want || !slices.Equal(published(t, other), []string{want}) {
		t.Errorf("%s signs and %v are published, want %s", signer(t, other), published(t, other), want)
	}
}

func TestWithoutAPublishedKeyNoneSigns(t *testing.T) {
	ended := signing.Record{KID: "kid", NotBefore: start, RetireAt: start.Add(time.Hour)}
	if got := signing.States([]signing.Record{ended}, start.Add(time.Hour)); got[0] != signing.Revoked {
		t.Errorf("it is %s", got[0])
	}
}

// TestAStateTellsWhatBecomesOfAKey goes through everything that can be done to keys.
func TestAStateTellsWhatBecomesOfAKey(t *testing.T) {
	f := newFixture(t)
	rotate := func(lead time.Duration) func() { return func() { f.rotate(t, lead) } }
	for _, step := range []struct {
		name  string
		after time.Duration // since the start
		do    func()
		want  []signing.State // in the order of NotBefore
	}{
		{"the first", 0, func() {}, []signing.State{signing.Signs}},
		{"a successor is made", 0, rotate(signing.PublishLead), []signing.State{signing.Signs, signing.Waits}},
		{"its turn has come", time.Hour, func() {}, []signing.State{signing.Retiring, signing.Signs}},
		{"the first has ended", 26 * time.Hour, func() {}, []signing.State{signing.Retired, signing.Signs}},
		{"another successor is made", 30 * time.Hour, rotate(signing.PublishLead), []signing.State{signing.Retired, signing.Signs, signing.Waits}},
		{"one overrules it", 30 * time.Hour, rotate(0), []signing.State{signing.Retired, signing.Retiring, signing.Signs, signing.Retiring}},
		{"it is revoked", 30*time.Hour + time.Minute, func() { f.revoke(t) }, []signing.State{signing.Retired, signing.Retiring, signing.Revoked, signing.Signs, signing.Retiring}},
		{"the others have ended", 60 * time.Hour, func() {}, []signing.State{signing.Retired, signing.Retired, signing.Revoked, signing.Signs, signing.Retired}},
	} {
		f.set(start.Add(step.after))
		step.do()
		if got := signing.States(f.records(t), f.Now()); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
}
