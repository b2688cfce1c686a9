package api

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/operator"
)

// sessionCookie is the name of the cookie that holds a session's token.
const sessionCookie = "apikeys_session"

// How long a session lasts at most, and how long without a request.
const (
	sessionLifetime = 12 * time.Hour
	sessionIdle     = 2 * time.Hour
)

// sessionTouch is the shortest time between two writes of a session's last use, so that browsing costs few writes.
const sessionTouch = time.Minute

// What a session holds.
const (
	sessionOperator   = "operator"   // the operator's id
	sessionGeneration = "generation" // the operator's session generation at sign-in
	sessionSeen       = "seen"       // Unix seconds of the last use that was written
	sessionStarted    = "started"    // Unix seconds of sign-in
	sessionIP         = "ip"         // the address that signed in
	sessionUserAgent  = "user_agent" // the User-Agent that signed in
	sessionMark       = "mark"       // random; tells sessions apart without their tokens
)

// Sessions is where sessions are kept.
type Sessions interface {
	scs.CtxStore
	scs.IterableCtxStore
	// ReplaceCtx stores a session in place of the one with the same token, if there is one and its data is old; nil stands for any.
	ReplaceCtx(ctx context.Context, token string, old, data []byte, expiry time.Time) error
}

// lastingSessions prevents a request from storing a session again that was ended after the request had read it, and from undoing
// what another request has changed in the meantime, merely by recording a use. Only startSession stores new sessions.
type lastingSessions struct{ Sessions }

// Keys of contexts.
type (
	starting struct{} // marks that in which a new session is stored
	using    struct{} // marks that in which a session's use is recorded
	asRead   struct{} // has a pointer to the session's data as the request read it
)

// FindCtx implements scs.CtxStore.
func (l lastingSessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	data, found, err := l.Sessions.FindCtx(ctx, token)
	if read, ok := ctx.Value(asRead{}).(*[]byte); ok {
		*read = data
	}
	return data, found, err
}

// CommitCtx implements scs.CtxStore.
func (l lastingSessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	if ctx.Value(starting{}) != nil {
		return l.Sessions.CommitCtx(ctx, token, data, expiry)
	}
	var old []byte
	if read, ok := ctx.Value(asRead{}).(*[]byte); ok && ctx.Value(using{}) != nil {
		old = *read
	}
	return l.ReplaceCtx(ctx, token, old, data, expiry)
}

// newSessions returns the manager of the operators' sessions. The store sees only a hash of each token, so that nobody who reads
// the database can take over a session.
func newSessions(store Sessions, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store = lastingSessions{store}
	m.Lifetime = sessionLifetime // no IdleTimeout: scs would measure it by the wall clock, and write at every request
	m.HashTokenInStore = true
	m.Cookie.Name = sessionCookie
	m.Cookie.HttpOnly, m.Cookie.SameSite, m.Cookie.Secure = true, http.SameSiteLaxMode, secure
	return m
}

// loadSession returns a context with the session that the request's cookie names, or with a new, empty one. Since anybody can
// invent cookies, those that name no session count against the address. Errors: those of the store; limit.ExceededError.
func (s *server) loadSession(r *http.Request, from netip.Addr) (context.Context, error) {
	token := ""
	// A browser sends one such cookie. If there are several, all but one were planted by a host that shares a domain with this one,
	// and it can't be told which one is ours (RFC 6265 §8.6).
	if cookies := r.CookiesNamed(sessionCookie); len(cookies) == 1 {
		token = cookies[0].Value
	}
	if token != "" {
		if err := s.guesses.Check(from); err != nil {
			return nil, err
		}
	}
	var found []byte
	ctx, err := s.sessions.Load(context.WithValue(r.Context(), asRead{}, &found), token)
	if err == nil && token != "" && found == nil {
		s.guesses.Count(from)
	}
	return ctx, err
}

// signedIn returns the operator of the context's session, and records that the session is in use. Errors: [operator.ErrNotFound]
// if nobody is signed in, or the session has ended.
func (s *server) signedIn(ctx context.Context) (operator.Operator, error) {
	id := s.sessions.GetString(ctx, sessionOperator)
	if id == "" {
		return operator.Operator{}, operator.ErrNotFound
	}
	o, err := s.operators.BySession(ctx, id, s.sessions.GetInt64(ctx, sessionGeneration))
	if err != nil {
		return operator.Operator{}, err
	}
	unseen := s.unseen(ctx)
	if unseen > sessionIdle {
		return operator.Operator{}, operator.ErrNotFound
	}
	if unseen >= sessionTouch {
		s.sessions.Put(ctx, sessionSeen, s.now().Unix())
		switch _, _, err := s.sessions.Commit(context.WithValue(ctx, using{}, true)); {
		case errors.Is(err, apikey.ErrUnavailable):
			// A store that can't be written to (a full disk, say) is no reason to turn the operator away; the session merely times out
			// sooner.
			s.log.WarnContext(ctx, "the use of a session can't be recorded", "error", err)
		case err != nil:
			return operator.Operator{}, err
		}
	}
	return o, nil
}

