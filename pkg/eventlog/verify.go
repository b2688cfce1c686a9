package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// verifyBatch is how many events are read at a time.
const verifyBatch = 1000

// ErrBroken matches every [BrokenError].
var ErrBroken = errors.New("the event log is broken")

// BrokenError names the first place where the log differs from what was written.
type BrokenError struct {
	Seq    int64 // of the first event that is missing or does not follow the previous one
	Reason string
}

func (e *BrokenError) Error() string { return fmt.Sprintf("event %d: %s", e.Seq, e.Reason) }

// Is makes errors.Is(err, ErrBroken) true.
func (e *BrokenError) Is(target error) bool { return target == ErrBroken }

// Verify checks the chain from a trusted position, [EmptyHead] for the whole log, to the log's head, and returns the position
// that it reached. Events that are appended meanwhile may or may not be checked.
//
// Errors: a [BrokenError] naming the first event that was changed, moved or removed; those of log.
func Verify(ctx context.Context, log Log, from Head) (Head, error) {
	return VerifyEach(ctx, log, from, func(Event) error { return nil })
}

// VerifyEach is [Verify], and calls visit with each event, in order, once it is known to follow the previous one. An error from
// visit ends the verification and is returned.
func VerifyEach(ctx context.Context, log Log, from Head, visit func(Event) error) (Head, error) {
	head, err := log.Head(ctx)
	if err != nil {
		return from, err
	}
	switch {
	case head.Seq < from.Seq:
		return from, &BrokenError{head.Seq + 1, "is missing"}
	case head.Seq == from.Seq && !bytes.Equal(head.Hash, from.Hash):
		return from, &BrokenError{from.Seq, "is not the event that was trusted"}
	}
	at := from
	for {
		events, err := log.After(ctx, at.Seq, verifyBatch)
		if err != nil {
			return at, err
		}
		for _, e := range events {
			ok, err := e.verifiesAfter(at)
			switch {
			case err != nil:
				return at, err
			case e.Seq != at.Seq+1:
				return at, &BrokenError{at.Seq + 1, "is missing"}
			case !ok:
				return at, &BrokenError{e.Seq, "does not match its hash or does not follow the event before it"}
			}
			at = Head{Seq: e.Seq, Hash: e.Hash}
			if at.Seq == head.Seq && !bytes.Equal(at.Hash, head.Hash) {
				return at, &BrokenError{e.Seq, "is not what the log's head says it is"}
			}
			if err := visit(e); err != nil {
				return at, err
			}
		}
		if len(events) < verifyBatch {
			break
		}
	}
	if at.Seq < head.Seq {
		return at, &BrokenError{at.Seq + 1, "is missing"}
	}
	return at, checkEnd(ctx, log, head, at)
}

// checkEnd makes sure that the events read beyond the first head were appended properly: an event and the head move together.
func checkEnd(ctx context.Context, log Log, first, at Head) error {
	if at.Seq == first.Seq {
		return nil
	}
	head, err := log.Head(ctx)
	switch {
	case err != nil:
		return err
	case head.Seq < at.Seq:
		return &BrokenError{head.Seq + 1, "stands after the end of the log"}
	case head.Seq == at.Seq && !bytes.Equal(head.Hash, at.Hash):
		return &BrokenError{at.Seq, "is not what the log's head says it is"}
	default:
		return nil
	}
}
