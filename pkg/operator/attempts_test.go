package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/clocktest"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
)

// recorder is a store that has one operator and keeps the events that it is given.
type recorder struct {
	Store
	operator Operator

	mu     sync.Mutex
	events []eventlog.Draft
	err    error
}

func (r *recorder) OperatorByEmail(_ context.Context, email string) (Operator, error) {
	if email != r.operator.Email {
		return Operator{}, ErrNotFound
	}
	return r.operator, nil
}

func (r *recorder) RecordEvent(_ context.Context, e eventlog.Draft) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) OperatorByIdentity(context.Context, Identity) (Operator, error) {
	return Operator{}, ErrNotFound
}

// recorded returns the events recorded since its last call.
func (r *recorder) recorded() []eventlog.Draft {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

const (
	annsPassword = "correct horse battery staple"
	typed        = "typed into the wrong field"
)

// signIns is a service with a clock that the test sets.
type signIns struct {
	*Service
	store *recorder
	now   time.Time
}

func newSignIns(t *testing.T, limited bool) *signIns {
	t.Helper()
	hash, err := hashPassword(annsPassword)
	if err != nil {
		t.Fatal(err)
	}
	s := &signIns{now: time.Date(2030, 3, 1, 12, 0, 0, 0, time.UTC), store: &recorder{operator: Operator{
		ID: "ann", TenancyID: "anns", Email: "ann@example.com", PasswordHash: hash, Status: Active, Role: Admin,
	}}}
	var limits limit.Config
	if limited {
		limits = limit.Default
	}
	s.Service = NewService(s.store, limits, func() time.Time { return s.now })
	return s
}

func (s *signIns) try(t *testing.T, email, password, ip string) error {
	t.Helper()
	_, err := s.SignIn(t.Context(), email, password, eventlog.Origin{IP: ip, UserAgent: "agent", RequestID: "request"})
	return err
}

// due writes the attempts that are due and returns the events.
func (s *signIns) due(t *testing.T) []eventlog.Draft {
	t.Helper()
	if err := s.writeAttempts(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	return s.store.recorded()
}

func told(t *testing.T, e eventlog.Draft) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(e.After, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// attemptsIn returns how many attempts the events report in total.
func attemptsIn(t *testing.T, events []eventlog.Draft) int {
	t.Helper()
	sum := 0
	for _, e := range events {
		n, ok := told(t, e)["attempts"].(float64)
		if !ok {
			t.Fatalf("an event tells %s", e.After)
		}
		sum += int(n)
	}
	return sum
}

func TestASignInIsAnEventAtOnce(t *testing.T) {
	s := newSignIns(t, true)
	if err := s.try(t, "Ann@example.com", annsPassword, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	want := eventlog.Draft{
		At: s.now, TenancyID: "anns", Action: eventlog.OperatorSignedIn,
		Actor:   eventlog.Actor{Kind: eventlog.ActorOperator, ID: "ann", Name: "ann@example.com"},
		Origin:  eventlog.Origin{IP: "192.0.2.1", UserAgent: "agent", RequestID: "request"},
		Subject: eventlog.Subject{Kind: eventlog.SubjectOperator, ID: "ann"},
		After:   json.RawMessage(`{"method":"password"}`),
	}
	if got := s.store.recorded(); len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("got %+v", got)
	}
	s.store.err = errors.New("down")
	if err := s.try(t, "ann@example.com", annsPassword, "192.0.2.1"); !errors.Is(err, s.store.err) {
		t.Errorf("a sign-in that can't be logged ends with %v", err)
	}
}

func TestAFailedSignInIsAnEventAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &recorder{}
		s := NewService(store, limit.Config{}, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		go s.Run(ctx)
		for _, ip := range []string{"192.0.2.1", "192.0.2.2"} {
			s.failed(Operator{}, eventlog.Origin{IP: ip})
			synctest.Wait() // no time passes
			if got := store.recorded(); len(got) != 1 || got[0].Origin.IP != ip || told(t, got[0])["attempts"] != 1.0 {
				t.Errorf("got %+v", got)
			}
		}
		cancel()
	})
}

func TestFailedSignInsOfAMinuteAreOneEventPerAccountAndAddress(t *testing.T) {
	s := newSignIns(t, false)
	for _, ip := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"} {
		if err := s.try(t, "ann@example.com", typed, ip); !errors.Is(err, ErrWrongPassword) {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Second)
	}
	_ = s.try(t, typed+"@example.com", typed, "192.0.2.1")
	_ = s.try(t, "nobody@example.com", typed, "192.0.2.1")
	got := s.due(t)
	if len(got) != 3 {
		t.Fatalf("got %+v", got)
	}
	first, second, strangers := got[0], got[1], got[2]
	if first.TenancyID != "anns" || first.Subject.ID != "ann" || first.Origin.IP != "192.0.2.1" || first.Actor != (eventlog.Actor{Kind: eventlog.ActorStranger}) ||
		told(t, first)["attempts"] != 2.0 || told(t, first)["email"] != "ann@example.com" {
		t.Errorf("got %+v %s", first, first.After)
	}
	if told(t, second)["attempts"] != 1.0 || second.Origin.IP != "192.0.2.2" {
		t.Errorf("got %+v %s", second, second.After)
	}
	if strangers.TenancyID != PlatformTenancyID || strangers.Subject.ID != "" || told(t, strangers)["attempts"] != 2.0 || told(t, strangers)["email"] != nil {
		t.Errorf("got %+v %s", strangers, strangers.After)
	}
	if text := fmt.Sprintf("%+v %s", got, [][]byte{first.After, second.After, strangers.After}); strings.Contains(text, typed) || strings.Contains(text, "nobody") {
		t.Errorf("what was typed is in the log: %s", text)
	}
	if again := s.due(t); len(again) != 0 {
		t.Errorf("written again: %+v", again)
	}
}

