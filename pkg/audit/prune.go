package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// KeepAtLeast is the shortest time that events can be kept for: the log informs resource servers of revocations for as long as a
// token can live, plus a margin.
const KeepAtLeast = 25 * time.Hour

// Pruned is the result of pruning.
type Pruned struct {
	Base   Base  // where the log begins now
	Events int64 // how many were removed by this call
}

// Prune removes the events that are older than keep, oldest first, up to the first one that is not. It verifies the whole log
// first, and never removes a broken one. The new beginning of the log is signed and stored together with the first removal, and
// an event records it; so a verification at any moment, even after a crash midway, starts where the log begins. After a crash,
// another call finishes the removal. Errors: an [eventlog.BrokenError] if the log is broken; [ErrMoved]; signing.ErrNoKey; those
// of the store.
func (s *Service) Prune(ctx context.Context, keep time.Duration, actor eventlog.Actor) (Pruned, error) {
	if keep < KeepAtLeast {
		return Pruned{}, fmt.Errorf("events must be kept for at least %s", KeepAtLeast)
	}
	now := s.clock()
	cutoff := now.Add(-keep)
	oldest, reached := eventlog.Head{}, false
	report, err := s.verify(ctx, func(e eventlog.Event) error {
		reached = reached || !e.At.Before(cutoff)
		if !reached {
			oldest = eventlog.Head{Seq: e.Seq, Hash: e.Hash}
		}
		return nil
	})
	if err != nil {
		return Pruned{}, err
	}
	if report.Broken != nil {
		return Pruned{}, report.Broken
	}
	base := report.Base
	if oldest.Seq > base.Seq {
		if base, err = s.moveBase(ctx, base, oldest, cutoff, actor); err != nil {
			return Pruned{}, err
		}
	}
	for {
		deleted, err := s.store.DeletePruned(ctx)
		if err != nil {
			return Pruned{}, err
		}
		if deleted == 0 {
			return Pruned{Base: base, Events: base.Seq - report.Base.Seq}, nil
		}
	}
}

// moveBase makes the log begin after the event at to.
func (s *Service) moveBase(ctx context.Context, old Base, to eventlog.Head, cutoff time.Time, actor eventlog.Actor) (Base, error) {
	now := s.clock()
	proof, err := s.sign(baseType, to, now)
	if err != nil {
		return Base{}, err
	}
	event, err := eventlog.Draft{
		At: now, Action: eventlog.LogPruned, Actor: actor, Subject: eventlog.Subject{Kind: eventlog.SubjectLog},
	}.Telling(nil, eventlog.State{"from_seq": old.Seq + 1, "up_to_seq": to.Seq, "older_than": cutoff.Format(time.RFC3339)})
	if err != nil {
		return Base{}, err
	}
	base := Base{Head: to, PrunedAt: now, Proof: proof}
	return base, s.store.SetBase(ctx, old, base, event)
}
