package api_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// snapshot is the payload of a snapshot.
type snapshot struct {
	Issuer   string           `json:"iss"`
	IssuedAt int64            `json:"iat"`
	Seq      int64            `json:"seq"`
	Clients  map[string]int64 `json:"clients"`
	Tokens   map[string]int64 `json:"tokens"`
}

// follow makes the service read its log to the end, which it does all the time while it serves.
func (s *service) follow(t *testing.T) {
	t.Helper()
	if err := s.Tailer.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// revocations requests the snapshot. It may have to retry, since the log counts as read only for a moment, which a slow machine
// may miss.
func (c *caller) revocations(s *service) answer {
	c.t.Helper()
	for {
		s.follow(c.t)
		if a := c.get("/v1/revocations"); a.StatusCode != http.StatusServiceUnavailable {
			return a
		}
	}
}

// verified checks the snapshot's signature with the published keys and returns its payload.
func (a answer) verified(c *caller) snapshot {
	a.t.Helper()
	a.wants(http.StatusOK)
	set, err := jwk.Parse(c.get("/.well-known/jwks.json").body)
	if err != nil {
		a.t.Fatal(err)
	}
	message, err := jws.Parse(a.body)
	if err != nil {
		a.t.Fatal(err)
	}
	header := message.Signatures()[0].ProtectedHeaders()
	key, found := set.LookupKeyID(header.KeyID())
	if !found || header.Type() != "revocations+jwt" || header.Algorithm() != jwa.ES256 {
		a.t.Fatalf("the header is %+v", header)
	}
	payload, err := jws.Verify(a.body, jws.WithKey(jwa.ES256, key))
	if err != nil {
		a.t.Fatal(err)
	}
	var says snapshot
	if err := json.Unmarshal(payload, &says); err != nil {
		a.t.Fatal(err)
	}
	return says
}

// TestSnapshotHoldsWhatIsRevoked tries every change that revokes, and changes that don't.
func TestSnapshotHoldsWhatIsRevoked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin, stranger := s.admin(t), s.stranger(t)
		head := func() int64 {
			h, err := s.Store.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return h.Seq
		}
		says := stranger.revocations(s).verified(stranger)
		if says.Issuer != s.Config.Issuer || says.Seq != head() || len(says.Clients)+len(says.Tokens) != 0 {
			t.Errorf("before anything was revoked: %+v", says)
		}
		for name, test := range map[string]struct {
			change     func(k createdKey)
			generation int64 // 0: nothing is revoked
		}{
			"nothing":            {func(createdKey) {}, 0},
			"edit":               {func(k createdKey) { admin.patch(k.path(), map[string]any{"description": "x"}).wants(200) }, 0},
			"activate an active": {func(k createdKey) { admin.post(k.path()+"/activate", nil).wants(200) }, 0},
			"rotate with grace": {func(k createdKey) {
				admin.post(k.path()+"/rotate-secret", map[string]int{"grace_period_seconds": 60}).wants(200)
			}, 0},
			"rotate now": {func(k createdKey) {
				admin.post(k.path()+"/rotate-secret", map[string]int{"grace_period_seconds": 0}).wants(200)
			}, 2},
			"revoke tokens": {func(k createdKey) { admin.post(k.path()+"/revoke-tokens", nil).wants(200) }, 2},
			"deactivate":    {func(k createdKey) { admin.post(k.path()+"/deactivate", nil).wants(200) }, 2},
			"deactivate, activate": {func(k createdKey) {
				admin.post(k.path()+"/deactivate", nil).wants(200)
				admin.post(k.path()+"/activate", nil).wants(200)
			}, 2},
			"deactivate, activate, revoke tokens": {func(k createdKey) {
				admin.post(k.path()+"/deactivate", nil).wants(200)
				admin.post(k.path()+"/activate", nil).wants(200)
				admin.post(k.path()+"/revoke-tokens", nil).wants(200)
			}, 3},
			"delete": {func(k createdKey) { admin.delete(k.path()).wants(204) }, 2},
		} {
			t.Run(name, func(t *testing.T) {
				k := admin.create(name)
				test.change(k)
				says := stranger.revocations(s).verified(stranger)
				if says.Clients[k.ClientID] != test.generation {
					t.Errorf("the generation is %d, want %d", says.Clients[k.ClientID], test.generation)
				}
				// Its position may be an earlier one if nothing has been revoked since.
				if newest := head(); says.Seq > newest || test.generation > 0 && name != "deactivate, activate" && says.Seq != newest {
					t.Errorf("it stands for %d, the log is at %d", says.Seq, newest)
				}
			})
		}
		k := admin.create("key")
		token := stranger.token(k.ClientID, k.ClientSecret)
		admin.form("/oauth2/revoke", "token", token).wants(http.StatusOK)
		says = stranger.revocations(s).verified(stranger)
		if id, _ := claims(t, token)["jti"].(string); len(says.Tokens) != 1 || float64(says.Tokens[id]) != claims(t, token)["exp"] {
			t.Errorf("got %v, want %s", says.Tokens, id)
		}
		text := string(stranger.revocations(s).body)
		payload := struct{ Payload string }{}
		if err := json.Unmarshal([]byte(text), &payload); err != nil {
			t.Fatal(err)
		}
		plain, _ := base64.RawURLEncoding.DecodeString(payload.Payload)
		if strings.Contains(string(plain), s.tenancy(t)) || strings.Contains(string(plain), "@") {
			t.Errorf("the feed tells more than it has to: %s", plain)
		}
	})
}

