package api_test

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

// event holds the members of an event that tests read.
type event struct {
	Seq       int64          `json:"seq"`
	At        time.Time      `json:"at"`
	Action    string         `json:"action"`
	Actor     eventActor     `json:"actor"`
	IP        string         `json:"ip"`
	UserAgent string         `json:"user_agent"`
	RequestID string         `json:"request_id"`
	Subject   eventSubject   `json:"subject"`
	Before    map[string]any `json:"before"`
	After     map[string]any `json:"after"`
	Hash      string         `json:"hash"`
}

type eventActor struct{ Kind, ID, Name string }

type eventSubject struct{ Kind, ID string }

type eventPage struct {
	Items []event `json:"items"`
	Meta  struct {
		NextBefore *int64 `json:"next_before"`
	} `json:"meta"`
}

// events returns a page of the audit log.
func (c *caller) events(query string) eventPage {
	c.t.Helper()
	var page eventPage
	c.get("/v1/events" + query).wants(http.StatusOK).decode(&page)
	return page
}

// actions returns the actions of the page's events, newest first.
func (p eventPage) actions() string {
	actions := make([]string, len(p.Items))
	for i, e := range p.Items {
		actions[i] = e.Action
	}
	return strings.Join(actions, " ")
}

func TestEveryChangeOfAKeyIsAnEventThatSaysWhoFromWhereAndWhat(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t).with("User-Agent", "audited/1.0")
		k := admin.create("audited", "cca:readonly")
		edited := admin.patch(k.path(), map[string]any{"description": "now with one"}).wants(http.StatusOK)
		admin.post(k.path()+"/rotate-secret", rotation(0)).wants(http.StatusOK)
		admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK)
		admin.post(k.path()+"/activate", nil).wants(http.StatusOK)
		admin.post(k.path()+"/revoke-tokens", nil).wants(http.StatusOK)
		admin.delete(k.path()).wants(http.StatusNoContent)

		page := admin.events("?client_id=" + k.ClientID)
		want := "api-key.deleted api-key.tokens-revoked api-key.activated api-key.deactivated api-key.secret-rotated api-key.updated api-key.created"
		if page.actions() != want || page.Meta.NextBefore != nil {
			t.Fatalf("got %s, then %v", page.actions(), page.Meta.NextBefore)
		}
		for i, e := range page.Items {
			if e.Actor.Kind != "operator" || e.Actor.Name != "admin@example.com" || e.IP != "127.0.0.1" || e.UserAgent != "audited/1.0" ||
				e.RequestID == "" || e.Subject != (eventSubject{"api-key", k.ClientID}) || len(e.Hash) != 64 || e.At.IsZero() {
				t.Errorf("%s: got %+v", e.Action, e)
			}
			if i > 0 && e.Seq >= page.Items[i-1].Seq {
				t.Errorf("event %d comes after %d", e.Seq, page.Items[i-1].Seq)
			}
		}
		update := page.Items[5]
		if update.RequestID != edited.Header.Get("X-Request-Id") {
			t.Errorf("the edit's request is %q", update.RequestID)
		}
		if fmt.Sprint(update.Before) != "map[description:]" || fmt.Sprint(update.After) != "map[description:now with one]" {
			t.Errorf("the edit is told as %v to %v", update.Before, update.After)
		}
		if created := page.Items[6]; created.Before != nil || created.After["name"] != "audited" {
			t.Errorf("the creation is told as %v to %v", created.Before, created.After)
		}
		if deleted := page.Items[0]; deleted.After != nil || deleted.Before["name"] != "audited" {
			t.Errorf("the deletion is told as %v to %v", deleted.Before, deleted.After)
		}
		if body := string(admin.get("/v1/events?limit=100").body); strings.Contains(body, k.ClientSecret) || strings.Contains(body, password) {
			t.Error("the log holds a secret")
		}
	})
}

