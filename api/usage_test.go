package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/usage"
)

// point is a step of a series.
type point struct {
	Start          time.Time
	Issued, Denied int64
}

// series is the usage of a key.
type series struct {
	ClientID string `json:"client_id"`
	Points   []point
	Secrets  []struct {
		SecretID string `json:"secret_id"`
		Issued   int64  `json:"issued_last_24h"`
	}
}

func (s series) totals() (issued, denied int64) {
	for _, p := range s.Points {
		issued += p.Issued
		denied += p.Denied
	}
	return issued, denied
}

// usage returns the usage of a key, after writing what was counted.
func (s *service) usage(t *testing.T, c *caller, k createdKey, query string) series {
	t.Helper()
	if err := s.Uses.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got series
	c.get(k.path() + "/usage" + query).wants(http.StatusOK).decode(&got)
	return got
}

func TestUsageCountsWhatWasIssuedAndDeniedBySecret(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program")
		for range 3 {
			admin.token(k.ClientID, k.ClientSecret)
		}
		if admin.exchanges(k.ClientID, "wrong") || admin.exchanges("ak_0000000000000000000000", "wrong") {
			t.Error("a wrong secret was accepted")
		}
		rotated := admin.post(k.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK).key()
		admin.token(k.ClientID, rotated.ClientSecret)
		got := s.usage(t, admin, k, "")
		if issued, denied := got.totals(); issued != 4 || denied != 1 || len(got.Points) < 24 || len(got.Points) > 25 {
			t.Errorf("got %d issued and %d denied in %d hours", issued, denied, len(got.Points))
		}
		if len(got.Secrets) != 2 || got.Secrets[0].SecretID != rotated.Secrets[0].ID || got.Secrets[0].Issued != 1 || got.Secrets[1].Issued != 3 {
			t.Errorf("got %+v", got.Secrets)
		}
		for i := 1; i < len(got.Points); i++ {
			if gap := got.Points[i].Start.Sub(got.Points[i-1].Start); gap != time.Hour {
				t.Errorf("%s after %s", gap, got.Points[i-1].Start)
			}
		}
		s.pass(26 * time.Hour)
		admin = s.admin(t)
		later := s.usage(t, admin, k, "")
		if issued, _ := later.totals(); issued != 0 || len(later.Secrets) != 1 || later.Secrets[0].Issued != 0 {
			t.Errorf("26 hours later: got %+v", later)
		}
		from := url.QueryEscape(s.now().Add(-48 * time.Hour).Format(time.RFC3339))
		days := s.usage(t, admin, k, "?resolution=day&time_zone=America/Sao_Paulo&from="+from)
		if issued, denied := days.totals(); issued != 4 || denied != 1 || len(days.Points) != 3 {
			t.Errorf("by day: got %+v", days.Points)
		}
		for _, p := range days.Points {
			if hour := p.Start.UTC().Hour(); hour != 3 { // midnight in São Paulo
				t.Errorf("a day begins at %s", p.Start)
			}
		}
	})
}

// TestAskingAboutTokensIsAUseOfTheSecretAndNoToken: a resource server may use its secret only to introspect or revoke tokens, and
// an operator who wants to retire that secret has to see so.
func TestAskingAboutTokensIsAUseOfTheSecretAndNoToken(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
			k := admin.create(path)
			old := s.stranger(t).basic(k.ClientID, k.ClientSecret)
			admin.post(k.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK)
			old.form(path, "token", "x").wants(http.StatusOK)
			s.stranger(t).basic(k.ClientID, "wrong").form(path, "token", "x").wants(http.StatusUnauthorized)
			counted := s.usage(t, admin, k, "")
			if issued, denied := counted.totals(); issued != 0 || denied != 0 {
				t.Errorf("%s: %d issued and %d denied", path, issued, denied)
			}
			var got struct {
				LastUsedAt time.Time `json:"last_used_at"`
				Secrets    []struct {
					ID         string
					LastUsedAt time.Time `json:"last_used_at"`
					LastUsedIP string    `json:"last_used_ip"`
				}
			}
			admin.get(k.path()).wants(http.StatusOK).decode(&got)
			if got.LastUsedAt.IsZero() {
				t.Errorf("%s: the key was never used", path)
			}
			for _, secret := range got.Secrets {
				if used := !secret.LastUsedAt.IsZero() && secret.LastUsedIP != ""; used != (secret.ID == k.Secrets[0].ID) {
					t.Errorf("%s: the secret %+v", path, secret)
				}
			}
		}
	})
}