func TestFailedSignInsThatFollowAreOneEventAMinuteLater(t *testing.T) {
	s := newSignIns(t, true)
	_ = s.try(t, "ann@example.com", typed, "192.0.2.1")
	first := s.due(t)
	if len(first) != 1 || attemptsIn(t, first) != 1 {
		t.Fatalf("got %+v", first)
	}
	began := s.now
	for range 2 {
		for i := range 30 { // most are turned away by the rate limit
			s.now = s.now.Add(time.Second)
			if early := s.due(t); len(early) != 0 {
				t.Fatalf("before the minute is over: %+v", early)
			}
			_, _ = s.SignIn(t.Context(), "ann@example.com", typed, eventlog.Origin{IP: "192.0.2.1", RequestID: fmt.Sprint(i)})
		}
		last := s.now
		s.now = began.Add(foldPeriod)
		got := s.due(t)
		if len(got) != 1 || attemptsIn(t, got) != 30 || got[0].TenancyID != "anns" || told(t, got[0])["email"] != "ann@example.com" ||
			told(t, got[0])["first_at"] != began.Add(time.Second).Format(time.RFC3339) ||
			told(t, got[0])["last_at"] != last.Format(time.RFC3339) || got[0].Origin.RequestID != "29" {
			t.Fatalf("got %+v", got)
		}
		began = s.now
	}
	s.now = s.now.Add(foldPeriod)
	if got := s.due(t); len(got) != 0 || len(s.attempts.folds) != 0 {
		t.Errorf("after a quiet minute there are %+v and %d folds", got, len(s.attempts.folds))
	}
}

