package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
)

// keptSessions keeps sessions in memory.
type keptSessions struct {
	Sessions
	stored map[string][]byte
}

func (k keptSessions) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	data, found := k.stored[token]
	return data, found, nil
}

func (k keptSessions) CommitCtx(_ context.Context, token string, data []byte, _ time.Time) error {
	k.stored[token] = data
	return nil
}

func (k keptSessions) ReplaceCtx(_ context.Context, token string, old, data []byte, _ time.Time) error {
	if there, found := k.stored[token]; found && (old == nil || bytes.Equal(there, old)) {
		k.stored[token] = data
	}
	return nil
}

// anyOperator is a store in which every operator is found, with this session generation.
type anyOperator struct {
	operator.Store
	generation int64
}

func (a *anyOperator) OperatorByID(_ context.Context, id string) (operator.Operator, error) {
	return operator.Operator{ID: id, Status: operator.Active, SessionGeneration: a.generation}, nil
}

// sessionServer is a server with a session of Ana.
type sessionServer struct {
	*server
	kept  keptSessions
	ana   *anyOperator
	now   time.Time
	token string
}

func newSessionServer(t *testing.T) *sessionServer {
	t.Helper()
	s := &sessionServer{kept: keptSessions{stored: map[string][]byte{}}, ana: &anyOperator{}, now: time.Unix(1_900_000_000, 0)}
	clock := func() time.Time { return s.now }
	s.server = &server{sessions: newSessions(s.kept, false), operators: operator.NewService(s.ana, limit.Config{}, clock), now: clock}
	ctx, err := s.sessions.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := s.startSession(ctx, operator.Operator{ID: "ana"})
	if err != nil || len(s.kept.stored) != 1 {
		t.Fatalf("%v; %d sessions are stored", err, len(s.kept.stored))
	}
	s.token = cookie.Value
	return s
}

// load returns the context of a request of the session, as it is when the session has been read.
func (s *sessionServer) load(t *testing.T) context.Context {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: s.token})
	ctx, err := s.loadSession(r, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestASessionCountsUntilItIsIdleOrEnded, and is not stored again by a request that read it before it was ended.
func TestASessionCountsUntilItIsIdleOrEnded(t *testing.T) {
	for name, test := range map[string]struct {
		unseen time.Duration
		ended  bool
		want   error
	}{
		"in use":                       {sessionTouch - time.Second, false, nil},
		"in use, ended meanwhile":      {sessionTouch - time.Second, true, nil}, // the next request finds none
		"to be noted":                  {sessionTouch, false, nil},
		"to be noted, ended meanwhile": {sessionTouch, true, nil},
		"idle for the longest":         {sessionIdle, false, nil},
		"idle for longer":              {sessionIdle + time.Second, false, operator.ErrNotFound},
	} {
		s := newSessionServer(t)
		s.now = s.now.Add(test.unseen)
		ctx := s.load(t)
		if test.ended {
			clear(s.kept.stored)
		}
		if o, err := s.signedIn(ctx); !errors.Is(err, test.want) || (err == nil) != (o.ID == "ana") {
			t.Errorf("%s: got %+v, %v, want %v", name, o, err, test.want)
		}
		if test.ended && len(s.kept.stored) != 0 {
			t.Errorf("%s: it is stored again", name)
		}
	}
}

// TestRecordingAUseUndoesNoChange: a request that read the session before a change of the password records its use afterwards.
func TestRecordingAUseUndoesNoChange(t *testing.T) {
	s := newSessionServer(t)
	s.now = s.now.Add(sessionTouch)
	slow, changing := s.load(t), s.load(t)
	if _, err := s.signedIn(changing); err != nil {
		t.Fatal(err)
	}
	s.sessions.Put(changing, sessionGeneration, s.ana.generation+1)
	if _, _, err := s.sessions.Commit(changing); err != nil {
		t.Fatal(err)
	}
	if _, err := s.signedIn(slow); err != nil { // it read the operator before the change, too
		t.Fatal(err)
	}
	s.ana.generation++
	if _, err := s.signedIn(s.load(t)); err != nil {
		t.Errorf("the session that changed the password: %v", err)
	}
}
