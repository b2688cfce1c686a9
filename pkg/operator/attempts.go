package operator

import (
	"context"
	"encoding/json"
	"fmt"
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

// foldKey is whose failed sign-ins are one event.
type foldKey struct {
	email   string     // of an operator that exists, else empty
	address netip.Addr // zero for what is folded for want of room
}

// fold is failed sign-ins that become one event.
type fold struct {
	operator Operator        // zero unless it is known whose account it is
	origin   eventlog.Origin // of the last one
	first    time.Time
	last     time.Time
	failed   int64 // with a wrong password, or to no account
	refused  int64 // for being too many; what they would have been was not looked at
}

// attempts holds the failed sign-ins that are not in the log yet. It is safe for concurrent use, and never waits for the
// log.
type attempts struct {
	mu    sync.Mutex
	folds map[foldKey]*fold

	writing sync.Mutex // held while some are written, so that the last writing misses none that another gives back
}

func newAttempts() *attempts { return &attempts{folds: map[foldKey]*fold{}} }

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
		return
	}
	if f.last.After(there.last) {
		there.last, there.origin = f.last, f.origin
	}
	if f.first.Before(there.first) {
		there.first = f.first
	}
	there.failed += f.failed
	there.refused += f.refused
}

// has reports whether failed sign-ins of this account and address are held.
func (a *attempts) has(key foldKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.folds[key]
	return ok
}

// take returns, and no longer holds, what began at a time or before.
func (a *attempts) take(upTo time.Time) map[foldKey]*fold {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := maps.Clone(a.folds)
	maps.DeleteFunc(due, func(_ foldKey, f *fold) bool { return f.first.After(upTo) })
	for key := range due {
		delete(a.folds, key)
	}
	return due
}

// failed notes a sign-in that failed; o is zero unless there is an operator with the e-mail address.
func (s *Service) failed(o Operator, origin eventlog.Origin) {
	now := s.clock()
	s.attempts.add(foldKey{o.Email, limit.Address(origin.IP)}, fold{operator: o, origin: origin, first: now, last: now, failed: 1})
}

// refused notes a sign-in that was not looked at. It is put to the account's others, if there were any lately, and else to
// those of its address: whether there is such an account would have to be asked of the database.
func (s *Service) refused(email string, origin eventlog.Origin) {
	now := s.clock()
	key := foldKey{email, limit.Address(origin.IP)}
	if !s.attempts.has(key) {
		key.email = ""
	}
	s.attempts.add(key, fold{origin: origin, first: now, last: now, refused: 1})
}

// Run writes failed sign-ins to the log when their minute is over, until ctx ends. Failures are logged and tried again.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(foldInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.writeAttempts(ctx, s.clock().Add(-foldPeriod)); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "failed sign-ins can't be written to the log", "error", err)
		}
	}
}

// Flush writes all failed sign-ins to the log, for when the process ends. Errors: those of the store; what could not be
// written is kept.
func (s *Service) Flush(ctx context.Context) error { return s.writeAttempts(ctx, s.clock()) }

func (s *Service) writeAttempts(ctx context.Context, upTo time.Time) error {
	s.attempts.writing.Lock()
	defer s.attempts.writing.Unlock()
	due := s.attempts.take(upTo)
	inOrder := slices.SortedFunc(maps.Keys(due), func(a, b foldKey) int { return due[a].last.Compare(due[b].last) })
	for i, key := range inOrder {
		event, err := due[key].event(key)
		if err == nil {
			err = s.store.RecordEvent(ctx, event)
		}
		if err != nil {
			for _, rest := range inOrder[i:] {
				s.attempts.add(rest, *due[rest])
			}
			return err
		}
	}
	return nil
}

// event drafts the entry of the log. It names the e-mail address only of an operator that exists: what else was typed may be
// anything, a password among it. Attempts on no account belong to the platform's tenancy.
func (f *fold) event(key foldKey) (eventlog.Draft, error) {
	told := map[string]any{
		"attempts": f.failed + f.refused, "first_at": f.first.Format(time.RFC3339), "last_at": f.last.Format(time.RFC3339),
	}
	if f.refused > 0 {
		told["refused"] = f.refused
	}
	tenancy := PlatformTenancyID
	switch {
	case f.operator.ID != "":
		tenancy, told["email"] = f.operator.TenancyID, f.operator.Email
	case key == foldKey{}:
		told["addresses"] = "many"
	}
	after, err := json.Marshal(told)
	if err != nil {
		return eventlog.Draft{}, fmt.Errorf("encode event: %w", err)
	}
	return eventlog.Draft{
		At: f.last, TenancyID: tenancy, Action: eventlog.OperatorSignInFailed, Actor: eventlog.Actor{Kind: eventlog.ActorStranger},
		Origin: f.origin, Subject: subjectOf(f.operator), After: after,
	}, nil
}

// SignedOut notes in the log that an operator has ended a session. Errors: those of the store.
func (s *Service) SignedOut(ctx context.Context, o Operator, origin eventlog.Origin) error {
	return s.note(ctx, eventlog.OperatorSignedOut, o, origin)
}

// note writes to the log what an operator did that changed nothing.
func (s *Service) note(ctx context.Context, action eventlog.Action, o Operator, origin eventlog.Origin) error {
	return s.store.RecordEvent(ctx, eventlog.Draft{
		At: s.clock(), TenancyID: o.TenancyID, Action: action, Origin: origin, Subject: subjectOf(o),
		Actor: eventlog.Actor{Kind: eventlog.ActorOperator, ID: o.ID, Name: o.Email},
	})
}