// TestFailedSignInsAreWrittenAlthoughTheClockWasSetBack: otherwise whoever keeps trying would stay out of the log until the clock
// has caught up.
func TestFailedSignInsAreWrittenAlthoughTheClockWasSetBack(t *testing.T) {
	s := newSignIns(t, false)
	began := time.Now()
	s.now = began
	_ = s.try(t, "ann@example.com", typed, "192.0.2.1")
	s.due(t)
	s.now = clocktest.Asleep(t, began.Add(foldPeriod), -time.Hour)
	_ = s.try(t, "ann@example.com", typed, "192.0.2.1")
	if got := s.due(t); len(got) != 1 || attemptsIn(t, got) != 1 {
		t.Errorf("a minute later there are %+v", got)
	}
}

func TestAFloodFromOneAddressIsOneEvent(t *testing.T) {
	s := newSignIns(t, true)
	const flood = 100_000
	for range flood {
		if err := s.try(t, "ann@example.com", typed, "192.0.2.1"); err == nil {
			t.Fatal("signed in with a wrong password")
		}
	}
	got := s.due(t)
	if len(got) != 1 || told(t, got[0])["attempts"] != float64(flood) || told(t, got[0])["refused"] != float64(flood-accountBurst) {
		t.Errorf("got %d events: %+v", len(got), got)
	}
	if got[0].TenancyID != "anns" || got[0].Subject.ID != "ann" || told(t, got[0])["email"] != "ann@example.com" {
		t.Errorf("whose account it is is told by %+v %s", got[0], got[0].After)
	}
}

// TestAnAccountsEventIsItsOwnDuringAFlood: an account that has a fold keeps it while a flood takes all the others.
func TestAnAccountsEventIsItsOwnDuringAFlood(t *testing.T) {
	s := newSignIns(t, false)
	s.failed(s.store.operator, eventlog.Origin{IP: "192.0.2.1"})
	for i := range 2 * foldsMax {
		s.failed(Operator{}, eventlog.Origin{IP: fmt.Sprintf("2001:db8:%x::1", i)})
	}
	s.failed(s.store.operator, eventlog.Origin{IP: "192.0.2.1"})
	got := slices.DeleteFunc(s.due(t), func(e eventlog.Draft) bool { return e.TenancyID != "anns" })
	if len(got) != 1 || told(t, got[0])["attempts"] != 2.0 {
		t.Errorf("got %+v", got)
	}
}

func TestAFloodFromManyAddressesIsABoundedNumberOfEvents(t *testing.T) {
	s := newSignIns(t, false)
	const flood = 100_000
	for i, events := range []int{foldsMax + 1, 1} { // none of the second flood's addresses gets a fold of its own
		var group sync.WaitGroup
		for part := range 10 {
			group.Go(func() {
				for j := range flood / 10 {
					s.failed(Operator{}, eventlog.Origin{IP: fmt.Sprintf("2001:db8:%x%x:%x::1", i, part, j)})
				}
			})
		}
		group.Wait()
		if i > 0 {
			if early := s.due(t); len(early) != 0 {
				t.Errorf("%d events more in a minute", len(early))
			}
			s.now = s.now.Add(foldPeriod)
		}
		got := s.due(t)
		if len(got) != events {
			t.Errorf("got %d events", len(got))
		}
		if attempts := attemptsIn(t, got); attempts != flood {
			t.Errorf("%d attempts are in the log", attempts)
		}
		if last := got[len(got)-1]; last.TenancyID != PlatformTenancyID {
			t.Errorf("the rest is %+v", last)
		}
	}
}