func TestEventsAreFiltered(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		first := admin.create("first", "settings.api-keys:editor", "cca:readonly")
		program := s.program(t, first)
		second := program.create("second", "cca:readonly")
		s.pass(48 * time.Hour)
		admin = s.admin(t)
		admin.patch(second.path(), map[string]any{"description": "later"}).wants(http.StatusOK)
		later := s.now().Add(-time.Hour).UTC().Format(time.RFC3339)

		var who struct{ Operator struct{ ID string } }
		admin.get("/v1/session").wants(http.StatusOK).decode(&who)
		keys := "action=api-key.created&action=api-key.updated"
		for query, want := range map[string]string{
			keys:                                                     "api-key.updated api-key.created api-key.created",
			keys + "&action=api-key.created":                         "api-key.updated api-key.created api-key.created",
			"action=api-key.created":                                 "api-key.created api-key.created",
			"action=api-key.eaten":                                   "",
			"client_id=" + second.ClientID:                           "api-key.updated api-key.created",
			"subject=" + second.ClientID:                             "api-key.updated api-key.created",
			"client_id=" + who.Operator.ID:                           "",
			"actor=" + first.ClientID:                                "api-key.created",
			keys + "&actor=admin@example.com":                        "api-key.updated api-key.created",
			keys + "&actor=" + who.Operator.ID:                       "api-key.updated api-key.created",
			keys + "&from=" + later:                                  "api-key.updated",
			keys + "&to=" + later:                                    "api-key.created api-key.created",
			keys + "&from=" + later + "&client_id=" + first.ClientID: "",
			keys + "&from=" + url.QueryEscape("2001-02-03T04:05:06.7+03:00"):          "api-key.updated api-key.created api-key.created",
			"subject=" + first.ClientID + "&client_id=" + second.ClientID:             "",
			"subject=" + first.ClientID + "&client_id=" + first.ClientID + "&" + keys: "api-key.created",
		} {
			if got := admin.events("?" + query).actions(); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", query, got, want)
			}
		}
	})
}

func TestEventsArePagedWithoutGapsOrRepetitions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		for i := range 12 {
			admin.create(fmt.Sprint("key ", i))
		}
		all := admin.events("?action=api-key.created&limit=100")
		if len(all.Items) != 12 || all.Meta.NextBefore != nil {
			t.Fatalf("got %d events, then %v", len(all.Items), all.Meta.NextBefore)
		}
		var paged []event
		query := "?action=api-key.created&limit=5"
		for next := query; next != ""; {
			page := admin.events(next)
			paged = append(paged, page.Items...)
			next = ""
			if page.Meta.NextBefore != nil {
				next = fmt.Sprintf("%s&before=%d", query, *page.Meta.NextBefore)
			}
			admin.create(fmt.Sprint("meanwhile ", len(paged)))
		}
		if fmt.Sprint(paged) != fmt.Sprint(all.Items) {
			t.Errorf("paged %d events", len(paged))
		}
		if page := admin.events("?action=api-key.created&limit=1&before=" + fmt.Sprint(all.Items[11].Seq)); len(page.Items) != 0 {
			t.Errorf("before the first there is %v", page.Items)
		}
	})
}

