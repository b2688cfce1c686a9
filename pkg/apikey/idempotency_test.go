package apikey_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/sealed"
)

func (f *fixture) total(t testing.TB) int {
	t.Helper()
	page, err := f.List(t.Context(), ana(), apikey.Query{Page: 1, PageSize: 1, SortBy: apikey.SortByName})
	if err != nil {
		t.Fatal(err)
	}
	return page.Total
}

func TestARepeatedCreateGetsTheFirstAnswer(t *testing.T) {
	f := newFixture(t)
	d := draft("Acme", "cca:admin", "spot:editor")
	first, err := f.Create(t.Context(), ana(), d, "once")
	if err != nil {
		t.Fatal(err)
	}
	f.advance(time.Hour)
	d.Name = " Acme\t" // the same name
	again, err := f.Create(t.Context(), ana(), d, "once")
	if err != nil {
		t.Fatal(err)
	}
	assertKey(t, again.Key, first.Key)
	if again.Secret != first.Secret || !f.works(t, again.Key.ClientID, again.Secret) {
		t.Error("the secret is another one, or does not work")
	}
	if _, n := f.lastEvent(t); n != 1 || f.total(t) != 1 {
		t.Errorf("%d keys, %d events", f.total(t), n)
	}
}

func TestAnIdempotencyKeyIsForOneBody(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Create(t.Context(), ana(), draft("Acme"), "once"); err != nil {
		t.Fatal(err)
	}
	alterations := []func(*apikey.Draft){
		func(d *apikey.Draft) { d.Name = "Acme 2" },
		func(d *apikey.Draft) { d.Description = "" },
		func(d *apikey.Draft) { d.Scopes = []string{"cca:admin"} },
		func(d *apikey.Draft) { d.Lifespan.Value = 2 },
		func(d *apikey.Draft) { d.Lifespan.Unit = apikey.Minutes },
	}
	for i, alter := range alterations {
		d := draft("Acme")
		alter(&d)
		if _, err := f.Create(t.Context(), ana(), d, "once"); !errors.Is(err, apikey.ErrIdempotencyMismatch) {
			t.Errorf("alteration %d: %v", i, err)
		}
	}
	if f.total(t) != 1 {
		t.Errorf("%d keys", f.total(t))
	}
}

func TestAnIdempotencyKeyBelongsToItsCaller(t *testing.T) {
	f := newFixture(t)
	first, err := f.Create(t.Context(), ana(), draft("Acme"), "once")
	if err != nil {
		t.Fatal(err)
	}
	bruno, machine := ana(), program("cca:readonly")
	bruno.Actor.ID = "operator-2"
	machine.Actor.ID = ana().Actor.ID // same ID as ana, but another kind of actor
	for name, caller := range map[string]apikey.Caller{"Bruno": bruno, "Machine": machine, "Stranger": stranger()} {
		created, err := f.Create(t.Context(), caller, draft(name), "once")
		if err != nil || created.Secret == first.Secret || created.Key.Name != name {
			t.Errorf("%s: %q, %v", name, created.Key.Name, err)
		}
	}
}

func TestAnAnswerIsKeptFor24Hours(t *testing.T) {
	for name, purge := range map[string]bool{"purged": true, "not purged yet": false} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first, err := f.Create(t.Context(), ana(), draft("Acme"), "once")
			if err != nil {
				t.Fatal(err)
			}
			f.advance(24 * time.Hour)
			if purge {
				f.PurgeAnswers(t.Context(), f.Now())
			}
			again, err := f.Create(t.Context(), ana(), draft("Acme"), "once")
			if err != nil || again.Secret != first.Secret {
				t.Fatalf("after 24 hours: %v, the same: %v", err, again.Secret == first.Secret)
			}
			f.advance(time.Microsecond)
			if purge {
				f.PurgeAnswers(t.Context(), f.Now())
			}
			if _, err := f.Create(t.Context(), ana(), draft("Acme"), "once"); !errors.Is(err, apikey.ErrNameTaken) {
				t.Fatalf("the same body after its time is a new create: %v", err)
			}
			another, err := f.Create(t.Context(), ana(), draft("Acme 2"), "once")
			if err != nil || another.Key.ClientID == first.Key.ClientID {
				t.Fatalf("another body after its time: %v", err)
			}
			again, err = f.Create(t.Context(), ana(), draft("Acme 2"), "once")
			if err != nil || again.Secret != another.Secret {
				t.Errorf("the new answer is kept again: %v", err)
			}
		})
	}
}

func TestARefusedCreateLeavesNoAnswer(t *testing.T) {
	f := newFixture(t)
	f.create(t, "Acme")
	if _, err := f.Create(t.Context(), ana(), draft("ACME"), "once"); !errors.Is(err, apikey.ErrNameTaken) {
		t.Fatalf("the error is %v", err)
	}
	if _, err := f.Create(t.Context(), ana(), draft("Acme 2"), "once"); err != nil {
		t.Errorf("the idempotency key is used up: %v", err)
	}
}

