package operator

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
)

// How failed sign-ins are folded into events: a flood of them makes a process write at most foldsMax+1 events per foldPeriod.
const (
	foldPeriod   = time.Minute
	foldsMax     = 100
	foldInterval = 5 * time.Second // how often the folds that are due are collected
)

// foldKey says which failed sign-ins are folded into one event. The zero foldKey collects those for which there was no room.
type foldKey struct {
	email   string // of an existing operator, otherwise empty
	address netip.Addr
	refusal refusal
}

// refusal says whom a provider has identified and why they can't sign in. It is zero for sign-ins with a password.
type refusal struct {
	identity Identity
	email    string // if the provider vouches for it, otherwise empty
	reason   Refusal
}

// fold is a number of failed sign-ins that become one event. It is kept for foldPeriod after its event was written, and collects
// the sign-ins of that time for the next event.
type fold struct {
	operator Operator        // zero unless the account is known
	origin   eventlog.Origin // of the last sign-in
	first    time.Time
	last     time.Time
	failed   int64     // with a wrong password, to no account, or by an identity that was refused
	refused  int64     // turned away by a rate limit before anything else was checked
	written  time.Time // when the last event was written, for eventlog.Elapsed; zero before the first
}

func (f *fold) empty() bool { return f.failed+f.refused == 0 }

// merge adds the sign-ins of another fold.
func (f *fold) merge(other fold) {
	if other.operator.ID != "" {
		f.operator = other.operator
	}
	if f.empty() || other.first.Before(f.first) {
		f.first = other.first
	}
	if f.empty() || !other.last.Before(f.last) {
		f.last, f.origin = other.last, other.origin
	}
	f.failed += other.failed
	f.refused += other.refused
}

// attempts holds the failed sign-ins that have not been written to the log yet. It is safe for concurrent use, and never waits
// for the log.
type attempts struct {
	mu    sync.Mutex
	folds map[foldKey]*fold
	fresh chan struct{} // has an element when there may be a fold that has no event yet

	writing sync.Mutex // held while folds are written, so that the last writer misses none that another one gives back
}

func newAttempts() *attempts {
	return &attempts{folds: map[foldKey]*fold{}, fresh: make(chan struct{}, 1)}
}

// add adds f to the fold for the same account and address.
func (a *attempts) add(key foldKey, f fold) {
	a.mu.Lock()
	defer a.mu.Unlock()
	there, ok := a.folds[key]
	if !ok && len(a.folds) >= foldsMax {
		key, f.operator, f.origin = foldKey{}, Operator{}, eventlog.Origin{}
		there, ok = a.folds[key]
	}
	if !ok {
		a.folds[key] = &f
		select {
		case a.fresh <- struct{}{}:
		default: // the writer has been notified already
		}
		return
	}
	there.merge(f)
}

// has reports whether there is a fold for this account and address: failed sign-ins not written yet, or recent ones.
func (a *attempts) has(key foldKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.folds[key]
	return ok
}

// take returns the folds that are due: those whose last event was written at least foldPeriod ago or, with all, every one that
// isn't empty. It forgets folds that have been empty for that long.
func (a *attempts) take(now time.Time, all bool) map[foldKey]*fold {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := map[foldKey]*fold{}
	for key, f := range a.folds {
		over := eventlog.Elapsed(f.written, now) >= foldPeriod
		switch {
		case f.empty() && over:
			delete(a.folds, key)
		case !f.empty() && (over || all):
			taken := *f
			due[key] = &taken
			f.failed, f.refused, f.written = 0, 0, now
		}
	}
	return due
}

// giveBack undoes the taking of a fold that could not be written. Nothing else is taken in between.
func (a *attempts) giveBack(key foldKey, f *fold) {
	a.mu.Lock()
	defer a.mu.Unlock()
	there := a.folds[key]
	there.merge(*f)
	there.written = f.written
}

// failed notes a failed sign-in; o is zero unless there is an operator with the e-mail address.
func (s *Service) failed(o Operator, origin eventlog.Origin) {
	now := s.clock()
	s.attempts.add(foldKey{email: o.Email, address: limit.Address(origin.IP)}, fold{operator: o, origin: origin, first: now, last: now, failed: 1})
}

// refused notes a sign-in that was turned away by a rate limit. It is added to the account's fold if that has had others
// recently, and otherwise to the fold of the address: whether the account exists would have to be looked up in the database.
func (s *Service) refused(email string, origin eventlog.Origin) {
	now := s.clock()
	key := foldKey{email: email, address: limit.Address(origin.IP)}
	if !s.attempts.has(key) {
		key.email = ""
	}
	s.attempts.add(key, fold{origin: origin, first: now, last: now, refused: 1})
}

