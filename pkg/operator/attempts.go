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

// How failed sign-ins are folded into events: a flood of them costs a process at most foldsMax+1 events in foldPeriod.
const (
	foldPeriod   = time.Minute
	foldsMax     = 100
	foldInterval = 5 * time.Second // how often it is looked for what is due
)

// foldKey is whose failed sign-ins are one event. The zero foldKey is of what is folded for want of room.
type foldKey struct {
	email   string // of an operator that exists, else empty
	address netip.Addr
	refusal refusal
}

// refusal is who a provider has identified and why they don't sign in. The zero refusal is of sign-ins with a password.
type refusal struct {
	identity Identity
	email    string // that the provider vouches for, else empty
	reason   Refusal
}

// fold is failed sign-ins that become one event. It is kept for foldPeriod after its event was written, and what comes in
// that time is for the next one.
type fold struct {
	operator Operator        // zero unless it is known whose account it is
	origin   eventlog.Origin // of the last one
	first    time.Time
	last     time.Time
	failed   int64     // with a wrong password, to no account, or by an identity that does not get in
	refused  int64     // for being too many; what they would have been was not looked at
	written  time.Time // when the last event was, zero before the first
}

func (f *fold) empty() bool { return f.failed+f.refused == 0 }

// merge adds another's sign-ins.
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

// attempts holds the failed sign-ins that are not in the log yet. It is safe for concurrent use, and never waits for the
// log.
type attempts struct {
	mu    sync.Mutex
	folds map[foldKey]*fold
	fresh chan struct{} // has an element when there may be a fold without any event yet

	writing sync.Mutex // held while some are written, so that the last writing misses none that another gives back
}

func newAttempts() *attempts {
	return &attempts{folds: map[foldKey]*fold{}, fresh: make(chan struct{}, 1)}
}

// add puts f to what is there of the same account and address.
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
		default: // who writes is told already
		}
		return
	}
	there.merge(f)
}

// has reports whether failed sign-ins of this account and address are held, or were lately.
func (a *attempts) has(key foldKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.folds[key]
	return ok
}

// take returns the folds that are due: those whose last event was written at least foldPeriod ago, or with all every one that
// has something. It forgets those that have had nothing for that long.
func (a *attempts) take(now time.Time, all bool) map[foldKey]*fold {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := map[foldKey]*fold{}
	for key, f := range a.folds {
		over := now.Sub(f.written) >= foldPeriod
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

// giveBack undoes the taking of a fold that could not be written. Between the two nothing else is taken.
func (a *attempts) giveBack(key foldKey, f *fold) {
	a.mu.Lock()
	defer a.mu.Unlock()
	there := a.folds[key]
	there.merge(*f)
	there.written = f.written
}

// failed notes a sign-in that failed; o is zero unless there is an operator with the e-mail address.
func (s *Service) failed(o Operator, origin eventlog.Origin) {
	now := s.clock()
	s.attempts.add(foldKey{email: o.Email, address: limit.Address(origin.IP)}, fold{operator: o, origin: origin, first: now, last: now, failed: 1})
}

// refused notes a sign-in that was not looked at. It is put to the account's others, if there were any lately, and else to
// those of its address: whether there is such an account would have to be asked of the database.
func (s *Service) refused(email string, origin eventlog.Origin) {
	now := s.clock()
	key := foldKey{email: email, address: limit.Address(origin.IP)}
	if !s.attempts.has(key) {
		key.email = ""
	}
	s.attempts.add(key, fold{origin: origin, first: now, last: now, refused: 1})
}

// refusedIdentity notes a sign-in by an identity that is proven and does not get in; o is zero unless there is an operator of the
// first tenancy.
func (s *Service) refusedIdentity(a Assertion, o Operator, reason Refusal, origin eventlog.Origin) {
	now := s.clock()
	key := foldKey{address: limit.Address(origin.IP), refusal: refusal{identity: a.Identity, reason: reason}}
	if a.EmailVerified && validEmail(a.Email) {
		key.refusal.email = a.Email
	}
	s.attempts.add(key, fold{operator: o, origin: origin, first: now, last: now, failed: 1})
}

// Run writes failed sign-ins to the log until ctx ends: the first of an account, or of a refused identity, and address at
// once, those that follow it when their minute is over. Who tried does not wait for that, or the time it takes would tell
// which accounts there are. Failures are logged and tried again.
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

// Flush writes all failed sign-ins to the log, for when the process ends. Errors: those of the store; what could not be
// written is kept.
func (s *Service) Flush(ctx context.Context) error { return s.writeAttempts(ctx, true) }

func (s *Service) writeAttempts(ctx context.Context, all bool) error {
	s.attempts.writing.Lock()
	defer s.attempts.writing.Unlock()
	due := s.attempts.take(s.clock(), all)
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

// event drafts the entry of the log. It names the e-mail address only of an operator that exists: what else was typed may be
// anything, a password among it. Attempts on no account belong to the platform's tenancy. Its time is when it is written, as
// searches rely on times that rise with the log, and the attempts may be of hours ago.
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

// SignedOut notes in the log that an operator has ended a session. Errors: those of the store.
func (s *Service) SignedOut(ctx context.Context, o Operator, origin eventlog.Origin) error {
	return s.note(ctx, eventlog.OperatorSignedOut, o, origin, nil)
}

// note writes to the log what an operator did that changed nothing, and what is told about it, if anything.
func (s *Service) note(ctx context.Context, action eventlog.Action, o Operator, origin eventlog.Origin, told eventlog.State) error {
	event, err := eventlog.Draft{
		At: s.clock(), TenancyID: o.TenancyID, Action: action, Origin: origin, Subject: subjectOf(o), Actor: actorOf(o),
	}.Telling(nil, told)
	if err != nil {
		return err
	}
	return s.store.RecordEvent(ctx, event)
}

// actorOf is the operator as who makes a change.
func actorOf(o Operator) eventlog.Actor {
	return eventlog.Actor{Kind: eventlog.ActorOperator, ID: o.ID, Name: o.Email}
}
