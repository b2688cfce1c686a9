package sqlstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/piercloud/apikeys/pkg/audit"
	"github.com/piercloud/apikeys/pkg/eventlog"
)

// record appends an event of its own.
func record(t testing.TB, s *Store, d eventlog.Draft) {
	t.Helper()
	if err := s.RecordEvent(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// variousEvents appends n events that differ in everything that can be searched for, and returns them newest first. Their times
// rise, except for a random clock skew.
func variousEvents(t testing.TB, s *Store, n int) []eventlog.Event {
	t.Helper()
	pick := func(values ...string) string { return values[rand.IntN(len(values))] }
	for i := range n {
		kind, id, _ := strings.Cut(pick("api-key/ak_1", "api-key/ak_2", "operator/ann", "signing-key/k"), "/")
		actor := eventlog.Actor{Kind: eventlog.ActorOperator, ID: "ann", Name: "ann@example.com"}
		switch pick("ann", "key", "system", "renamed") {
		case "key":
			actor = eventlog.Actor{Kind: eventlog.ActorAPIKey, ID: "ak_1", Name: "ak_1"}
		case "system":
			actor = eventlog.Actor{Kind: eventlog.ActorSystem, ID: "serve", Name: "serve"}
		case "renamed":
			actor.Name = "anna@example.com"
		}
		skew := time.Duration(rand.Int64N(int64(clockSkewMax))) - clockSkewMax/2
		record(t, s, eventlog.Draft{
			At: epoch.Add(time.Duration(i)*10*time.Minute + skew.Truncate(time.Microsecond)), TenancyID: pick("home", "home", "other", ""),
			Action: eventlog.Action(pick("api-key.created", "api-key.updated", "operator.created")), Actor: actor,
			Subject: eventlog.Subject{Kind: eventlog.SubjectKind(kind), ID: id},
		})
	}
	events, err := s.After(t.Context(), 0, n)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(events)
	return events
}

// matches reports whether a selection includes an event.
func matches(q audit.Selection, e eventlog.Event) bool {
	return slices.Contains(q.Tenancies, e.TenancyID) && (q.Kind == "" || q.Kind == e.Subject.Kind) &&
		(q.Subject == "" || q.Subject == e.Subject.ID) && (q.Actor == "" || q.Actor == e.Actor.ID || q.Actor == e.Actor.Name) &&
		(len(q.Actions) == 0 || slices.Contains(q.Actions, e.Action)) && (q.From.IsZero() || !e.At.Before(q.From)) &&
		(q.To.IsZero() || e.At.Before(q.To)) && (q.Before == 0 || e.Seq < q.Before)
}

func eventsAreFound(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	const n = 300
	all := variousEvents(t, s, n)
	anyOf := func(values ...string) string { return values[rand.IntN(len(values))] }
	for range 400 {
		q := audit.Selection{
			Tenancies: [][]string{{"home"}, {"home", ""}, {"other"}, {"nowhere"}, nil}[rand.IntN(5)],
			Kind:      eventlog.SubjectKind(anyOf("", "", "api-key", "operator")), Subject: anyOf("", "", "", "ak_1", "ann"),
			Actor:   anyOf("", "", "", "ann", "ann@example.com", "ak_1", "nobody"),
			Actions: [][]eventlog.Action{nil, nil, {"api-key.created"}, {"api-key.updated", "operator.created"}}[rand.IntN(4)],
			Limit:   1 + rand.IntN(50),
		}
		if rand.IntN(3) == 0 {
			q.From = epoch.Add(time.Duration(rand.IntN(n)) * 10 * time.Minute)
		}
		if rand.IntN(3) == 0 {
			q.To = epoch.Add(time.Duration(rand.IntN(n)) * 10 * time.Minute)
		}
		if rand.IntN(2) == 0 {
			q.Before = rand.Int64N(n)
		}
		var want []int64
		for _, e := range all {
			if matches(q, e) && len(want) < q.Limit {
				want = append(want, e.Seq)
			}
		}
		got, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if found := seqs(got); !slices.Equal(found, want) {
			t.Fatalf("%+v:\ngot  %v\nwant %v", q, found, want)
		}
	}
	got, err := s.Events(t.Context(), audit.Selection{Tenancies: []string{"home", "other", ""}, Limit: n})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", all) {
		t.Error("what is found is not what was written")
	}
}

func seqs(events []eventlog.Event) []int64 {
	var list []int64
	for _, e := range events {
		list = append(list, e.Seq)
	}
	return list
}

// searches are the ways to search the log, each with the index that it should use.
var searches = []struct {
	name, index string
	q           audit.Selection
}{
	{"all", "event_by_tenancy", audit.Selection{}},
	{"kind", "event_by_tenancy_kind", audit.Selection{Kind: eventlog.SubjectAPIKey}},
	{"subject", "event_by_tenancy_subject", audit.Selection{Subject: "ak_1"}},
	{"actor id", "event_by_tenancy_actor", audit.Selection{Actor: "ann"}},
	{"actor name", "event_by_tenancy_actor_name", audit.Selection{Actor: "ann@example.com"}},
	{"action", "event_by_tenancy_action", audit.Selection{Actions: []eventlog.Action{"api-key.created", "api-key.updated"}}},
}

// searchPlan returns how the database would find a page.
func searchPlan(t *testing.T, s *Store, explain string, q audit.Selection, before ...string) string {
	t.Helper()
	q.Tenancies, q.Limit = []string{"home", ""}, 51
	return explained(t, s, explain, func(db *gorm.DB) *gorm.DB {
		statement, values := s.dialect.selectEvents(q, 0, 1_000_000)
		return db.Raw(statement, values...).Scan(&[]eventRow{})
	}, before...)
}