// refusedIdentity notes a sign-in by an identity that is proven but was refused; o is zero unless it is an operator of the first
// tenancy.
func (s *Service) refusedIdentity(a Assertion, o Operator, reason Refusal, origin eventlog.Origin) {
	now := s.clock()
	key := foldKey{address: limit.Address(origin.IP), refusal: refusal{identity: a.Identity, reason: reason}}
	if a.EmailVerified && validEmail(a.Email) {
		key.refusal.email = a.Email
	}
	s.attempts.add(key, fold{operator: o, origin: origin, first: now, last: now, failed: 1})
}

// Run writes failed sign-ins to the log until ctx ends: the first for an account, or a refused identity, and an address at once,
// and those that follow when their minute is over. The person who tried to sign in does not wait for the writing, because its
// duration would reveal which accounts exist. Failures are logged and retried.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(foldInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.attempts.fresh:
		}
		if err := s.writeAttempts(ctx, false); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "failed sign-ins can't be written to the log", "error", err)
		}
	}
}

// Flush writes all failed sign-ins to the log, before the process ends. Errors: those of the store; what could not be written is
// kept.
func (s *Service) Flush(ctx context.Context) error { return s.writeAttempts(ctx, true) }

func (s *Service) writeAttempts(ctx context.Context, all bool) error {
	s.attempts.writing.Lock()
	defer s.attempts.writing.Unlock()
	due := s.attempts.take(s.now(), all)
	inOrder := slices.SortedFunc(maps.Keys(due), func(a, b foldKey) int { return due[a].last.Compare(due[b].last) })
	for i, key := range inOrder {
		event, err := due[key].event(key, s.clock())
		if err == nil {
			err = s.store.RecordEvent(ctx, event)
		}
		if err != nil {
			for _, rest := range inOrder[i:] {
				s.attempts.giveBack(rest, due[rest])
			}
			return err
		}
	}
	return nil
}

// event drafts the log entry. It names the e-mail address only if it belongs to an existing operator: anything else may have been
// typed there, even a password. Attempts that concern no account belong to the platform's tenancy. The event's time is when it is
// written, because searches rely on times that rise along the log, and the attempts may have been hours ago.
func (f *fold) event(key foldKey, now time.Time) (eventlog.Draft, error) {
	told := eventlog.State{
		"attempts": f.failed + f.refused, "first_at": f.first.Format(time.RFC3339), "last_at": f.last.Format(time.RFC3339),
	}
	if f.refused > 0 {
		told["refused"] = f.refused
	}
	tenancy, action := PlatformTenancyID, eventlog.OperatorSignInFailed
	switch r := key.refusal; {
	case r != refusal{}:
		action = eventlog.OperatorSignInRefused
		told["method"], told["reason"], told["issuer"], told["subject"] = ByOIDC, r.reason, r.identity.Issuer, r.identity.Subject
		if r.email != "" {
			told["email"] = r.email
		}
	case f.operator.ID != "":
		tenancy, told["email"] = f.operator.TenancyID, f.operator.Email
	case key == foldKey{}:
		told["addresses"] = "many"
	}
	return eventlog.Draft{
		At: now, TenancyID: tenancy, Action: action, Actor: eventlog.Actor{Kind: eventlog.ActorStranger},
		Origin: f.origin, Subject: subjectOf(f.operator),
	}.Telling(nil, told)
}

// SignedOut records in the log that an operator has ended a session. Errors: those of the store.
func (s *Service) SignedOut(ctx context.Context, o Operator, origin eventlog.Origin) error {
	return s.note(ctx, eventlog.OperatorSignedOut, o, origin, nil)
}

// note records in the log something that an operator did without changing anything, and details about it, if any.
func (s *Service) note(ctx context.Context, action eventlog.Action, o Operator, origin eventlog.Origin, told eventlog.State) error {
	event, err := eventlog.Draft{
		At: s.clock(), TenancyID: o.TenancyID, Action: action, Origin: origin, Subject: subjectOf(o), Actor: actorOf(o),
	}.Telling(nil, told)
	if err != nil {
		return err
	}
	return s.store.RecordEvent(ctx, event)
}

// actorOf returns the operator as an actor.
func actorOf(o Operator) eventlog.Actor {
	return eventlog.Actor{Kind: eventlog.ActorOperator, ID: o.ID, Name: o.Email}
}
