package api

import (
	"context"
	"errors"
	"testing"
	"time"
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
