package audit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// slowLog is an empty log that returns its head only when the test lets it.
type slowLog struct {
	audit.Store
	readings  atomic.Int32
	cancelled atomic.Int32
	answer    chan error
}

func (l *slowLog) Base(context.Context) (audit.Base, error) {
	return audit.Base{Head: eventlog.EmptyHead()}, nil
}

func (l *slowLog) Head(ctx context.Context) (eventlog.Head, error) {
	l.readings.Add(1)
	select {
	case err := <-l.answer:
		return eventlog.EmptyHead(), err
	case <-ctx.Done():
		l.cancelled.Add(1)
		return eventlog.Head{}, ctx.Err()
	}
}

func (l *slowLog) After(context.Context, int64, int) ([]eventlog.Event, error) { return nil, nil }

func TestWhoAsksAtOnceSharesOneVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{answer: make(chan error)}
		s := audit.NewService(log, nil, "", time.Now)
		verified := make(chan error, 3)
		impatient, leave := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{impatient, t.Context(), t.Context()} {
			go func() {
				_, err := s.Verify(ctx)
				verified <- err
			}()
		}
		synctest.Wait()
		leave()
		if err := <-verified; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		log.answer <- nil
		for range 2 {
			if err := <-verified; err != nil {
				t.Errorf("who stayed got %v", err)
			}
		}
		if log.readings.Load() != 1 || log.cancelled.Load() != 0 {
			t.Errorf("the log was read %d times, %d of them in vain", log.readings.Load(), log.cancelled.Load())
		}
		go func() {
			_, err := s.Verify(t.Context())
			verified <- err
		}()
		down := errors.New("down")
		log.answer <- down
		if err := <-verified; !errors.Is(err, down) {
			t.Errorf("the next one got %v", err)
		}
	})
}

func TestAVerificationEndsWhenNobodyWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{answer: make(chan error)}
		s := audit.NewService(log, nil, "", time.Now)
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.Verify(ctx)
				left <- err
			}()
		}
		synctest.Wait()
		leave()
		for range 2 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		}
		synctest.Wait()
		if log.cancelled.Load() != 1 {
			t.Errorf("%d of %d readings were ended", log.cancelled.Load(), log.readings.Load())
		}
		go func() {
			_, err := s.Verify(t.Context())
			left <- err
		}()
		log.answer <- nil
		if err := <-left; err != nil {
			t.Errorf("who came later got %v", err)
		}
	})
}
