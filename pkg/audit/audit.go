// Package audit owns the ordered log as people see it: who may see which events, how they are searched and exported, how the log
// is verified to be unaltered, and how old events are removed without leaving a gap that looks like tampering.
//
// It does not own the log itself: package eventlog owns what an event is and how events are chained, and events are written by
// the changes that they describe.
package audit

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/signing"
)

// Bounds of reading.
const (
	PageMax     = 100
	exportBatch = 500
)

// Viewer says who is viewing the log. A viewer sees the events of its own tenancy.
type Viewer struct {
	TenancyID string
	// All shows every event of the tenancy, including those of operators, sign-ins and the tenancy itself, and to the platform's
	// tenancy also those that belong to no tenancy, such as the events of signing keys. Without it, only those of API keys are
	// shown.
	All bool
}

// Filter says which events to find. Zero fields match every event.
type Filter struct {
	// Actor is the ID or name of an actor.
	Actor string
	// Subject is the ID of what changed, of any kind.
	Subject string
	// ClientID is the ID of the API key that changed.
	ClientID string
	// Actions lists actions, one of which an event must have.
	Actions []eventlog.Action
	// From and To bound the time of an event: From <= At < To.
	From, To time.Time
}

// Selection is a query to a store: the newest events that match all of it.
type Selection struct {
	Tenancies []string             // without any, nothing matches
	Kind      eventlog.SubjectKind // empty for every kind
	Subject   string               // empty for every subject
	Actor     string               // ID or name; empty for every actor
	Actions   []eventlog.Action    // empty for every action
	From, To  time.Time            // zero if unbounded
	Before    int64                // only sequence numbers below it; 0 if unbounded
	Limit     int
}

// Base is where the log begins after old events have been removed.
type Base struct {
	eventlog.Head           // of the newest event that was removed
	PrunedAt      time.Time // zero if the log begins with its first event
	// Proof is a compact JWS in which the service states that it removed the events up to the head.
	Proof string
}

// Store reads the log, and removes old events. Implementations are safe for concurrent use. Any method may fail with an error
// that is apikey.ErrUnavailable.
type Store interface {
	eventlog.Log
	// Events returns the newest events that match, newest first. Events up to the base are not returned. Errors:
	// eventlog.ErrAuthorityLost if the context has an authority that is no longer valid.
	Events(ctx context.Context, q Selection) ([]eventlog.Event, error)
	// Base returns where the log begins: the zero Base with [eventlog.EmptyHead] if nothing was ever removed.
	Base(ctx context.Context) (Base, error)
	// SetBase makes next the base, in one transaction with the log, as in apikey.Store, and with the removal of some of the
	// events up to it. Errors: [ErrMoved] unless the base is old and the event at next exists and has its hash.
	SetBase(ctx context.Context, old, next Base, event eventlog.Draft) error
	// DeletePruned removes some events up to the base and returns how many: 0 if none are left.
	DeletePruned(ctx context.Context) (int64, error)
}

// Service implements the use cases. It is safe for concurrent use.
type Service struct {
	store   Store
	keyring *signing.Keyring
	issuer  string
	now     func() time.Time

	mu      sync.Mutex
	running *verification // guarded by mu
}

// NewService returns a Service on top of a store. keyring signs checkpoints in the name of issuer.
func NewService(store Store, keyring *signing.Keyring, issuer string, now func() time.Time) *Service {
	return &Service{store: store, keyring: keyring, issuer: issuer, now: now}
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Page is one page of events, newest first.
type Page struct {
	Events []eventlog.Event
	// NextBefore is the before of the next page, 0 if there is no next page.
	NextBefore int64
}

// List returns the newest events that match and, if before is not 0, have a sequence number below it. limit is capped at
// [PageMax].
func (s *Service) List(ctx context.Context, v Viewer, f Filter, before int64, limit int) (Page, error) {
	limit = min(limit, PageMax)
	q, ok := v.selection(f)
	if !ok {
		return Page{}, nil
	}
	q.Before, q.Limit = before, limit+1
	events, err := s.store.Events(ctx, q)
	if err != nil || len(events) <= limit {
		return Page{Events: events}, err
	}
	return Page{Events: events[:limit], NextBefore: events[limit-1].Seq}, nil
}

// Export passes all matching events to write, newest first and in batches; an error from write ends the export. Events that are
// appended meanwhile are left out.
func (s *Service) Export(ctx context.Context, v Viewer, f Filter, write func([]eventlog.Event) error) error {
	q, ok := v.selection(f)
	if !ok {
		return nil
	}
	q.Limit = exportBatch
	for {
		events, err := s.store.Events(ctx, q)
		if err != nil {
			return err
		}
		if err := write(events); err != nil || len(events) < q.Limit {
			return err
		}
		q.Before = events[len(events)-1].Seq
	}
}

// keyActions are the prefixes of the actions whose subject is an API key.
var keyActions = []string{"api-key.", "token."}

// selection returns the query to the store, and false if nothing that the viewer may see can match.
func (v Viewer) selection(f Filter) (Selection, bool) {
	actions := slices.Compact(slices.Sorted(slices.Values(f.Actions)))
	q := Selection{
		Tenancies: []string{v.TenancyID}, Subject: f.Subject, Actor: f.Actor, Actions: actions, From: f.From, To: f.To,
	}
	if f.ClientID != "" {
		if f.Subject != "" && f.Subject != f.ClientID {
			return Selection{}, false
		}
		q.Subject, q.Kind = f.ClientID, eventlog.SubjectAPIKey
	}
	switch {
	case !v.All:
		q.Kind = eventlog.SubjectAPIKey
		// Searching for any other action would read all of the tenancy's events in vain.
		q.Actions = slices.DeleteFunc(actions, func(a eventlog.Action) bool {
			return !slices.ContainsFunc(keyActions, func(prefix string) bool { return strings.HasPrefix(string(a), prefix) })
		})
		if len(f.Actions) > 0 && len(q.Actions) == 0 {
			return Selection{}, false
		}
	case v.TenancyID == operator.PlatformTenancyID:
		q.Tenancies = append(q.Tenancies, "")
	}
	return q, true
}