func TestManyCreatesWithOneIdempotencyKeyMakeOneKey(t *testing.T) {
	f := newFixture(t)
	const callers = 20
	type result struct {
		apikey.Created
		err error
	}
	results := make(chan result, callers)
	begin := make(chan struct{})
	for range callers {
		go func() {
			<-begin
			created, err := f.Create(t.Context(), ana(), draft("Acme"), "once")
			results <- result{created, err}
		}()
	}
	close(begin)
	first := <-results
	for range callers - 1 {
		r := <-results
		if r.err != nil || r.Secret != first.Secret || r.Key.ClientID != first.Key.ClientID {
			t.Errorf("answers differ: %q and %q, %v", r.Key.ClientID, first.Key.ClientID, r.err)
		}
	}
	if _, n := f.lastEvent(t); first.err != nil || n != 1 || f.total(t) != 1 {
		t.Errorf("%d keys, %d events, %v", f.total(t), n, first.err)
	}
}

// stolen is a store in which another request can store an answer between the lookup of an answer and the create that follows it:
// steal is called after each of the first lookups that find no answer, as many as times says.
type stolen struct {
	apikey.Store
	steal func()
	times int
}

func (s *stolen) Answer(ctx context.Context, caller, key string, notBefore time.Time) (apikey.Answer, error) {
	answer, err := s.Store.Answer(ctx, caller, key, notBefore)
	if errors.Is(err, apikey.ErrNotFound) && s.times > 0 {
		s.times--
		s.steal()
	}
	return answer, err
}

func TestTheAnswerOfWhoWasFasterIsReturned(t *testing.T) {
	f := newFixture(t)
	var faster apikey.Created
	// An expired answer has to be replaced, and another request is faster to do so.
	if _, err := f.Create(t.Context(), ana(), draft("Old"), "once"); err != nil {
		t.Fatal(err)
	}
	f.advance(25 * time.Hour)
	store := &stolen{Store: f.store, times: 2}
	store.steal = func() {
		if store.times > 0 {
			return // only after the second lookup, when the expired answer has been purged
		}
		var err error
		if faster, err = f.Create(t.Context(), ana(), draft("Acme"), "once"); err != nil {
			t.Error(err)
		}
	}
	created, err := f.withStore(t, store).Create(t.Context(), ana(), draft("Acme"), "once")
	if err != nil || faster.Secret == "" || created.Secret != faster.Secret {
		t.Errorf("the answer is that of who was faster: %v, %v", created.Secret == faster.Secret, err)
	}
}

func TestTheDatabaseHoldsNoSecretInPlain(t *testing.T) {
	f := newFixture(t)
	created, err := f.Create(t.Context(), ana(), draft("Acme"), "once")
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := f.RotateSecret(t.Context(), ana(), created.Key.ClientID, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(f.path + suffix)
		if err != nil && suffix == "" {
			t.Fatal(err)
		}
		found = found || bytes.Contains(content, []byte(created.Key.ClientID))
		for _, secret := range []string{created.Secret, rotated.Secret} {
			if bytes.Contains(content, []byte(secret)) || bytes.Contains(content, []byte(secret[4:40])) {
				t.Errorf("apikeys.db%s holds a secret", suffix)
			}
		}
	}
	if !found {
		t.Error("the database does not even hold the client id: nothing was looked at")
	}
}

func TestAnAnswerOpensWithItsMasterKeyOnly(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Create(t.Context(), ana(), draft("Acme"), "once"); err != nil {
		t.Fatal(err)
	}
	box, err := sealed.NewBox(bytes.Repeat([]byte{8}, sealed.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	other := apikey.NewService(f.store, scope.DefaultCatalogue(), box, f.changed, f.Now)
	if _, err := other.Create(t.Context(), ana(), draft("Acme"), "once"); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("the error is %v", err)
	}
}

// TestAKeptAnswerIsOfNoUseToAnotherCaller: a caller who can write to the database must not obtain a secret by copying its answer
// into a row of their own.
func TestAKeptAnswerIsOfNoUseToAnotherCaller(t *testing.T) {
	f := newFixture(t)
	for _, caller := range []apikey.Caller{ana(), stranger()} {
		if _, err := f.Create(t.Context(), caller, draft("Acme"), "once"); err != nil {
			t.Fatal(err)
		}
	}
	var anas []byte
	moved, err := f.store.ResealAnswers(t.Context(), func(a apikey.Answer) ([]byte, error) { // ordered by caller
		if anas == nil {
			anas = a.Sealed
			return nil, nil
		}
		return anas, nil
	})
	if err != nil || moved != 1 {
		t.Fatalf("%d moved, %v", moved, err)
	}
	if created, err := f.Create(t.Context(), stranger(), draft("Acme"), "once"); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("got the key of %s, %v", created.Key.TenancyID, err)
	}
}