func TestWrongFiltersAreNamed(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	for query, want := range map[string]string{
		"limit=0":                    "limit must be between 1 and 100",
		"limit=101":                  "limit must be between 1 and 100",
		"before=0":                   "before must be at least 1",
		"before=x":                   "before must be a whole number",
		"before=9223372036854775808": "before must be a whole number",
		"from=yesterday":             "from must be a date and time, such as 2026-11-23T12:00:00Z",
		"to=2026-02-30T00:00:00Z":    "to must be a date and time, such as 2026-11-23T12:00:00Z",
		"actor=":                     "actor must not be empty",
		"action=":                    "action must not be empty",
		"actor=%00":                  "actor must not contain NUL characters",
		"page=1":                     "page is not a known parameter",
		"from=2026-11-23T12:00:00Z&to=2026-11-23T12:00:00Z": "from must be before to",
	} {
		for _, route := range []string{"/v1/events?", "/v1/events/export?format=csv&"} {
			if strings.Contains(route, "export") && (strings.HasPrefix(query, "limit") || strings.HasPrefix(query, "before")) {
				continue
			}
			if got := admin.get(route+query).refused(http.StatusBadRequest, "bad-request/invalid-parameters").fields(); got != want {
				t.Errorf("%s%s:\ngot  %s\nwant %s", route, query, got, want)
			}
		}
	}
	for query, want := range map[string]string{"": "format is required", "?format=xml": "format must be csv or jsonl"} {
		if got := admin.get("/v1/events/export"+query).refused(http.StatusBadRequest, "bad-request/invalid-parameters").fields(); got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
}

func TestOnlyAdminsSeeWhatIsNotAboutKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		tenancy := s.tenancy(t)
		s.operator(t, tenancy, "editor@example.com", operator.Editor)
		s.operator(t, tenancy, "readonly@example.com", operator.Readonly)
		admin := s.admin(t)
		k := admin.create("ours", "settings.api-keys:readonly")
		_, email := s.otherTenancy(t)
		other := s.as(t, email)
		other.create("theirs")

		all := strings.Fields(admin.events("?limit=100").actions())
		for _, action := range []string{"tenancy.created", "operator.created", "api-key.created", "signing-key.created"} {
			if !slices.Contains(all, action) {
				t.Errorf("an admin does not see %s: %s", action, all)
			}
		}
		for _, e := range admin.events("?limit=100").Items {
			if e.Actor.Name == email || e.After["name"] == "theirs" {
				t.Errorf("an admin sees another tenancy's %+v", e)
			}
		}
		program := s.program(t, k)
		for name, c := range map[string]*caller{
			"an editor": s.as(t, "editor@example.com"), "a readonly operator": s.as(t, "readonly@example.com"), "a program": program,
		} {
			if got := c.events("").actions(); got != "api-key.created" {
				t.Errorf("%s sees %s", name, got)
			}
			if got := c.events("?action=operator.created&action=tenancy.created").actions(); got != "" {
				t.Errorf("%s finds %s", name, got)
			}
			if got := string(c.get("/v1/events/export?format=jsonl").wants(http.StatusOK).body); strings.Count(got, "\n") != 1 {
				t.Errorf("%s exports %s", name, got)
			}
			c.get("/v1/events/verify").refused(http.StatusForbidden, "authorization/forbidden")
		}
		for _, action := range strings.Fields(other.events("?limit=100").actions()) {
			if strings.HasPrefix(action, "signing-key.") {
				t.Errorf("the admin of another tenancy sees %s", action)
			}
		}
		if got := other.events("?client_id=" + k.ClientID).actions(); got != "" {
			t.Errorf("another tenancy finds %s", got)
		}
		elsewhere := s.bearer(t, "cca:admin")
		for _, path := range []string{"/v1/events", "/v1/events/export?format=csv", "/v1/events/verify"} {
			s.stranger(t).get(path).refused(http.StatusUnauthorized, "failed")
			elsewhere.get(path).refused(http.StatusForbidden, "authorization/forbidden")
		}
	})
}

func TestExportsHoldEveryEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t).with("User-Agent", "=HYPERLINK(\"evil\")")
		names := []string{"+1", "-1", "@SUM(1)", "plain", "a,b\"c"}
		for _, name := range names {
			admin.create(name)
		}
		const more = 520 // more than one read of the log returns
		caller := apikey.Caller{TenancyID: s.tenancy(t), Actor: system}
		for i := range more {
			draft := apikey.Draft{Name: fmt.Sprint("key ", i), Scopes: []string{"cca:readonly"}, Lifespan: apikey.DefaultLifespan}
			if _, err := s.Keys.Create(t.Context(), caller, draft, ""); err != nil {
				t.Fatal(err)
			}
		}
		lines := admin.get("/v1/events/export?format=jsonl&action=api-key.created&action=api-key.updated").wants(http.StatusOK)
		if got := lines.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="audit-log-`) || !strings.HasSuffix(got, `.jsonl"`) {
			t.Errorf("got %s", got)
		}
		var exported []event
		for line := range strings.Lines(string(lines.body)) {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			exported = append(exported, e)
		}
		if newest := admin.events("?action=api-key.created&action=api-key.updated&limit=100").Items; fmt.Sprint(exported[:len(newest)]) != fmt.Sprint(newest) {
			t.Error("the export is not what the pages show")
		}
		if last := exported[len(exported)-1]; len(exported) != len(names)+more || last.After["name"] != "+1" {
			t.Errorf("%d events were exported, the last is %+v", len(exported), last)
		}

		sheet := admin.get("/v1/events/export?format=csv&action=api-key.created&action=api-key.updated").wants(http.StatusOK)
		if got := sheet.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
			t.Errorf("got %s", got)
		}
		records, err := csv.NewReader(strings.NewReader(string(sheet.body))).ReadAll()
		if err != nil || len(records) != len(exported)+1 {
			t.Fatalf("%d records: %v", len(records), err)
		}
		if got := strings.Join(records[0], ","); !strings.HasPrefix(got, "seq,at,action,actor_kind,") {
			t.Errorf("got %s", got)
		}
		for i, record := range records[1:] {
			agent := ""
			if exported[i].UserAgent != "" {
				agent = "'=HYPERLINK(\"evil\")"
			}
			if record[0] != fmt.Sprint(exported[i].Seq) || record[13] != exported[i].Hash || record[7] != agent {
				t.Fatalf("got %q for %+v", record, exported[i])
			}
		}
		if empty := admin.get("/v1/events/export?format=csv&action=api-key.eaten").wants(http.StatusOK); strings.Count(string(empty.body), "\r\n") != 1 {
			t.Errorf("got %q", empty.body)
		}
	})
}

// verification holds the members of a verification of the log that tests read.
type verification struct {
	Verified bool
	Events   int64
	Base     *struct {
		Seq      int64
		Hash     string
		PrunedAt time.Time `json:"pruned_at"`
	}
	Head struct {
		Seq  int64
		Hash string
	}
	Broken *struct {
		Seq    int64
		Reason string
	}
}

func (c *caller) verification() verification {
	c.t.Helper()
	var v verification
	c.get("/v1/events/verify").wants(http.StatusOK).decode(&v)
	return v
}

// database opens the service's database behind its back.
func (s *service) database(t *testing.T) *sql.DB {
	t.Helper()
	driver, name := "pgx", s.Config.DatabaseURL
	if path, ok := strings.CutPrefix(name, "sqlite://"); ok {
		driver, name = "sqlite", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// tamper runs a statement on the service's database behind its back.
func (s *service) tamper(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.database(t).ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyingTellsWhatWasFound(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		admin.create("one")
		got := admin.verification()
		newest := admin.events("?limit=1").Items[0]
		if !got.Verified || got.Broken != nil || got.Base != nil || got.Head.Seq != newest.Seq || got.Head.Hash != newest.Hash || got.Events != newest.Seq {
			t.Errorf("got %+v, the newest event is %+v", got, newest)
		}

		s.pass(100 * 24 * time.Hour)
		pruned, err := s.Audit.Prune(t.Context(), 50*24*time.Hour, system)
		if err != nil || pruned.Events != newest.Seq {
			t.Fatalf("pruned %+v, %v", pruned, err)
		}
		admin = s.admin(t)
		got = admin.verification()
		if !got.Verified || got.Base == nil || got.Base.Seq != newest.Seq || got.Base.Hash != newest.Hash || got.Events != 2 || got.Base.PrunedAt.IsZero() {
			t.Errorf("after a pruning: %+v", got)
		}
		if left := admin.events("").actions(); left != "operator.signed-in log.pruned" {
			t.Errorf("after a pruning the log tells %s", left)
		}

		s.tamper(t, "UPDATE event SET action = 'operator.signed-out' WHERE action = 'operator.signed-in'")
		got = admin.verification()
		if got.Verified || got.Broken == nil || got.Broken.Seq != newest.Seq+2 || got.Broken.Reason == "" || got.Head.Seq != newest.Seq+1 {
			t.Errorf("after tampering: %+v", got)
		}
	})
}

func TestSignInsAreEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		stranger := s.stranger(t)
		for range 5 {
			stranger.post("/v1/session", credentials("admin@example.com", "not the password")).refused(http.StatusUnauthorized, "failed")
			stranger.post("/v1/session", credentials("nobody@example.com", "not the password")).refused(http.StatusUnauthorized, "failed")
		}
		left := s.admin(t)
		left.delete("/v1/session").wants(http.StatusNoContent)
		left.delete("/v1/session").wants(http.StatusNoContent)
		if err := s.Operators.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		admin := s.admin(t)
		page := admin.events("?action=operator.signed-in&action=operator.signed-out&action=operator.sign-in-failed")
		if got, want := page.actions(), "operator.signed-in operator.sign-in-failed operator.sign-in-failed operator.signed-out operator.signed-in"; got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		out := page.Items[3]
		if out.Actor.Name != "admin@example.com" || out.IP != "127.0.0.1" || out.RequestID == "" || out.Subject.ID != out.Actor.ID {
			t.Errorf("signing out is told as %+v", out)
		}
		ours, nobodys := page.Items[1], page.Items[2]
		if ours.Subject.ID == "" {
			ours, nobodys = nobodys, ours
		}
		if ours.Actor.Kind != "stranger" || ours.After["attempts"] != 5.0 || ours.After["email"] != "admin@example.com" || ours.Subject.ID != out.Actor.ID {
			t.Errorf("failed sign-ins are told as %+v", ours)
		}
		if nobodys.After["attempts"] != 5.0 || nobodys.After["email"] != nil || nobodys.Subject != (eventSubject{"operator", ""}) {
			t.Errorf("failed sign-ins on no account are told as %+v", nobodys)
		}
		if s.otherTenancyHas(t, "operator.sign-in-failed") {
			t.Error("another tenancy sees failed sign-ins")
		}
	})
}

// otherTenancyHas reports whether the admin of another tenancy sees an event with this action.
func (s *service) otherTenancyHas(t *testing.T, action string) bool {
	t.Helper()
	_, email := s.otherTenancy(t)
	return len(s.as(t, email).events("?action="+action).Items) > 0
}

// TestEveryEventSaysWhoFromWhereAndWhat: the log must say of every change who made it, from where, and what has changed.
func TestEveryEventSaysWhoFromWhereAndWhat(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("key", "settings.api-keys:editor", "cca:readonly")
		program := s.program(t, k)
		admin.post(program.create("made by a program", "cca:readonly").path()+"/rotate-secret", rotation(60)).wants(http.StatusOK)
		form := url.Values{"client_id": {k.ClientID}, "client_secret": {k.ClientSecret}, "token": {s.stranger(t).token(k.ClientID, k.ClientSecret)}}
		s.stranger(t).do("POST", "/oauth2/revoke", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())).wants(http.StatusOK)
		guest := admin.invite("guest@example.com", "readonly").Operator
		admin.patch("/v1/operators/"+guest.ID, map[string]any{"role": "editor"}).wants(http.StatusOK)
		admin.delete("/v1/operators/" + guest.ID).wants(http.StatusNoContent)
		if err := s.Operators.ResetPassword(t.Context(), "admin@example.com", password, system); err != nil {
			t.Fatal(err)
		}
		if err := s.Keyring.Rotate(t.Context(), time.Hour, system); err != nil {
			t.Fatal(err)
		}
		s.stranger(t).post("/v1/session", credentials("admin@example.com", "wrong"))
		if err := s.Operators.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.admin(t).delete("/v1/session").wants(http.StatusNoContent)

		all, err := s.Store.After(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, e := range all {
			seen[string(e.Action)] = true
			named, fromAfar := e.Actor.ID != "" && e.Actor.Name != "", e.Origin.IP != "" && e.Origin.UserAgent != "" && e.Origin.RequestID != ""
			switch e.Actor.Kind {
			case eventlog.ActorSystem:
				if !named || fromAfar {
					t.Errorf("%s: by %+v from %+v", e.Action, e.Actor, e.Origin)
				}
			case eventlog.ActorStranger:
				if named || !fromAfar {
					t.Errorf("%s: by %+v from %+v", e.Action, e.Actor, e.Origin)
				}
			default:
				if !named || !fromAfar {
					t.Errorf("%s: by %+v from %+v", e.Action, e.Actor, e.Origin)
				}
			}
			signing := e.Action == eventlog.OperatorSignedIn || e.Action == eventlog.OperatorSignedOut
			if !signing && len(e.Before) == 0 && len(e.After) == 0 {
				t.Errorf("%s: what changed is not told", e.Action)
			}
			if e.Subject.Kind == "" || e.Subject.ID == "" || e.At.IsZero() || (e.TenancyID == "") != (e.Subject.Kind == eventlog.SubjectSigningKey) {
				t.Errorf("%s: about %+v of %q at %s", e.Action, e.Subject, e.TenancyID, e.At)
			}
		}
		for _, action := range []eventlog.Action{
			eventlog.APIKeyCreated, eventlog.APIKeySecretRotated, eventlog.TokenRevoked, eventlog.OperatorCreated, eventlog.OperatorInvited,
			eventlog.OperatorUpdated, eventlog.OperatorDeleted, eventlog.OperatorPasswordSet, eventlog.OperatorSignInFailed,
			eventlog.OperatorSignedIn, eventlog.OperatorSignedOut, eventlog.SigningKeyCreated, eventlog.TenancyCreated,
		} {
			if !seen[string(action)] {
				t.Errorf("there is no %s", action)
			}
		}
	})
}
