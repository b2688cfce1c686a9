package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/operator"
)

func sessionsExpire(t *testing.T, open func(testing.TB, Options) *Store) {
	now := epoch
	s := open(t, Options{Timeout: patience, Now: func() time.Time { return now }})
	sessions := s.Sessions()
	find := func(token string) string {
		t.Helper()
		data, found, err := sessions.FindCtx(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if !found && data != nil {
			t.Errorf("a session that is not there has data %q", data)
		}
		return fmt.Sprintf("%s %t", data, found)
	}
	commit := func(token, data string, expiry time.Time) {
		t.Helper()
		if err := sessions.CommitCtx(t.Context(), token, []byte(data), expiry); err != nil {
			t.Fatal(err)
		}
	}
	commit("a", "first", epoch.Add(time.Minute))
	commit("a", "second", epoch.Add(time.Hour))
	commit("b", "\x00\xff", epoch.Add(time.Minute))
	if got := find("a"); got != "second true" {
		t.Errorf("got %q", got)
	}
	if got := find("b"); got != "\x00\xff true" {
		t.Errorf("got %q", got)
	}
	now = epoch.Add(time.Minute)
	if got := find("b"); got != " false" {
		t.Errorf("at its expiry a session is %q", got)
	}
	if err := sessions.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = epoch // must not bring back what was purged
	if got := find("b"); got != " false" {
		t.Errorf("a purged session is %q", got)
	}
	if got := find("a"); got != "second true" {
		t.Errorf("after the purge a living session is %q", got)
	}
	for _, replace := range []struct {
		token     string
		old, data []byte
		want      string
	}{
		{"a", nil, []byte("third"), "third true"},
		{"a", []byte("third"), []byte("fourth\x00\xff"), "fourth\x00\xff true"},
		{"a", []byte("fourth\x00\xff"), []byte("fifth"), "fifth true"},
		{"a", []byte("third"), []byte("late"), "fifth true"},
		{"b", nil, []byte("again"), " false"},
		{"b", []byte("\x00\xff"), []byte("again"), " false"},
	} {
		if err := sessions.ReplaceCtx(t.Context(), replace.token, replace.old, replace.data, epoch.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := find(replace.token); got != replace.want {
			t.Errorf("replaced by %q if it is %q, %s is %q", replace.data, replace.old, replace.token, got)
		}
	}
	for range 2 { // deleting a session that does not exist is no error
		if err := sessions.DeleteCtx(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if got := find("a"); got != " false" {
		t.Errorf("a deleted session is %q", got)
	}
}

// fill stores keys of a tenancy, each with a secret, many at a time and without their events.
func fill(t testing.TB, s *Store, tenancy string, count int) []string {
	t.Helper()
	ids := fillKeys(t, s, tenancy, count)
	secrets := make([]secretRow, count)
	for i := range count {
		k := newKey(tenancy, i)
		secrets[i] = newSecretRow(k.ClientID, k.Secrets[0])
	}
	if err := s.writer.WithContext(t.Context()).CreateInBatches(secrets, 500).Error; err != nil {
		t.Fatal(err)
	}
	return ids
}

// fillKeys is fill without secrets.
func fillKeys(t testing.TB, s *Store, tenancy string, count int) []string {
	t.Helper()
	ids := make([]string, count)
	rows := make([]keyRow, count)
	for i := range count {
		k := newKey(tenancy, i)
		ids[i], rows[i] = k.ClientID, newKeyRow(k)
	}
	if err := s.writer.WithContext(t.Context()).CreateInBatches(rows, 500).Error; err != nil {
		t.Fatal(err)
	}
	return ids
}

// newKey returns the i-th of a tenancy's keys.
func newKey(tenancy string, i int) apikey.Key {
	id := fmt.Sprintf("%s-%06d", tenancy, i)
	return apikey.Key{
		TenancyID: tenancy, ClientID: "ak_" + id, Name: fmt.Sprintf("Integração número %06d", i), Lifespan: apikey.DefaultLifespan,
		Status: apikey.Active, Generation: 1, Version: 1, CreatedAt: epoch, UpdatedAt: epoch,
		Secrets: []apikey.Secret{{ID: id, LastFour: "abcd", CreatedAt: epoch}},
	}
}

func newDraft(k apikey.Key) eventlog.Draft {
	return eventlog.Draft{
		At: epoch, TenancyID: k.TenancyID, Action: eventlog.APIKeyUpdated,
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: k.ClientID},
	}
}

func totalIsCapped(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	ids := fillKeys(t, s, tenancy, apikey.TotalMax+1)
	list := func(q apikey.Query, total int, capped bool) {
		t.Helper()
		q.Page, q.PageSize = 1, 3
		page, err := s.List(t.Context(), tenancy, q)
		if err != nil || page.Total != total || page.TotalCapped != capped || len(page.Keys) != 3 {
			t.Errorf("%+v: total %d, capped %t, %d keys, %v; want %d, %t", q, page.Total, page.TotalCapped, len(page.Keys), err, total, capped)
		}
	}
	list(apikey.Query{SortBy: apikey.SortByCreatedAt, Descending: true}, apikey.TotalMax, true)
	list(apikey.Query{SortBy: apikey.SortByName, Search: "NUMERO 00999"}, 10, false)
	err := s.Delete(t.Context(), tenancy, ids[0], func(k apikey.Key) (eventlog.Draft, error) { return newDraft(k), nil })
	if err != nil {
		t.Fatal(err)
	}
	list(apikey.Query{SortBy: apikey.SortByLastUsedAt}, apikey.TotalMax, false)
}

// searchesOfAnySizeAreInOrder: a search is done in one of three ways, depending on whether many keys match, few match, or those
// that match come late in the list's order. All give the same result as sorting all matches would.
func searchesOfAnySizeAreInOrder(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	const others = reachByName
	rows := make([]keyRow, others+apikey.TotalMax+2)
	for i := range rows {
		k := newKey(tenancy, i)
		k.CreatedAt = epoch.Add(time.Duration(i) * time.Second)
		if k.Name = fmt.Sprintf("Integração %06d", i); i < others {
			k.Name = fmt.Sprintf("Cobrança %06d", i)
		}
		if i%2 == 1 {
			k.Status = apikey.Inactive
		}
		rows[i] = newKeyRow(k)
	}
	if err := s.writer.WithContext(t.Context()).CreateInBatches(rows, 500).Error; err != nil {
		t.Fatal(err)
	}
	// They were used in the reverse order.
	execute(t, s, "UPDATE key_use SET last_used_at = ? - created_at", 2*epoch.UnixMicro())
	tests := []struct {
		q      apikey.Query
		first  int // index of the first row on the page, and the step to the next one
		step   int
		total  int
		capped bool
	}{
		{apikey.Query{Search: "integ", SortBy: apikey.SortByName}, others, 1, apikey.TotalMax, true},
		{apikey.Query{Search: "integ", SortBy: apikey.SortByName, Page: 500}, others + 499*3, 1, apikey.TotalMax, true},
		{apikey.Query{Search: "INTEG", SortBy: apikey.SortByCreatedAt}, others, 1, apikey.TotalMax, true},
		{apikey.Query{Search: "te", SortBy: apikey.SortByCreatedAt, Descending: true}, len(rows) - 1, -1, apikey.TotalMax, true},
		{apikey.Query{Search: "integ", SortBy: apikey.SortByLastUsedAt}, len(rows) - 1, -1, apikey.TotalMax, true},
		{apikey.Query{Search: "integ", SortBy: apikey.SortByLastUsedAt, Descending: true}, others, 1, apikey.TotalMax, true},
		{apikey.Query{Search: "integ", SortBy: apikey.SortByName, Status: apikey.Inactive}, others + 1, 2, apikey.TotalMax/2 + 1, false},
		{apikey.Query{Search: "ç", SortBy: apikey.SortByName}, 0, 1, apikey.TotalMax, true},
		{apikey.Query{Search: "cobra", SortBy: apikey.SortByName, Page: 2}, 3, 1, apikey.TotalMax, true},
		{apikey.Query{Search: "cobranca 00000", SortBy: apikey.SortByLastUsedAt, Page: 2}, 6, -1, 10, false},
		{apikey.Query{Search: "cobra", SortBy: apikey.SortByCreatedAt, Page: 5000}, 4999 * 3, 1, apikey.TotalMax, true}, // beyond the keys that are counted
	}
	for _, test := range tests {
		q := test.q
		q.Page, q.PageSize = max(q.Page, 1), 3
		page, err := s.List(t.Context(), tenancy, q)
		if err != nil || page.Total != test.total || page.TotalCapped != test.capped || len(page.Keys) != 3 {
			t.Errorf("%+v: total %d, capped %t, %d keys, %v", q, page.Total, page.TotalCapped, len(page.Keys), err)
			continue
		}
		for i, k := range page.Keys {
			if want := rows[test.first+i*test.step].Name; k.Name != want {
				t.Errorf("%+v: key %d is %q, not %q", q, i, k.Name, want)
			}
		}
	}
	behind := apikey.Query{Search: "cobranca 00000", SortBy: apikey.SortByName, Page: 5, PageSize: 3}
	if page, err := s.List(t.Context(), tenancy, behind); err != nil || page.Total != 10 || len(page.Keys) > 0 {
		t.Errorf("behind the last page: total %d, %d keys, %v, want the total alone", page.Total, len(page.Keys), err)
	}
}

func unknownRows(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	id := fill(t, s, tenancy, 1)[0]
	for _, values := range []keyRow{
		{Scopes: "no scope", Status: "active", LifespanValue: 1, LifespanUnit: "hours"},
		{Status: "asleep", LifespanValue: 1, LifespanUnit: "hours"},
		{Status: "active", LifespanValue: 1, LifespanUnit: "days"},
		{Status: "active", LifespanValue: 25, LifespanUnit: "hours"},
	} {
		if _, err := values.key(); err == nil {
			t.Errorf("%+v was read as a key", values)
		}
	}
	if _, err := (secretRow{Digest: make([]byte, 31)}).secret(); err == nil {
		t.Error("a digest of 31 bytes was read")
	}
	if _, err := (operatorRow{Role: "owner"}).operator(); err == nil {
		t.Error("an operator with an unknown role was read")
	}
	if _, err := (operatorRow{Role: "admin", Status: "asleep"}).operator(); err == nil {
		t.Error("an operator with an unknown status was read")
	}
	if _, err := (operatorRow{Role: "admin", Status: "active", LinkDigest: make([]byte, 31)}).operator(); err == nil {
		t.Error("a link with a digest of 31 bytes was read")
	}
	if _, err := (signingKeyRow{Algorithm: "none"}).record(); err == nil {
		t.Error("a signing key of an unknown algorithm was read")
	}
	// The database itself refuses most invalid values.
	db := s.writer.WithContext(t.Context())
	for column, value := range map[string]any{"status": "asleep", "lifespan_value": 25, "lifespan_unit": "days", "tenancy_id": "nowhere"} {
		if err := db.Model(&keyRow{}).Where("client_id = ?", id).Update(column, value).Error; err == nil {
			t.Errorf("%s became %v", column, value)
		}
	}
	if err := db.Model(&keyRow{}).Where("client_id = ?", id).Update("scopes", "no scope").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), tenancy, id); err == nil || errors.Is(err, apikey.ErrUnavailable) || errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("a key with a malformed scope was read: %v", err)
	}
}

