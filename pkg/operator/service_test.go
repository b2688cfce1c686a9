package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/sqlstore"
	"github.com/piercloud/apikeys/pkg/sqlstore/sqlstoretest"
)

const (
	password    = "correct horse battery staple"
	newPassword = "battery staple correct horse"
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	system = eventlog.Actor{Kind: eventlog.ActorSystem, ID: "test", Name: "test"}
	home   = eventlog.Origin{IP: "192.0.2.1"}
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

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture holds the use cases on a SQLite database.
type fixture struct {
	*operator.Service
	*clock
	store *sqlstore.Store
}

func newFixture(t testing.TB, limited bool) *fixture {
	t.Helper()
	store := sqlstoretest.Open(t, sqlstoretest.SQLite(t))
	f := &fixture{clock: &clock{now: start}, store: store}
	f.Service = f.service(limited)
	return f
}

// service returns the use cases of another process on the same store.
func (f *fixture) service(limited bool) *operator.Service {
	var limits limit.Config
	if limited {
		limits = limit.Default
	}
	return operator.NewService(f.store, limits, f.Now)
}

// ana registers an admin of the first tenancy.
func (f *fixture) ana(t testing.TB) operator.Operator {
	t.Helper()
	tenancy, err := f.EnsureTenancy(t.Context(), eventlog.Service)
	if err != nil {
		t.Fatal(err)
	}
	o, err := f.Create(t.Context(), tenancy.ID, "ana@example.com", password, operator.Admin, system)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (f *fixture) events(t testing.TB) []eventlog.Event {
	t.Helper()
	events, err := f.store.After(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestSignInReturnsWhoHasAddressAndPassword(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	for _, email := range []string{"ana@example.com", "Ana@Example.COM", " ana@example.com\n"} {
		if o, err := f.SignIn(t.Context(), email, password, home); err != nil || o != ana {
			t.Errorf("%q: %+v, %v", email, o, err)
		}
	}
}

func TestEveryFailedSignInReadsTheSame(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	tests := map[string][2]string{
		"wrong password":             {"ana@example.com", newPassword},
		"no password":                {"ana@example.com", ""},
		"password in capitals":       {"ana@example.com", strings.ToUpper(password)},
		"password and a space":       {"ana@example.com", password + " "},
		"password and NUL":           {"ana@example.com", password + "\x00"},
		"unknown address":            {"bruno@example.com", password},
		"no address":                 {"", password},
		"an address that is none":    {"ana", password},
		"NUL in the address":         {"ana@example.com\x00", password},
		"invalid UTF-8":              {"ana\xff@example.com", password},
		"a huge address":             {strings.Repeat("a", 1<<20) + "@example.com", password},
		"a pattern for the database": {"%@example.com", password},
	}
	for name, test := range tests {
		o, err := f.SignIn(t.Context(), test[0], test[1], home)
		if !errors.Is(err, operator.ErrWrongPassword) || err.Error() != operator.ErrWrongPassword.Error() || o != (operator.Operator{}) {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

// TestAnUnknownAddressCostsAHashToo measures the allocated memory: an argon2id hash takes 19 MiB, so this shows whether one was
// computed.
func TestAnUnknownAddressCostsAHashToo(t *testing.T) {
	f := newFixture(t, false)
	f.ana(t)
	allocated := func(email string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := f.SignIn(t.Context(), email, newPassword, home); !errors.Is(err, operator.ErrWrongPassword) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const hash = 19 << 20
	for _, email := range []string{"ana@example.com", "bruno@example.com", "nobody"} {
		if bytes := allocated(email); bytes < hash || bytes > 2*hash {
			t.Errorf("signing in as %s took %d bytes, want those of one hash", email, bytes)
		}
	}
}

func TestSignInIsThrottledWhetherThePasswordIsRightOrNot(t *testing.T) {
	f := newFixture(t, true)
	f.ana(t)
	for range 10 {
		if _, err := f.SignIn(t.Context(), "ana@example.com", newPassword, home); !errors.Is(err, operator.ErrWrongPassword) {
			t.Fatal(err)
		}
	}
	_, err := f.SignIn(t.Context(), "ANA@example.com ", password, home)
	var throttled *limit.ExceededError
	if !errors.As(err, &throttled) || throttled.RetryAfter <= 0 {
		t.Fatalf("the eleventh attempt: %v", err)
	}
	if _, err := f.SignIn(t.Context(), "ana@example.com", password, eventlog.Origin{IP: "192.0.2.2"}); err != nil {
		t.Errorf("from another address: %v", err)
	}
	f.advance(throttled.RetryAfter)
	if _, err := f.SignIn(t.Context(), "ana@example.com", password, home); err != nil {
		t.Errorf("after the time it says: %v", err)
	}
}

// TestWhatIsNoAddressIsOneAccount: a text that is not an e-mail address must not be a way around the limit, nor be kept for it.
func TestWhatIsNoAddressIsOneAccount(t *testing.T) {
	f := newFixture(t, true)
	f.ana(t)
	attempts := limit.Default.SignInAccount.Requests
	for i := range attempts + 1 {
		_, err := f.SignIn(t.Context(), fmt.Sprintf("no address %d", i), password, home)
		if throttled := errors.As(err, new(*limit.ExceededError)); throttled != (i == attempts) {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
}

func TestSessionsOfAnEarlierGenerationDoNotCount(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	if o, err := f.BySession(t.Context(), ana.ID, ana.SessionGeneration); err != nil || o != ana {
		t.Fatalf("%+v, %v", o, err)
	}
	for _, generation := range []int64{ana.SessionGeneration + 1, ana.SessionGeneration - 1, 0} {
		if _, err := f.BySession(t.Context(), ana.ID, generation); !errors.Is(err, operator.ErrNotFound) {
			t.Errorf("generation %d: %v", generation, err)
		}
	}
	if _, err := f.BySession(t.Context(), uuid.NewString(), 1); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("nobody's session: %v", err)
	}
	if err := f.ResetPassword(t.Context(), "Ana@example.com", newPassword, system); err != nil {
		t.Fatal(err)
	}
	if _, err := f.BySession(t.Context(), ana.ID, ana.SessionGeneration); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("a session of before the reset: %v", err)
	}
	o, err := f.SignIn(t.Context(), "ana@example.com", newPassword, home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.BySession(t.Context(), o.ID, o.SessionGeneration); err != nil {
		t.Errorf("a session of after the reset: %v", err)
	}
	if _, err := f.SignIn(t.Context(), "ana@example.com", password, home); !errors.Is(err, operator.ErrWrongPassword) {
		t.Errorf("the old password: %v", err)
	}
}

func TestPasswordsHave12To256Characters(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	for _, bad := range []string{"", "elevenchars", strings.Repeat("é", 11), strings.Repeat("x", 257)} {
		_, err := f.Create(t.Context(), ana.TenancyID, "bruno@example.com", bad, operator.Editor, system)
		assertInvalid(t, err, "password")
		assertInvalid(t, f.ResetPassword(t.Context(), "ana@example.com", bad, system), "password")
	}
	for i, good := range []string{strings.Repeat("é", 12), strings.Repeat("漢", 256)} {
		if _, err := f.Create(t.Context(), ana.TenancyID, string(rune('b'+i))+"@example.com", good, operator.Editor, system); err != nil {
			t.Errorf("%d bytes: %v", len(good), err)
		}
	}
}

func assertInvalid(t *testing.T, err error, field string) {
	t.Helper()
	var invalid *operator.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != field || !strings.HasPrefix(err.Error(), field+" ") {
		t.Errorf("the error is %v, want one of %s", err, field)
	}
}

func TestCreateRefusesBadInput(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	for _, email := range []string{
		"", "bruno", "@example.com", "bruno@", "bruno @example.com", "Bruno <bruno@example.com>", "a@example.com,b@example.com",
		"bruno\x00@example.com", strings.Repeat("a", 251) + "@b.c",
	} {
		if _, err := f.Create(t.Context(), ana.TenancyID, email, password, operator.Editor, system); err == nil {
			t.Errorf("%q is accepted", email)
		} else {
			assertInvalid(t, err, "email")
		}
	}
	for _, role := range []operator.Role{"", "owner", "Admin"} {
		_, err := f.Create(t.Context(), ana.TenancyID, "bruno@example.com", password, role, system)
		assertInvalid(t, err, "role")
	}
	if _, err := f.Create(t.Context(), ana.TenancyID, "ANA@example.com", password, operator.Editor, system); !errors.Is(err, operator.ErrEmailTaken) {
		t.Errorf("an address that is taken: %v", err)
	}
	if _, err := f.Create(t.Context(), uuid.NewString(), "bruno@example.com", password, operator.Editor, system); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("an unknown tenancy: %v", err)
	}
	if err := f.ResetPassword(t.Context(), "bruno@example.com", password, system); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("resetting an unknown operator's password: %v", err)
	}
}

func TestTheFirstStartMakesOneTenancyAndOneOperator(t *testing.T) {
	f := newFixture(t, false)
	// The replicas start together on an empty database.
	const replicas = 4
	results := make(chan operator.First, replicas)
	var group sync.WaitGroup
	begin := make(chan struct{})
	for range replicas {
		service := f.service(false)
		group.Go(func() {
			<-begin
			first, err := service.EnsureFirst(t.Context(), "Admin@localhost", "", system)
			if err != nil {
				t.Error(err)
			}
			results <- first
		})
	}
	close(begin)
	group.Wait()
	close(results)
	var generated []operator.First
	for first := range results {
		if first.Password != "" {
			generated = append(generated, first)
		}
	}
	if len(generated) != 1 {
		t.Fatalf("%d replicas tell a password", len(generated))
	}
	o, err := f.SignIn(t.Context(), "admin@localhost", generated[0].Password, home)
	if err != nil || o.Role != operator.Admin || o.TenancyID != operator.PlatformTenancyID {
		t.Errorf("the first operator is %+v, %v", o, err)
	}
	if tenancies, err := f.Tenancies(t.Context()); err != nil || len(tenancies) != 1 || tenancies[0].ID != operator.PlatformTenancyID {
		t.Errorf("the tenancies are %+v, %v", tenancies, err)
	}
	first, err := f.EnsureFirst(t.Context(), "other@localhost", "", system)
	if err != nil || first != (operator.First{}) {
		t.Errorf("the next start makes %+v, %v", first, err)
	}
}

func TestTheFirstOperatorsPasswordMayBeGiven(t *testing.T) {
	f := newFixture(t, false)
	first, err := f.EnsureFirst(t.Context(), "ana@example.com", password, system)
	if err != nil || first.Password != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := f.SignIn(t.Context(), "ana@example.com", password, home); err != nil {
		t.Error(err)
	}
}

func TestTheFirstOperatorsAddressIsChecked(t *testing.T) {
	f := newFixture(t, false)
	_, err := f.EnsureFirst(t.Context(), "nobody", password, system)
	assertInvalid(t, err, "email")
}

func TestTenanciesHaveANameOf1To100Characters(t *testing.T) {
	f := newFixture(t, false)
	for _, bad := range []string{"", " \t", strings.Repeat("é", 101), "a\x00b", "a\nb", "\x1b[2Ja", "a\xffb"} {
		_, err := f.CreateTenancy(t.Context(), bad, system)
		assertInvalid(t, err, "name")
	}
	created, err := f.CreateTenancy(t.Context(), " "+strings.Repeat("é", 100)+" ", system)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := f.Tenancy(t.Context(), created.ID); err != nil || read != created || !created.CreatedAt.Equal(start) {
		t.Errorf("%+v is read as %+v, %v", created, read, err)
	}
	if _, err := f.Tenancy(t.Context(), uuid.NewString()); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestARoleAllowsWhatTheOnesBelowItAllow(t *testing.T) {
	roles := []operator.Role{operator.Readonly, operator.Editor, operator.Admin}
	for i, role := range roles {
		for j, want := range roles {
			if got := role.Allows(want); got != (i >= j) {
				t.Errorf("%s allows what %s may: %v", role, want, got)
			}
		}
		for _, other := range []operator.Role{"", "owner"} {
			if role.Allows(other) || other.Allows(role) || other.Valid() {
				t.Errorf("the role %q counts", other)
			}
		}
		if !role.Valid() {
			t.Errorf("%s is not valid", role)
		}
	}
}

func TestEventsOfOperatorsHoldNoPasswordAndNoHash(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	if err := f.ResetPassword(t.Context(), ana.Email, newPassword, system); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), ana.Email, password, home); !errors.Is(err, operator.ErrWrongPassword) {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), password, newPassword, home); !errors.Is(err, operator.ErrWrongPassword) {
		t.Fatal(err) // the password is typed into the wrong field
	}
	events := f.events(t)
	if len(events) < 3 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{password, newPassword, "argon2id", ana.PasswordHash} {
			if strings.Contains(string(text), hidden) {
				t.Errorf("%s holds %s", e.Action, hidden)
			}
		}
		if e.Subject.Kind == eventlog.SubjectOperator && e.Subject.ID == ana.ID && (e.TenancyID != ana.TenancyID || e.Actor != system) {
			t.Errorf("%s is of %s by %+v", e.Action, e.TenancyID, e.Actor)
		}
	}
}

func TestAGeneratedPasswordIsGoodEnough(t *testing.T) {
	if a, b := operator.NewPassword(), operator.NewPassword(); a == b || len(a) < operator.PasswordMin {
		t.Errorf("%q and %q", a, b)
	}
}

// TestGuessingTheCurrentPasswordIsThrottled: the limit of sign-ins applies here, too. Otherwise somebody who got hold of a session
// could try any number of passwords.
func TestGuessingTheCurrentPasswordIsThrottled(t *testing.T) {
	f := newFixture(t, true)
	ana := f.ana(t)
	own := operator.Caller{TenancyID: ana.TenancyID, OperatorID: ana.ID, Origin: home}
	for range limit.Default.SignInAccount.Requests {
		var invalid *operator.InvalidError
		if _, err := f.ChangePassword(t.Context(), own, "a wrong password", newPassword); !errors.As(err, &invalid) || invalid.Field != "current_password" {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := f.ChangePassword(t.Context(), own, password, newPassword); !errors.As(err, new(*limit.ExceededError)) {
		t.Errorf("got %v", err)
	}
	f.flush(t)
	if e, told := f.latest(t); e.Action != eventlog.OperatorSignInFailed || e.Subject.ID != ana.ID || told["attempts"] == nil {
		t.Errorf("the log tells %s of %s: %v", e.Action, e.Subject.ID, told)
	}
}

// TestAPasswordIsTheSameHoweverAKeyboardWritesIt: macOS may write an accented letter as two characters where other systems use one.
func TestAPasswordIsTheSameHoweverAKeyboardWritesIt(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	const composed, decomposed = "pässwörd 1234567", "pa\u0308sswo\u0308rd 1234567"
	for written, typed := range map[string]string{composed: decomposed, decomposed: composed} {
		if err := f.ResetPassword(t.Context(), ana.Email, written, system); err != nil {
			t.Fatal(err)
		}
		if _, err := f.SignIn(t.Context(), ana.Email, typed, home); err != nil {
			t.Errorf("%q for %q: %v", typed, written, err)
		}
	}
}

func TestATenancyHasSoManyOperatorsThatAllAreSeen(t *testing.T) {
	f := newFixture(t, false)
	ana := f.ana(t)
	own := operator.Caller{TenancyID: ana.TenancyID}
	for i := range operator.Max - 1 {
		o := operator.Operator{
			ID: uuid.NewString(), TenancyID: ana.TenancyID, Email: uuid.NewString(), Role: operator.Editor, Status: operator.Active,
			SessionGeneration: 1, CreatedAt: start, UpdatedAt: start,
		}
		if i == 0 {
			o.Email = "last@example.com"
		}
		if err := f.store.CreateOperator(t.Context(), o, eventlog.Draft{At: start}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Invite(t.Context(), own, "bea@example.com", operator.Editor); !errors.Is(err, operator.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if all, err := f.List(t.Context(), own); err != nil || len(all) != operator.Max {
		t.Errorf("%d are listed, %v", len(all), err)
	}
	last, err := f.store.OperatorByEmail(t.Context(), "last@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(t.Context(), own, last.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Invite(t.Context(), own, "bea@example.com", operator.Editor); err != nil {
		t.Error(err)
	}
}

// TestADeactivatedOperatorsLinksAreDead: earlier links stay dead even when the operator is active again.
func TestADeactivatedOperatorsLinksAreDead(t *testing.T) {
	f := newFixture(t, false)
	own := operator.Caller{TenancyID: f.ana(t).TenancyID}
	before, err := f.Invite(t.Context(), own, "bea@example.com", operator.Editor)
	if err != nil {
		t.Fatal(err)
	}
	bea := before.Operator.ID
	if e, told := f.latest(t); e.Subject.ID != bea || told["status"] != "invited" {
		t.Errorf("the log tells %v of %s", told, e.Subject.ID)
	}
	if _, err := f.Edit(t.Context(), own, bea, operator.Change{Status: operator.Deactivated}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Accept(t.Context(), before.Token, password, home); !errors.Is(err, operator.ErrLinkUsed) {
		t.Errorf("while deactivated: %v", err)
	}
	if _, err := f.Relink(t.Context(), own, bea); !errors.Is(err, operator.ErrDeactivated) {
		t.Errorf("another link: %v", err)
	}

	carl, err := f.Invite(t.Context(), own, "carl@example.com", operator.Editor)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []operator.Status{operator.Deactivated, operator.Active} {
		if _, err := f.Edit(t.Context(), own, carl.Operator.ID, operator.Change{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Accept(t.Context(), carl.Token, password, home); !errors.Is(err, operator.ErrLinkUsed) {
		t.Errorf("once active again: %v", err)
	}
}

// TestOfTwoWhoUseALinkAtOnceOneSetsThePassword: both find the link valid, and both hash their password before they use it up.
func TestOfTwoWhoUseALinkAtOnceOneSetsThePassword(t *testing.T) {
	f := newFixture(t, false)
	invited, err := f.Invite(t.Context(), operator.Caller{TenancyID: f.ana(t).TenancyID}, "bea@example.com", operator.Editor)
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 2)
	var group sync.WaitGroup
	for i, chosen := range []string{password, newPassword} {
		group.Go(func() { _, errs[i] = f.Accept(t.Context(), invited.Token, chosen, home) })
	}
	group.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), operator.ErrLinkUsed) {
		t.Errorf("got %v", errs)
	}
}

// TestALinkThatIsReplacedSetsNoPassword: not even if it is replaced while the password is hashed. An admin may replace a link
// because the first one got into the wrong hands.
func TestALinkThatIsReplacedSetsNoPassword(t *testing.T) {
	f := newFixture(t, false)
	own := operator.Caller{TenancyID: f.ana(t).TenancyID}
	invited, err := f.Invite(t.Context(), own, "bea@example.com", operator.Editor)
	if err != nil {
		t.Fatal(err)
	}
	var second operator.Invitation
	s := operator.NewService(&meddled{f.store, func() {
		if second, err = f.Relink(t.Context(), own, invited.Operator.ID); err != nil {
			t.Fatal(err)
		}
	}}, limit.Config{}, f.Now)
	if _, err := s.Accept(t.Context(), invited.Token, password, home); !errors.Is(err, operator.ErrLinkUsed) {
		t.Errorf("the link of before: %v", err)
	}
	if _, err := f.Accept(t.Context(), second.Token, newPassword, home); err != nil {
		t.Errorf("the link of now: %v", err)
	}
}

func TestALinkIsDeadTheMomentItExpires(t *testing.T) {
	f := newFixture(t, false)
	own := operator.Caller{TenancyID: f.ana(t).TenancyID}
	for email, test := range map[string]struct {
		after time.Duration
		want  error
	}{
		"bea@example.com":  {operator.LinkLifetime - time.Microsecond, nil},
		"carl@example.com": {operator.LinkLifetime, operator.ErrLinkUsed},
	} {
		invited, err := f.Invite(t.Context(), own, email, operator.Editor)
		if err != nil {
			t.Fatal(err)
		}
		f.advance(test.after)
		if _, err := f.Accept(t.Context(), invited.Token, password, home); !errors.Is(err, test.want) {
			t.Errorf("after %v: %v, want %v", test.after, err, test.want)
		}
	}
}
