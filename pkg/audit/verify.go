package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Report is the result of a verification.
type Report struct {
	// Base is where the verification began.
	Base Base
	// Head is the position that was reached: all events up to it are as they were written.
	Head eventlog.Head
	// Broken is the first place that differs from what was written, nil if there is none.
	Broken *eventlog.BrokenError
}

// Events returns how many events were verified.
func (r Report) Events() int64 { return r.Head.Seq - r.Base.Seq }

// verification is a running verification, shared by all who asked for one meanwhile.
type verification struct {
	done    chan struct{}
	report  Report
	err     error
	waiting int // guarded by the service's mu
	cancel  context.CancelFunc
}

// Verify checks the chain from the log's base to its head. Because it reads the whole log, simultaneous callers share one
// verification, which continues as long as at least one of them waits. Errors: those of the store. A broken log is not an error,
// but recorded in the report.
func (s *Service) Verify(ctx context.Context) (Report, error) {
	v := s.join(ctx)
	defer s.leave(v)
	select {
	case <-v.done:
		return v.report, v.err
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
}

// join returns the running verification, after starting one if there is none.
func (s *Service) join(ctx context.Context) *verification {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		v := &verification{done: make(chan struct{}), cancel: cancel}
		s.running = v
		go func() {
			defer close(v.done)
			v.report, v.err = s.verify(ctx, func(eventlog.Event) error { return nil })
			s.forget(v)
		}()
	}
	s.running.waiting++
	return s.running
}

// leave ends the verification if nobody waits for it any more. The next caller starts another one.
func (s *Service) leave(v *verification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.waiting--; v.waiting > 0 {
		return
	}
	v.cancel()
	if s.running == v {
		s.running = nil
	}
}

func (s *Service) forget(v *verification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == v {
		s.running = nil
	}
}

// verify checks the chain and calls visit with each event that is in its place.
func (s *Service) verify(ctx context.Context, visit func(eventlog.Event) error) (Report, error) {
	for {
		base, err := s.store.Base(ctx)
		if err != nil {
			return Report{}, err
		}
		report := Report{Base: base, Head: base.Head}
		err = s.checkBase(ctx, base)
		if err == nil {
			report.Head, err = eventlog.VerifyEach(ctx, s.store, base.Head, visit)
		}
		if !errors.As(err, &report.Broken) {
			return report, err
		}
		// Events that were pruned while they were being read also appear to be missing. In that case the base has moved.
		now, err := s.store.Base(ctx)
		if err != nil || now.Seq == base.Seq {
			return report, err
		}
	}
}

// checkBase makes sure that this service itself removed the events up to the base.
func (s *Service) checkBase(ctx context.Context, base Base) error {
	if base.Seq == 0 && base.PrunedAt.IsZero() && base.Proof == "" {
		return nil
	}
	proven, err := s.readStatement(ctx, baseType, base.Proof)
	switch {
	case errors.Is(err, ErrNotSigned):
		return &eventlog.BrokenError{Seq: base.Seq, Reason: "is said to be the last one that was pruned, but the proof is not signed by this service"}
	case err != nil:
		return err
	case proven.Seq != base.Seq || !bytes.Equal(proven.Hash, base.Hash) || !proven.prunedAt.Equal(base.PrunedAt):
		return &eventlog.BrokenError{Seq: base.Seq, Reason: "is not the one that was proven to be the last one that was pruned"}
	default:
		return nil
	}
}

// VerifyAgainst checks the chain, and that the event that a checkpoint refers to is still there. So it also detects a log whose
// end was cut off, or that was rewritten as a whole. Errors: [ErrNotSigned], [ErrCheckpointTooOld]; those of the store. A broken
// log is recorded in the report.
func (s *Service) VerifyAgainst(ctx context.Context, checkpoint string) (Report, Checkpoint, error) {
	c, err := s.readStatement(ctx, checkpointType, checkpoint)
	if err != nil {
		return Report{}, Checkpoint{}, err
	}
	found := eventlog.EmptyHead()
	report, err := s.verify(ctx, func(e eventlog.Event) error {
		if e.Seq == c.Seq {
			found = eventlog.Head{Seq: e.Seq, Hash: e.Hash}
		}
		return nil
	})
	switch {
	case err != nil || report.Broken != nil:
		return report, c, err
	case c.Seq < report.Base.Seq:
		return report, c, fmt.Errorf("%w: it is of event %d, but the events up to %d were pruned on %s",
			ErrCheckpointTooOld, c.Seq, report.Base.Seq, report.Base.PrunedAt.Format(time.DateOnly))
	case c.Seq == report.Base.Seq:
		found = report.Base.Head
	}
	switch {
	case report.Head.Seq < c.Seq:
		report.Broken = &eventlog.BrokenError{Seq: report.Head.Seq + 1, Reason: fmt.Sprintf("is missing: the checkpoint tells of event %d", c.Seq)}
	case !bytes.Equal(found.Hash, c.Hash):
		report.Broken = &eventlog.BrokenError{Seq: c.Seq, Reason: "is not the event that the checkpoint tells of"}
	}
	return report, c, nil
}