func TestSnapshotIsSentAgainOnlyWhenItHasChanged(t *testing.T) {
	s := onOne(t)
	admin, stranger := s.admin(t), s.stranger(t)
	k := admin.create("key")
	first := stranger.revocations(s).wants(http.StatusOK)
	tag := first.Header.Get("ETag")
	if tag == "" || first.Header.Get("Cache-Control") != "public, no-cache" || first.Header.Get("Content-Type") != "application/jose+json" {
		t.Errorf("got %v", first.Header)
	}
	for _, condition := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag} {
		if a := stranger.with("If-None-Match", condition).revocations(s).wants(http.StatusNotModified); len(a.body) > 0 || a.Header.Get("ETag") != tag {
			t.Errorf("a 304 with %v and %q", a.Header, a.body)
		}
	}
	stranger.with("If-None-Match", `"other"`).revocations(s).wants(http.StatusOK)
	admin.create("another") // revokes nothing
	stranger.with("If-None-Match", tag).revocations(s).wants(http.StatusNotModified)
	admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK)
	second := stranger.with("If-None-Match", tag).revocations(s).wants(http.StatusOK)
	if second.Header.Get("ETag") == tag {
		t.Error("another snapshot has the same tag")
	}
	s.pass(11 * time.Minute)
	stranger.with("If-None-Match", second.Header.Get("ETag")).revocations(s).wants(http.StatusNotModified)
	third := stranger.revocations(s).verified(stranger)
	if age := s.now().Unix() - third.IssuedAt; age > 60 {
		t.Errorf("the snapshot is %d seconds old", age)
	}
	if err := s.Keyring.Rotate(t.Context(), 0, system); err != nil {
		t.Fatal(err)
	}
	stranger.revocations(s).verified(stranger)
}

func TestWhatCannotMatterIsNotInTheFeed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		admin, stranger := s.admin(t), s.stranger(t)
		old, k := admin.create("old"), admin.create("key")
		token := stranger.token(k.ClientID, k.ClientSecret)
		admin.form("/oauth2/revoke", "token", token).wants(http.StatusOK)
		admin.post(old.path()+"/deactivate", nil).wants(http.StatusOK)
		s.follow(t)
		s.pass(13 * time.Hour)
		admin = s.admin(t)
		admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK)
		s.follow(t)
		s.pass(13 * time.Hour)
		s.Revoked.Purge()
		if says := stranger.revocations(s).verified(stranger); len(says.Tokens) != 0 || len(says.Clients) != 1 || says.Clients[k.ClientID] != 2 {
			t.Errorf("after 26 and 13 hours: %+v", says)
		}
		// The same after a restart.
		if err := s.Revoked.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if says := stranger.revocations(s).verified(stranger); len(says.Clients) != 1 || says.Clients[k.ClientID] != 2 {
			t.Errorf("after a start: %+v", says)
		}
	})
}

func TestSnapshotIsRefusedWhileTheLogCannotBeRead(t *testing.T) {
	s := onOne(t)
	stranger := s.stranger(t)
	tag := stranger.revocations(s).wants(http.StatusOK).Header.Get("ETag")
	s.pass(time.Minute)
	stranger.get("/v1/revocations").refused(http.StatusServiceUnavailable, "service/unavailable")
	stranger.with("If-None-Match", tag).get("/v1/revocations").refused(http.StatusServiceUnavailable, "service/unavailable")
}

// TestFeedIsForEveryone, even with invalid credentials.
func TestFeedIsForEveryone(t *testing.T) {
	s := onOne(t)
	for _, c := range []*caller{s.stranger(t), s.admin(t), s.stranger(t).with("Authorization", "Bearer x"), s.stranger(t).with("Accept", "*/*")} {
		c.revocations(s).verified(s.stranger(t))
	}
	s.stranger(t).post("/v1/revocations", nil).refused(http.StatusMethodNotAllowed, "request/method-not-allowed")
}

// TestWhoNamesTheSnapshotGetsIt, even if Accept names the stream as well: generated clients list every media type of the contract,
// and would wait for the stream to end.
func TestWhoNamesTheSnapshotGetsIt(t *testing.T) {
	s := onOne(t)
	s.follow(t)
	for _, accept := range []string{
		"application/jose+json, text/event-stream, application/problem+json", "text/event-stream;q=0", "text/event-stream;q=x",
		"text/event-stream;q=0.5, application/jose+json", "*/*", "",
	} {
		a := s.stranger(t).with("Accept", accept).revocations(s)
		if a.wants(http.StatusOK); a.Header.Get("Content-Type") != "application/jose+json" || a.Header.Get("Vary") != "Accept" {
			t.Errorf("%q: got %v", accept, a.Header)
		}
	}
}

// TestStreamOfTheServiceBringsWhatIsRevoked covers the whole way from the change of a key to the listener.
func TestStreamOfTheServiceBringsWhatIsRevoked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		following := make(chan struct{})
		go func() {
			defer close(following)
			_ = s.Tailer.Run(ctx)
		}()
		admin := s.admin(t)
		k := admin.create("key")
		for _, accept := range []string{
			"text/event-stream", "application/json, text/event-stream;q=0.9", "text/event-stream, */*", "application/jose+json;q=0.5, text/event-stream",
		} {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v1/revocations", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", accept)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK || response.Header.Get("X-Accel-Buffering") != "no" || response.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("got %d with %v", response.StatusCode, response.Header)
			}
			admin.post(k.path()+"/revoke-tokens", nil).wants(http.StatusOK)
			found := false
			for lines := bufio.NewScanner(response.Body); !found && lines.Scan(); {
				found = strings.HasPrefix(lines.Text(), `data: {"client_id":"`+k.ClientID+`"`)
			}
			if !found {
				t.Error("the stream ended without the revocation")
			}
		}
		cancel()
		<-following
	})
}
