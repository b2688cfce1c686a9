package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
)

// oneSession keeps sessions in memory.
type oneSession struct {
	Sessions
	stored map[string]bool
}

func (o oneSession) CommitCtx(_ context.Context, token string, _ []byte, _ time.Time) error {
	o.stored[token] = true
	return nil
}

func (o oneSession) ReplaceCtx(_ context.Context, token string, _ []byte, _ time.Time) (bool, error) {
	return o.stored[token], nil
}

// TestASessionThatHasEndedIsNotStoredAgain: a request that read the session before the sign-out may record its use afterwards.
func TestASessionThatHasEndedIsNotStoredAgain(t *testing.T) {
	kept := oneSession{stored: map[string]bool{}}
	sessions := newSessions(kept, false)
	ctx, err := sessions.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	sessions.Put(ctx, sessionOperator, "ana")
	if _, _, err := sessions.Commit(context.WithValue(ctx, starting{}, true)); err != nil || len(kept.stored) != 1 {
		t.Fatalf("a new one: %v, %d are stored", err, len(kept.stored))
	}
	if _, _, err := sessions.Commit(ctx); err != nil {
		t.Errorf("one that is in use: %v", err)
	}
	clear(kept.stored)
	if _, _, err := sessions.Commit(ctx); !errors.Is(err, errSessionEnded) || len(kept.stored) != 0 {
		t.Errorf("one that has ended: %v, %d are stored", err, len(kept.stored))
	}
}

// anyOperator is a store in which every operator is found.
type anyOperator struct{ operator.Store }

func (anyOperator) OperatorByID(_ context.Context, id string) (operator.Operator, error) {
	return operator.Operator{ID: id, Status: operator.Active}, nil
}

// TestASessionCountsUntilItIsIdleOrEnded, also if it ends between being read and being recorded as used.
func TestASessionCountsUntilItIsIdleOrEnded(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	for name, test := range map[string]struct {
		unseen time.Duration
		ended  bool
		want   error
	}{
		"in use":                       {sessionTouch - time.Second, false, nil},
		"in use, ended meanwhile":      {sessionTouch - time.Second, true, nil}, // the next request finds none
		"to be noted":                  {sessionTouch, false, nil},
		"to be noted, ended meanwhile": {sessionTouch, true, operator.ErrNotFound},
		"idle for the longest":         {sessionIdle, false, nil},
		"idle for longer":              {sessionIdle + time.Second, false, operator.ErrNotFound},
	} {
		kept := oneSession{stored: map[string]bool{}}
		clock := func() time.Time { return now }
		s := &server{sessions: newSessions(kept, false), operators: operator.NewService(anyOperator{}, limit.Config{}, clock), now: clock}
		ctx, err := s.sessions.Load(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		s.sessions.Put(ctx, sessionOperator, "ana")
		s.sessions.Put(ctx, sessionSeen, now.Add(-test.unseen).Unix())
		if _, _, err := s.sessions.Commit(context.WithValue(ctx, starting{}, true)); err != nil {
			t.Fatal(err)
		}
		if test.ended {
			clear(kept.stored)
		}
		if o, err := s.signedIn(ctx); !errors.Is(err, test.want) || (err == nil) != (o.ID == "ana") {
			t.Errorf("%s: got %+v, %v, want %v", name, o, err, test.want)
		}
	}
}
