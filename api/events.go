package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

// viewerOf returns what the caller may see of the audit log. Only admins see events that are not about API keys, and a program is
// never an admin.
func viewerOf(ctx context.Context) audit.Viewer {
	p := principalOf(ctx)
	return audit.Viewer{TenancyID: p.caller.TenancyID, All: p.operator.Role == operator.Admin}
}

// ListEvents returns one page of the audit log.
func (s *server) ListEvents(ctx context.Context, request oas.ListEventsRequestObject) (oas.ListEventsResponseObject, error) {
	p := request.Params
	filter, err := eventFilter(p.Actor, p.Subject, p.ClientID, p.Action, p.From, p.To)
	if err != nil {
		return nil, err
	}
	page, err := s.audit.List(ctx, viewerOf(ctx), filter, valueOf(p.Before), int(valueOf(p.Limit)))
	if err != nil {
		return nil, err
	}
	answer := oas.ListEvents200JSONResponse{Items: make([]oas.Event, len(page.Events))}
	for i, e := range page.Events {
		answer.Items[i] = eventView(e)
	}
	answer.Meta.NextBefore = unlessZero(page.NextBefore)
	return answer, nil
}

func eventFilter(actor, subject, clientID *string, actions []string, from, to *time.Time) (audit.Filter, error) {
	f := audit.Filter{
		Actor: valueOf(actor), Subject: valueOf(subject), ClientID: valueOf(clientID), From: valueOf(from), To: valueOf(to),
	}
	for _, a := range actions {
		f.Actions = append(f.Actions, eventlog.Action(a))
	}
	if from != nil && to != nil && !f.From.Before(f.To) {
		return audit.Filter{}, apikey.InvalidError{{Field: "from", Message: "must be before to"}}
	}
	return f, nil
}

func eventView(e eventlog.Event) oas.Event {
	return oas.Event{
		Seq: e.Seq, At: e.At, Action: string(e.Action), IP: e.Origin.IP, UserAgent: e.Origin.UserAgent, RequestID: e.Origin.RequestID,
		Actor:   oas.EventActor{Kind: string(e.Actor.Kind), ID: e.Actor.ID, Name: e.Actor.Name},
		Subject: oas.EventSubject{Kind: string(e.Subject.Kind), ID: e.Subject.ID},
		Before:  stateView(e.Before), After: stateView(e.After), Hash: hex.EncodeToString(e.Hash),
	}
}

// stateView returns what an event says about the state of its subject, nil if it says nothing. A state that can't be read was not
// written by this service. The rest of the page is shown nevertheless, and a verification names the event.
func stateView(state json.RawMessage) map[string]any {
	var members map[string]any
	if err := json.Unmarshal(state, &members); err != nil {
		return nil
	}
	return members
}

// VerifyEvents checks the chain of the log.
func (s *server) VerifyEvents(ctx context.Context, _ oas.VerifyEventsRequestObject) (oas.VerifyEventsResponseObject, error) {
	return eventVerification{ctx, s.audit}, nil
}

// eventVerification is an answer that may take longer than the server allows others.
type eventVerification struct {
	ctx   context.Context //nolint:containedctx // of the one request that it answers
	audit *audit.Service
}

// VisitVerifyEventsResponse verifies and writes the answer.
func (v eventVerification) VisitVerifyEventsResponse(w http.ResponseWriter) error {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil { // otherwise the request would be canceled when it passes
		return err
	}
	report, err := v.audit.Verify(v.ctx)
	if err != nil {
		return err
	}
	if err := control.SetWriteDeadline(time.Now().Add(streamWriteMax)); err != nil {
		return err
	}
	return verificationView(report).VisitVerifyEventsResponse(w)
}

func verificationView(r audit.Report) oas.VerifyEvents200JSONResponse {
	view := oas.VerifyEvents200JSONResponse{
		Verified: r.Broken == nil, Events: r.Events(), Head: oas.EventLogHead{Seq: r.Head.Seq, Hash: hex.EncodeToString(r.Head.Hash)},
	}
	if r.Base.Seq > 0 {
		view.Base = &oas.EventLogBase{Seq: r.Base.Seq, Hash: hex.EncodeToString(r.Base.Hash), PrunedAt: r.Base.PrunedAt}
	}
	if r.Broken != nil {
		view.Broken = &oas.EventLogBreak{Seq: r.Broken.Seq, Reason: r.Broken.Reason}
	}
	return view
}
