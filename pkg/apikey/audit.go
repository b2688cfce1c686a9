package apikey

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// event drafts the log's entry for a change. revoked is the generation below which tokens die, 0 when none do.
func (s *Service) event(c Caller, action eventlog.Action, old, k *Key, revoked int64) (eventlog.Draft, error) {
	before, after, err := auditViews(old, k)
	if err != nil {
		return eventlog.Draft{}, err
	}
	subject := k
	if subject == nil {
		subject = old
	}
	d := eventlog.Draft{
		At: s.clock(), TenancyID: c.TenancyID, Action: action, Actor: c.Actor, Origin: c.Origin,
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: subject.ClientID}, Before: before, After: after,
	}
	if revoked > 0 {
		d.Revokes = &eventlog.Revocation{ClientID: subject.ClientID, Generation: revoked}
	}
	return d, nil
}

// auditViews returns what the log tells of a key before and after a change: of an edit, the members that differ.
func auditViews(old, k *Key) (before, after json.RawMessage, err error) {
	b, a := auditView(old), auditView(k)
	if old != nil && k != nil {
		sayDefault(b, a)
		sayDefault(a, b)
		maps.DeleteFunc(b, func(member string, v any) bool {
			same := reflect.DeepEqual(v, a[member])
			if same {
				delete(a, member)
			}
			return same
		})
	}
	if before, err = encodeView(b); err != nil {
		return nil, nil, err
	}
	after, err = encodeView(a)
	return before, after, err
}

// sayDefault says that a limit of the key's own was none, or is none, when the other side has one.
func sayDefault(view, other map[string]any) {
	if _, own := view["rate_limit"]; !own && other["rate_limit"] != nil {
		view["rate_limit"] = nil
	}
}

// auditView holds what may be told: never a digest, and of a secret only what the console shows too.
func auditView(k *Key) map[string]any {
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
	view := map[string]any{
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

func encodeView(view map[string]any) (json.RawMessage, error) {
	if len(view) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(view)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return b, nil
}