// unstorableText checks that nothing breaks if such a text gets this far, although it is refused earlier.
func unstorableText(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	tenancy := newTenancy(t, s)
	for i, text := range []string{"nul \x00", "not UTF-8 \xff"} {
		k := newKey(tenancy, i)
		k.Description = text
		err := s.Create(t.Context(), k, newDraft(k), nil)
		if err == nil {
			var got apikey.Key
			if got, err = s.Get(t.Context(), tenancy, k.ClientID); err != nil || got.Description != text {
				t.Errorf("%q became %q, %v", text, got.Description, err)
			}
		} else if errors.Is(err, apikey.ErrUnavailable) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := s.Lookup(t.Context(), text); err == nil || errors.Is(err, apikey.ErrUnavailable) {
			t.Errorf("looked up %q: %v", text, err)
		}
	}
	if _, err := eventlog.Verify(t.Context(), s, eventlog.EmptyHead()); err != nil {
		t.Error(err)
	}
}

func statementLogging(t *testing.T, open func(testing.TB, Options) *Store) {
	var log bytes.Buffer
	s := open(t, Options{Timeout: patience, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	o := operator.Operator{
		ID: "id-value", TenancyID: newTenancy(t, s), Email: "email-value", Role: operator.Admin, Status: operator.Active, PasswordHash: "hash-value",
		CreatedAt: epoch, UpdatedAt: epoch,
	}
	for range 2 { // the second time it fails, which must not make the log say more
		if err := s.CreateOperator(t.Context(), o, eventlog.Draft{At: epoch}); err != nil && !errors.Is(err, operator.ErrEmailTaken) {
			// The database notices the duplicate primary key before the duplicate address.
			t.Log("refused:", err)
		}
	}
	if _, err := s.OperatorByEmail(t.Context(), o.Email); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); strings.Contains(text, "-value") || !strings.Contains(text, "password_hash") {
		t.Errorf("the log is\n%s", text)
	}
}

func migrationIsRepeatable(t *testing.T, open func(testing.TB, Options) *Store) {
	s := open(t, Options{Timeout: patience})
	newTenancy(t, s)
	migrate(t, s)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if all, err := s.Tenancies(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("after another migration there are %d tenancies, %v", len(all), err)
	}
}