// unseen returns how long ago the context's session was last used.
func (s *server) unseen(ctx context.Context) time.Duration {
	return s.now().Sub(time.Unix(s.sessions.GetInt64(ctx, sessionSeen), 0))
}

// SignIn starts a session. Its token is new whatever cookie the request had, so that nobody can prepare a session for somebody
// else to sign in to (session fixation).
func (s *server) SignIn(ctx context.Context, request oas.SignInRequestObject) (oas.SignInResponseObject, error) {
	o, err := s.operators.SignIn(ctx, request.Body.Email, request.Body.Password, callerOf(ctx).Origin)
	if err != nil {
		return nil, err
	}
	session, err := s.startSession(ctx, o)
	if err != nil {
		return nil, err
	}
	view, err := s.sessionView(ctx, o)
	if err != nil {
		return nil, err
	}
	cookie := session.String()
	return oas.SignIn201JSONResponse{Body: view, Headers: oas.SignIn201ResponseHeaders{SetCookie: &cookie}}, nil
}

// startSession makes the context's session the operator's, under a new token, and returns its cookie.
func (s *server) startSession(ctx context.Context, o operator.Operator) (*http.Cookie, error) {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return nil, err
	}
	s.sessions.Put(ctx, sessionOperator, o.ID)
	s.sessions.Put(ctx, sessionGeneration, o.SessionGeneration)
	now := s.now()
	s.sessions.Put(ctx, sessionSeen, now.Unix())
	s.sessions.Put(ctx, sessionStarted, now.Unix())
	s.sessions.Put(ctx, sessionIP, callerOf(ctx).Origin.IP)
	s.sessions.Put(ctx, sessionUserAgent, callerOf(ctx).Origin.UserAgent)
	s.sessions.Put(ctx, sessionMark, rand.Text())
	s.sessions.SetDeadline(ctx, now.Add(sessionLifetime))
	token, _, err := s.sessions.Commit(context.WithValue(ctx, starting{}, true))
	if err != nil {
		return nil, err
	}
	return s.cookie(token, s.sessions.Deadline(ctx)), nil
}

// GetSession says who is signed in.
func (s *server) GetSession(ctx context.Context, _ oas.GetSessionRequestObject) (oas.GetSessionResponseObject, error) {
	view, err := s.sessionView(ctx, principalOf(ctx).operator)
	return oas.GetSession200JSONResponse(view), err
}

// SignOut ends the session, if there is one, and removes its cookie.
func (s *server) SignOut(ctx context.Context, _ oas.SignOutRequestObject) (oas.SignOutResponseObject, error) {
	o, err := s.signedIn(ctx)
	if err != nil && !errors.Is(err, operator.ErrNotFound) {
		return nil, err
	}
	signedIn := err == nil
	if err := s.sessions.Destroy(ctx); err != nil {
		return nil, err
	}
	if signedIn {
		if err := s.operators.SignedOut(ctx, o, callerOf(ctx).Origin); err != nil {
			return nil, err
		}
	}
	cookie := s.cookie("", time.Time{}).String()
	return oas.SignOut204Response{Headers: oas.SignOut204ResponseHeaders{SetCookie: &cookie}}, nil
}

// sessionView describes the context's session.
func (s *server) sessionView(ctx context.Context, o operator.Operator) (oas.Session, error) {
	t, err := s.operators.Tenancy(ctx, o.TenancyID)
	if err != nil {
		return oas.Session{}, err
	}
	return oas.Session{
		ExpiresAt: s.sessions.Deadline(ctx).UTC().Truncate(time.Second),
		Operator:  oas.SignedInOperator{ID: o.ID, Email: o.Email, Role: oas.Role(o.Role), SignInMethod: oas.SignInMethod(o.SignInMethod())},
		Tenancy:   oas.Tenancy{ID: t.ID, Name: t.Name},
	}, nil
}

// cookie returns the session's cookie or, for an empty token, one that removes it.
func (s *server) cookie(token string, deadline time.Time) *http.Cookie {
	template := s.sessions.Cookie
	cookie := &http.Cookie{ //nolint:gosec // the attributes are set, from the manager; Secure only where there is TLS
		Name: template.Name, Value: token, Path: template.Path,
		HttpOnly: template.HttpOnly, SameSite: template.SameSite, Secure: template.Secure,
	}
	if token == "" {
		cookie.MaxAge = -1
	} else {
		cookie.Expires = deadline
	}
	return cookie
}