func TestUsageOfManyKeysIsOneAnswerInTheOrderAskedFor(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		busy, idle := admin.create("busy"), admin.create("idle")
		_, email := s.otherTenancy(t)
		foreign := s.as(t, email).create("foreign")
		admin.token(busy.ClientID, busy.ClientSecret)
		admin.token(foreign.ClientID, foreign.ClientSecret)
		s.usage(t, admin, busy, "")
		var page struct{ Items []series }
		query := url.Values{"client_id": {idle.ClientID, busy.ClientID, foreign.ClientID, "ak_unknown"}}
		admin.get("/v1/usage?" + query.Encode()).wants(http.StatusOK).decode(&page)
		var issued []int64
		for _, item := range page.Items {
			n, _ := item.totals()
			issued = append(issued, n)
		}
		if !slices.Equal(issued, []int64{0, 1, 0, 0}) || page.Items[0].ClientID != idle.ClientID || page.Items[1].ClientID != busy.ClientID {
			t.Errorf("got %v", issued)
		}
		admin.get("/v1/usage?client_id="+strings.Repeat("ak_x&client_id=", 100)+"ak_x").refused(http.StatusBadRequest, "bad-request/invalid-parameters")
		admin.get("/v1/usage").refused(http.StatusBadRequest, "bad-request/invalid-parameters")
	})
}

func TestAPeriodThatMakesNoSenseIsRefused(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	k := admin.create("program")
	for query, field := range map[string]string{
		"?from=yesterday": "from",
		"?from=2030-01-02T00:00:00Z&until=2030-01-01T00:00:00Z": "from",
		"?from=2030-01-01T00:00:00Z&until=2030-06-01T00:00:00Z": "from",
		"?until=9999-12-31T23:59:59-23:59":                      "until", // in UTC the year has five digits
		"?from=0000-01-01T00:00:00Z":                            "from",
		"?time_zone=Mars/Olympus":                               "time_zone",
		"?time_zone=Local":                                      "time_zone",
		"?time_zone=../../etc/passwd":                           "time_zone",
		"?resolution=minute":                                    "resolution",
	} {
		a := admin.get(k.path() + "/usage" + query)
		if p := a.refused(http.StatusBadRequest, "bad-request/invalid-parameters"); !strings.HasPrefix(p.fields(), field+" ") {
			t.Errorf("%s: got %s", query, a.body)
		}
	}
	for field, most := range map[string]int{"days": 90, "unused_days": 365} {
		overview := func(days int) answer { return admin.get(fmt.Sprintf("/v1/usage/overview?%s=%d", field, days)) }
		overview(1).wants(http.StatusOK)
		overview(most).wants(http.StatusOK)
		for _, days := range []int{0, most + 1} {
			want := fmt.Sprintf("%s must be between 1 and %d", field, most)
			if got := overview(days).refused(http.StatusBadRequest, "bad-request/invalid-parameters").fields(); got != want {
				t.Errorf("%d: got %s, want %s", days, got, want)
			}
		}
	}
}

// TestAPeriodInADayWithTwoMidnightsHasItsDay: on that day in Amman it was midnight at 21:00 UTC, and again an hour later.
func TestAPeriodInADayWithTwoMidnightsHasItsDay(t *testing.T) {
	s := onOne(t)
	admin := s.admin(t)
	k := admin.create("program")
	got := s.usage(t, admin, k, "?resolution=day&time_zone=Asia/Amman&from=2021-10-28T21:00:00Z&until=2021-10-28T22:00:00Z")
	if len(got.Points) != 1 || !got.Points[0].Start.Equal(time.Date(2021, 10, 28, 21, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v", got.Points)
	}
}

func TestTheOwnerLearnsWhyAnExchangeWasRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program")
		old := k.ClientSecret
		k = admin.post(k.path()+"/rotate-secret", rotation(60)).wants(http.StatusOK).key()
		s.pass(2 * time.Minute)
		admin.exchanges(k.ClientID, old)
		s.pass(time.Second)
		admin.exchanges(k.ClientID, "wrong")
		s.pass(time.Second)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}, "scope": {"spot:admin"}}
		refused := admin.do("POST", "/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())).wants(http.StatusBadRequest)
		s.pass(time.Second)
		admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK)
		admin.exchanges(k.ClientID, k.ClientSecret)
		if err := s.Uses.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		type denial struct {
			At                    time.Time
			Reason, IP, RequestID string
		}
		var list struct {
			Items []struct {
				At        time.Time
				Reason    string
				IP        string
				RequestID string `json:"request_id"`
			}
		}
		a := admin.get(k.path() + "/denials").wants(http.StatusOK)
		a.decode(&list)
		var reasons []string
		for _, d := range list.Items {
			reasons = append(reasons, d.Reason)
			if d.IP == "" || d.RequestID == "" || d.At.IsZero() {
				t.Errorf("got %+v", denial(d))
			}
		}
		if !slices.Equal(reasons, []string{"inactive-key", "scope-not-granted", "wrong-secret", "expired-secret"}) {
			t.Errorf("got %v", reasons)
		}
		if list.Items[1].RequestID != refused.Header.Get("X-Request-Id") {
			t.Errorf("the request is called %q, and %q in its answer", list.Items[1].RequestID, refused.Header.Get("X-Request-Id"))
		}
		if strings.Contains(string(a.body), k.ClientSecret) || strings.Contains(string(a.body), old) {
			t.Error("a denial tells the secret")
		}
		for range usage.DenialsKept + 5 {
			admin.exchanges(k.ClientID, "wrong")
		}
		if err := s.Uses.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		admin.get(k.path() + "/denials").wants(http.StatusOK).decode(&list)
		if len(list.Items) != usage.DenialsKept {
			t.Errorf("%d denials are kept", len(list.Items))
		}
	})
}