func TestRefusedIdentitiesAreFoldedAsFailedSignInsAre(t *testing.T) {
	s := newSignIns(t, false)
	refuse := func(subject, ip string, verified bool) {
		t.Helper()
		a := Assertion{Identity: Identity{"https://login.example.com", subject}, Email: "bea@example.com", EmailVerified: verified}
		if _, err := s.SignInAs(t.Context(), a, eventlog.Origin{IP: ip}); !errors.As(err, new(*RefusedError)) {
			t.Fatal(err)
		}
	}
	refuse("bea", "192.0.2.1", true)
	refuse("bea", "192.0.2.2", true)
	refuse("carl", "192.0.2.1", true)
	refuse("carl", "192.0.2.1", false) // for another reason
	first := s.due(t)
	if len(first) != 4 || attemptsIn(t, first) != 4 {
		t.Fatalf("got %+v", first)
	}
	for range 30 {
		s.now = s.now.Add(time.Second)
		refuse("bea", "192.0.2.1", true)
	}
	if early := s.due(t); len(early) != 0 {
		t.Errorf("before the minute is over: %+v", early)
	}
	s.now = s.now.Add(foldPeriod)
	if got := s.due(t); len(got) != 1 || got[0].Action != eventlog.OperatorSignInRefused || told(t, got[0])["attempts"] != 30.0 || told(t, got[0])["subject"] != "bea" {
		t.Errorf("got %+v", got)
	}
	s.now = s.now.Add(foldPeriod)
	s.due(t)
	const flood = 1000
	for i := range flood / 2 {
		refuse("bea", fmt.Sprintf("2001:db8:1:%x::1", i), true)
		refuse(fmt.Sprint(i), "192.0.2.1", true)
	}
	got := s.due(t)
	if len(got) != foldsMax+1 || attemptsIn(t, got) != flood {
		t.Errorf("a flood is %d events of %d attempts", len(got), attemptsIn(t, got))
	}
	rest := slices.IndexFunc(got, func(e eventlog.Draft) bool { return e.Action == eventlog.OperatorSignInFailed })
	if rest < 0 || told(t, got[rest])["addresses"] != "many" || told(t, got[rest])["subject"] != nil {
		t.Errorf("the rest is at %d of %+v", rest, got)
	}
}

// TestWhatTheLogDidNotTakeIsWrittenOnceItDoes: attempts that could not be written are due at once, not only a minute later.
func TestWhatTheLogDidNotTakeIsWrittenOnceItDoes(t *testing.T) {
	s := newSignIns(t, false)
	s.failed(s.store.operator, eventlog.Origin{IP: "192.0.2.1"})
	s.store.err = errors.New("down")
	if err := s.writeAttempts(t.Context(), false); !errors.Is(err, s.store.err) {
		t.Fatalf("got %v", err)
	}
	s.store.err = nil
	if got := s.due(t); len(got) != 1 || attemptsIn(t, got) != 1 {
		t.Errorf("got %+v", got)
	}
}

// TestFlushDoesNotWaitForTheMinute: nothing else would write the remaining attempts when the process ends.
func TestFlushDoesNotWaitForTheMinute(t *testing.T) {
	s := newSignIns(t, false)
	s.failed(s.store.operator, eventlog.Origin{IP: "192.0.2.1"})
	s.due(t)
	s.failed(s.store.operator, eventlog.Origin{IP: "192.0.2.1"})
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.store.recorded(); len(got) != 1 || attemptsIn(t, got) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestNoFailedSignInIsLostWhileTheLogIsDown(t *testing.T) {
	s := newSignIns(t, false)
	for _, ip := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		s.failed(s.store.operator, eventlog.Origin{IP: ip})
	}
	s.store.err = errors.New("down")
	if err := s.Flush(t.Context()); !errors.Is(err, s.store.err) {
		t.Fatalf("got %v", err)
	}
	s.failed(s.store.operator, eventlog.Origin{IP: "192.0.2.1"})
	tried := s.now
	s.now = s.now.Add(3 * time.Hour)
	s.store.err = nil
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.store.recorded()
	if attempts := attemptsIn(t, got); len(got) != 3 || attempts != 4 {
		t.Errorf("%d attempts in %d events", attempts, len(got))
	}
	for _, e := range got {
		if !e.At.Equal(s.now) || told(t, e)["last_at"] != tried.Format(time.RFC3339) {
			t.Errorf("what was written at %v is of %v and tells %s", s.now, e.At, e.After)
		}
	}
}
