package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
)

// managerOf returns the operator on whose behalf a use case runs.
func managerOf(ctx context.Context) operator.Caller {
	p := principalOf(ctx)
	return operator.Caller{TenancyID: p.caller.TenancyID, OperatorID: p.operator.ID, Actor: p.caller.Actor, Origin: p.caller.Origin}
}

// ListOperators returns the tenancy's operators.
func (s *server) ListOperators(ctx context.Context, _ oas.ListOperatorsRequestObject) (oas.ListOperatorsResponseObject, error) {
	operators, err := s.operators.List(ctx, managerOf(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]oas.Operator, len(operators))
	for i, o := range operators {
		items[i] = operatorView(o)
	}
	return oas.ListOperators200JSONResponse{Items: items}, nil
}

// InviteOperator registers an operator and returns the one-time token, which can't be read again later.
func (s *server) InviteOperator(ctx context.Context, request oas.InviteOperatorRequestObject) (oas.InviteOperatorResponseObject, error) {
	invited, err := s.operators.Invite(ctx, managerOf(ctx), request.Body.Email, operator.Role(request.Body.Role))
	if err != nil {
		return nil, err
	}
	return oas.InviteOperator201JSONResponse{Operator: operatorView(invited.Operator), Token: invited.Token}, nil
}

// UpdateOperator changes an operator's role or status.
func (s *server) UpdateOperator(ctx context.Context, request oas.UpdateOperatorRequestObject) (oas.UpdateOperatorResponseObject, error) {
	change := operator.Change{Role: operator.Role(valueOf(request.Body.Role)), Status: operator.Status(valueOf(request.Body.Status))}
	o, err := s.operators.Edit(ctx, managerOf(ctx), request.OperatorID, change)
	return oas.UpdateOperator200JSONResponse(operatorView(o)), err
}

// DeleteOperator removes an operator.
func (s *server) DeleteOperator(ctx context.Context, request oas.DeleteOperatorRequestObject) (oas.DeleteOperatorResponseObject, error) {
	return oas.DeleteOperator204Response{}, s.operators.Delete(ctx, managerOf(ctx), request.OperatorID)
}

// ResetOperatorPassword makes a one-time token for setting a new password and returns it. It can't be read again later.
func (s *server) ResetOperatorPassword(ctx context.Context, request oas.ResetOperatorPasswordRequestObject) (oas.ResetOperatorPasswordResponseObject, error) {
	linked, err := s.operators.Relink(ctx, managerOf(ctx), request.OperatorID)
	if err != nil {
		return nil, err
	}
	return oas.ResetOperatorPassword200JSONResponse{Operator: operatorView(linked.Operator), Token: linked.Token}, nil
}

// EndOperatorSessions signs an operator out everywhere.
func (s *server) EndOperatorSessions(ctx context.Context, request oas.EndOperatorSessionsRequestObject) (oas.EndOperatorSessionsResponseObject, error) {
	return oas.EndOperatorSessions204Response{}, s.operators.SignOutEverywhere(ctx, managerOf(ctx), request.OperatorID)
}

// ListOperatorSessions returns the sessions of an operator of the tenancy.
func (s *server) ListOperatorSessions(ctx context.Context, request oas.ListOperatorSessionsRequestObject) (oas.ListOperatorSessionsResponseObject, error) {
	o, err := s.operators.Get(ctx, managerOf(ctx), request.OperatorID)
	if err != nil {
		return nil, err
	}
	items := []oas.OperatorSession{}
	own := s.sessions.GetString(ctx, sessionMark)
	err = s.sessions.Iterate(ctx, func(session context.Context) error {
		if s.sessions.GetString(session, sessionOperator) != o.ID || s.sessions.GetInt64(session, sessionGeneration) != o.SessionGeneration ||
			s.unseen(session) > sessionIdle {
			return nil
		}
		mark := s.sessions.GetString(session, sessionMark)
		items = append(items, oas.OperatorSession{
			StartedAt:  time.Unix(s.sessions.GetInt64(session, sessionStarted), 0).UTC(),
			LastSeenAt: time.Unix(s.sessions.GetInt64(session, sessionSeen), 0).UTC(),
			IP:         s.sessions.GetString(session, sessionIP), UserAgent: s.sessions.GetString(session, sessionUserAgent),
			Current: mark == own,
		})
		return nil
	})
	slices.SortFunc(items, func(a, b oas.OperatorSession) int { return b.StartedAt.Compare(a.StartedAt) })
	return oas.ListOperatorSessions200JSONResponse{Items: items}, err
}

// AcceptInvitation sets the password of the operator whose one-time token the caller holds.
func (s *server) AcceptInvitation(ctx context.Context, request oas.AcceptInvitationRequestObject) (oas.AcceptInvitationResponseObject, error) {
	from := callerOf(ctx).Origin
	address := limit.Address(from.IP)
	if err := s.guesses.Check(address); err != nil {
		return nil, err
	}
	o, err := s.operators.Accept(ctx, request.Body.Token, request.Body.Password, from)
	if errors.Is(err, operator.ErrLinkUsed) {
		s.guesses.Count(address)
	}
	return oas.AcceptInvitation200JSONResponse{Email: o.Email}, err
}

// ChangePassword changes the caller's own password. The current session continues under the new session generation.
func (s *server) ChangePassword(ctx context.Context, request oas.ChangePasswordRequestObject) (oas.ChangePasswordResponseObject, error) {
	o, err := s.operators.ChangePassword(ctx, managerOf(ctx), request.Body.CurrentPassword, request.Body.NewPassword)
	if errors.Is(err, operator.ErrNotFound) {
		return nil, signedOutFault(err)
	}
	if err != nil {
		return nil, err
	}
	s.sessions.Put(ctx, sessionGeneration, o.SessionGeneration)
	_, _, err = s.sessions.Commit(ctx)
	return oas.ChangePassword204Response{}, err
}

// operatorView is an operator on the wire.
func operatorView(o operator.Operator) oas.Operator {
	return oas.Operator{
		ID: o.ID, Email: o.Email, Role: oas.Role(o.Role), Status: oas.OperatorStatus(o.TellStatus()), SignInMethod: oas.SignInMethod(o.SignInMethod()), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
		InvitationExpiresAt: unlessZero(o.Link.ExpiresAt),
	}
}