func TestTheOverviewNamesBusyUnusedAndExpiring(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		unused, stopped := admin.create("unused"), admin.create("stopped")
		admin.post(stopped.path()+"/deactivate", nil).wants(http.StatusOK)
		s.pass(40 * 24 * time.Hour)
		admin = s.admin(t)
		busy, busier := admin.create("busy"), admin.create("busier")
		admin.token(busy.ClientID, busy.ClientSecret)
		admin.token(busier.ClientID, busier.ClientSecret)
		admin.token(busier.ClientID, busier.ClientSecret)
		admin.post(busy.path()+"/rotate-secret", rotation(3600)).wants(http.StatusOK)
		_, email := s.otherTenancy(t)
		foreign := s.as(t, email).create("foreign")
		admin.token(foreign.ClientID, foreign.ClientSecret)
		s.usage(t, admin, busy, "")
		var o struct {
			Issued, Denied int64
			Top, Unused    []struct{ Name string }
			Expiring       []struct {
				Name     string
				SecretID string `json:"secret_id"`
			}
		}
		a := admin.get("/v1/usage/overview").wants(http.StatusOK)
		a.decode(&o)
		if o.Issued != 3 || len(o.Top) != 2 || o.Top[0].Name != "busier" || len(o.Unused) != 1 || o.Unused[0].Name != "unused" ||
			len(o.Expiring) != 1 || o.Expiring[0].Name != "busy" || o.Expiring[0].SecretID != busy.Secrets[0].ID {
			t.Errorf("got %s", a.body)
		}
		admin.get("/v1/usage/overview?unused_days=90").wants(http.StatusOK).decode(&o)
		if len(o.Unused) != 0 {
			t.Errorf("unused for 90 days: %+v, like %s", o.Unused, unused.Name)
		}
	})
}

func TestAGracePeriodCanBeChangedOrTheRotationCancelled(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program")
		admin.post(k.path()+"/cancel-rotation", nil).refused(http.StatusConflict, "api-key/no-rotation")
		rotated := admin.post(k.path()+"/rotate-secret", rotation(60)).wants(http.StatusOK).key()
		old, current := k.path()+"/secrets/"+rotated.Secrets[1].ID, k.path()+"/secrets/"+rotated.Secrets[0].ID
		admin.patch(current, rotation(60)).refused(http.StatusConflict, "api-key/conflict")
		admin.patch(old+"0", rotation(60)).refused(http.StatusNotFound, "secret/not-found")
		for _, seconds := range []int{0, -1, 604_801} {
			admin.patch(old, rotation(seconds)).refused(http.StatusBadRequest, "bad-request/invalid-parameters")
		}
		admin.with("If-Match", `"1"`).patch(old, rotation(60)).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
		admin.patch(old, rotation(7200)).wants(http.StatusOK)
		s.pass(time.Hour)
		if !admin.exchanges(k.ClientID, k.ClientSecret) {
			t.Error("the old secret died before its longer grace period ended")
		}
		admin.with("If-Match", k.etag).post(k.path()+"/cancel-rotation", nil).refused(http.StatusPreconditionFailed, "api-key/precondition-failed")
		kept := admin.post(k.path()+"/cancel-rotation", nil).wants(http.StatusOK).key()
		if len(kept.Secrets) != 1 || kept.Secrets[0].ID != rotated.Secrets[1].ID || kept.Secrets[0].ExpiresAt != nil {
			t.Errorf("got %+v", kept.Secrets)
		}
		if !admin.exchanges(k.ClientID, k.ClientSecret) || admin.exchanges(k.ClientID, rotated.ClientSecret) {
			t.Error("the wrong secret was kept")
		}
	})
}

func TestASecretWhoseGraceHasEndedIsRetiredOnceWithAnEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin := s.admin(t)
		k := admin.create("program")
		rotated := admin.post(k.path()+"/rotate-secret", rotation(60)).wants(http.StatusOK).key()
		s.Keys.RetireExpired(t.Context(), s.now())
		if now := admin.get(k.path()).wants(http.StatusOK).key(); now.etag != rotated.etag {
			t.Error("a secret was retired before its time")
		}
		s.pass(time.Minute)
		for range 2 {
			s.Keys.RetireExpired(t.Context(), s.now())
		}
		events, err := s.Store.After(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		expired := slices.DeleteFunc(events, func(e eventlog.Event) bool { return e.Action != eventlog.APIKeySecretExpired })
		if len(expired) != 1 || expired[0].Subject.ID != k.ClientID || expired[0].Actor.Kind != eventlog.ActorSystem {
			t.Errorf("got %+v", expired)
		}
		if now := admin.get(k.path()).wants(http.StatusOK).key(); len(now.Secrets) != 1 || now.Secrets[0].ID != rotated.Secrets[0].ID {
			t.Errorf("got %+v", now.Secrets)
		}
	})
}
