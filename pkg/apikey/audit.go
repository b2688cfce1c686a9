package apikey

import (
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// event drafts the log entry for a change. revoked is the generation below which tokens die, 0 if none do.
func (s *Service) event(c Caller, action eventlog.Action, old, k *Key, revoked int64) (eventlog.Draft, error) {
	subject := k
	if subject == nil {
		subject = old
	}
	d := eventlog.Draft{
		At: s.clock(), TenancyID: c.TenancyID, Action: action, Actor: c.Actor, Origin: c.Origin,
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: subject.ClientID},
	}
	if revoked > 0 {
		d.Revokes = &eventlog.Revocation{ClientID: subject.ClientID, Generation: revoked}
	}
	before, after := auditView(old), auditView(k)
	if old != nil && k != nil {
		sayDefault(before, after)
		sayDefault(after, before)
	}
	return d.Telling(before, after)
}

// sayDefault states explicitly that one side has no rate limit of the key's own if the other side has one.
func sayDefault(view, other eventlog.State) {
	if _, own := view["rate_limit"]; !own && other["rate_limit"] != nil {
		view["rate_limit"] = nil
	}
}

// auditView holds what may be disclosed: never a digest, and about a secret only what the console shows, too.
func auditView(k *Key) eventlog.State {
	if k == nil {
		return nil
	}
	secrets := make([]map[string]string, 0, len(k.Secrets))
	for _, s := range k.Secrets {
		if !s.RetiredAt.IsZero() {
			continue
		}
		view := map[string]string{"id": s.ID, "last_four": s.LastFour}
		if !s.ExpiresAt.IsZero() {
			view["expires_at"] = s.ExpiresAt.Format(time.RFC3339)
		}
		secrets = append(secrets, view)
	}
	view := eventlog.State{
		"name": k.Name, "description": k.Description, "scopes": k.Scopes.Strings(), "status": k.Status,
		"token_lifespan": map[string]any{"value": k.Lifespan.Value, "unit": k.Lifespan.Unit},
		"secrets":        secrets,
		"generation":     k.Generation,
	}
	if k.RateLimit != 0 {
		view["rate_limit"] = k.RateLimit
	}
	return view
}
