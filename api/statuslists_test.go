package api_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/piercloud/apikeys/pkg/statuslist"
)

// withStatusLists is the setting that makes tokens name their places in status lists.
var withStatusLists = map[string]string{"APIKEYS_STATUS_LIST": "on"}

// place is the place of a token's status in a list, as the token names it.
type place struct {
	Index int64  `json:"idx"`
	URI   string `json:"uri"`
}

// statusOf returns the place that a token names, and whether it has such a claim.
func statusOf(t *testing.T, token string) (p place, ok bool) {
	t.Helper()
	claim, ok := claims(t, token)["status"]
	if !ok {
		return place{}, false
	}
	var status struct {
		List place `json:"status_list"`
	}
	text, err := json.Marshal(claim)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatal(err)
	}
	return status.List, true
}

// followed repeats a request until the log has just been read: it counts as read only for a moment.
func (s *service) followed(t *testing.T, ask func() answer) answer {
	t.Helper()
	for {
		s.follow(t)
		if a := ask(); a.StatusCode != http.StatusServiceUnavailable {
			return a
		}
	}
}

// getList requests a list by its URI, whose host is not the test server's.
func (c *caller) getList(s *service, uri string) answer {
	c.t.Helper()
	path, ok := strings.CutPrefix(uri, s.Config.Issuer)
	if !ok {
		c.t.Fatalf("the address is %q", uri)
	}
	return s.followed(c.t, func() answer { return c.get(path) })
}

// statusList is the payload of a list, decoded as a third party does.
type statusList struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	TTL     int64  `json:"ttl"`
	List    struct {
		Bits  int    `json:"bits"`
		Bytes string `json:"lst"`
	} `json:"status_list"`
	bytes []byte
}

// readList checks a list's signature with the published keys, and decodes it.
func (a answer) readList(c *caller) statusList {
	a.t.Helper()
	a.wants(http.StatusOK)
	set, err := jwk.Parse(c.get("/.well-known/jwks.json").body)
	if err != nil {
		a.t.Fatal(err)
	}
	payload, err := jws.Verify(a.body, jws.WithKeySet(set))
	if err != nil {
		a.t.Fatal(err)
	}
	message, err := jws.Parse(a.body)
	if err != nil {
		a.t.Fatal(err)
	}
	if header := message.Signatures()[0].ProtectedHeaders(); header.Type() != "statuslist+jwt" || header.Algorithm() != jwa.ES256 {
		a.t.Errorf("the header is %+v", header)
	}
	var says statusList
	if err := json.Unmarshal(payload, &says); err != nil {
		a.t.Fatal(err)
	}
	compressed, err := base64.RawURLEncoding.DecodeString(says.List.Bytes)
	if err != nil {
		a.t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		a.t.Fatal(err)
	}
	if says.bytes, err = io.ReadAll(r); err != nil {
		a.t.Fatal(err)
	}
	return says
}

func (l statusList) revoked(index int64) bool { return l.bytes[index/8]>>(index%8)&1 == 1 }

func TestTokensNameNoStatusListUnlessConfigured(t *testing.T) {
	s := onOne(t)
	c := s.stranger(t)
	k := s.admin(t).create("key")
	if _, ok := statusOf(t, c.token(k.ClientID, k.ClientSecret)); ok {
		t.Error("the token names a status list")
	}
	for _, path := range []string{"/oauth2/status-lists", "/oauth2/status-lists/0"} {
		c.get(path).oauthError(http.StatusNotFound, "invalid_request")
	}
	if metadata := c.get("/.well-known/oauth-authorization-server").wants(http.StatusOK).body; bytes.Contains(metadata, []byte("status_list")) {
		t.Errorf("the metadata is %s", metadata)
	}
}

func TestStatusListIsWhatTheStandardAsks(t *testing.T) {
	onBoth(t, func(t *testing.T, s *service) {
		c, admin := s.stranger(t), s.admin(t)
		k := admin.create("key")
		token := c.token(k.ClientID, k.ClientSecret)
		at, ok := statusOf(t, token)
		if !ok || at.Index != 1 {
			t.Fatalf("the token names %+v", at)
		}
		a := c.getList(s, at.URI)
		says := a.readList(c)
		if says.Issuer != s.Config.Issuer || says.Subject != at.URI || says.List.Bits != 1 || len(says.bytes)*8 != statuslist.Size {
			t.Errorf("the list is of %q by %q, with %d bits for each of %d", says.Subject, says.Issuer, says.List.Bits, len(says.bytes)*8)
		}
		if now := s.now().Unix(); says.TTL != 20 || now-says.Issued > 60 || says.Issued > now || says.Expires <= now+says.TTL {
			t.Errorf("at %d it was issued %d, expires %d, and may be kept for %d", now, says.Issued, says.Expires, says.TTL)
		}
		if says.revoked(at.Index) {
			t.Error("the token is revoked")
		}
		tag := a.Header.Get("ETag")
		if a.Header.Get("Content-Type") != "application/statuslist+jwt" || a.Header.Get("Cache-Control") != "public, max-age=5" || tag == "" {
			t.Errorf("the headers are %v", a.Header)
		}
		if again := c.with("If-None-Match", `"x", W/`+tag).getList(s, at.URI).wants(http.StatusNotModified); len(again.body) > 0 || again.Header.Get("ETag") != tag {
			t.Errorf("304 with %v: %s", again.Header, again.body)
		}

		var metadata struct {
			Lists string `json:"status_list_aggregation_endpoint"`
		}
		c.get("/.well-known/oauth-authorization-server").wants(http.StatusOK).decode(&metadata)
		var all struct {
			Lists []string `json:"status_lists"`
		}
		c.getList(s, metadata.Lists).wants(http.StatusOK).decode(&all)
		if len(all.Lists) != 1 || all.Lists[0] != at.URI {
			t.Errorf("the lists are %q", all.Lists)
		}

		for _, name := range []string{"2", "-1", "00", "01", "+0", "x", "0x0", "%20", "0/1", "9223372036854775807", "9223372036854775808", strings.Repeat("9", 5000), "0?time=1"} {
			c.getList(s, s.Config.Issuer+"/oauth2/status-lists/"+name).oauthError(http.StatusNotFound, "invalid_request")
		}

		admin.post(k.path()+"/deactivate", nil).wants(http.StatusOK)
		s.pass(statuslist.RemakeInterval)
		revoked := c.with("If-None-Match", tag).getList(s, at.URI)
		if !revoked.readList(c).revoked(at.Index) || revoked.Header.Get("ETag") == tag {
			t.Error("the list does not tell that the token was revoked")
		}

		s.pass(time.Hour) // the log has not been read for that long
		c.get("/oauth2/status-lists/0").oauthError(http.StatusServiceUnavailable, "temporarily_unavailable")
	}, withStatusLists)
}

// TestStatusListSaysWhatTheGenerationRuleSays: whatever happens to keys, and in whatever order, the list says about each token
// what the service itself says when asked.
func TestStatusListSaysWhatTheGenerationRuleSays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *service) {
		const steps, keysMax, every = 120, 5, 12
		c, admin := s.stranger(t), s.admin(t)
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		var history []string
		keys := map[string]createdKey{} // by name
		type issued struct{ token, client string }
		var tokens []issued
		compare := func() {
			s.pass(statuslist.RemakeInterval)
			lists := map[string]statusList{}
			alive := 0
			for _, token := range tokens {
				at, ok := statusOf(t, token.token)
				if !ok {
					t.Fatal("a token names no list")
				}
				list, ok := lists[at.URI]
				if !ok {
					list = c.getList(s, at.URI).readList(c)
					lists[at.URI] = list
				}
				active := admin.form("/oauth2/introspect", "token", token.token).wants(http.StatusOK)
				counts := !bytes.Equal(active.body, []byte(`{"active":false}`+"\n"))
				if counts {
					alive++
				}
				if list.revoked(at.Index) == counts {
					t.Fatalf("seed %d, after %v: a token of %s counts: %v; the list says the opposite of index %d", seed, history, token.client, counts, at.Index)
				}
			}
			t.Logf("%d of %d tokens count", alive, len(tokens))
		}
		for step := range steps {
			name := fmt.Sprintf("key %d", random.IntN(keysMax))
			k, exists := keys[name]
			what := []string{"issue", "issue", "issue", "activate", "deactivate", "rotate now", "rotate with grace", "revoke tokens", "edit", "delete"}[random.IntN(10)]
			if !exists {
				what = "create"
			}
			history = append(history, what+" "+name)
			switch what {
			case "create":
				keys[name] = admin.create(name)
			case "issue":
				if c.exchanges(k.ClientID, k.ClientSecret) {
					tokens = append(tokens, issued{c.token(k.ClientID, k.ClientSecret), k.ClientID})
				}
			case "activate", "deactivate":
				admin.post(k.path()+"/"+what, nil).wants(http.StatusOK)
			case "rotate now", "rotate with grace":
				grace := 0
				if what == "rotate with grace" {
					grace = 3600
				}
				if a := admin.post(k.path()+"/rotate-secret", map[string]int{"grace_period_seconds": grace}); a.StatusCode == http.StatusOK {
					keys[name] = a.key()
				} else {
					a.wants(http.StatusConflict) // an earlier rotation is in its grace period
				}
			case "revoke tokens":
				admin.post(k.path()+"/revoke-tokens", nil).wants(http.StatusOK)
			case "edit":
				admin.patch(k.path(), map[string]string{"description": what}).wants(http.StatusOK)
			case "delete":
				admin.delete(k.path()).wants(http.StatusNoContent)
				delete(keys, name)
			}
			if step%every == every-1 {
				compare()
			}
		}
	}, withStatusLists)
}

// TestStatusListDoesNotTellOfSingleTokens: all tokens of a generation share one index, so revoking one of them must not revoke the
// others. The service itself knows which token was revoked.
func TestStatusListDoesNotTellOfSingleTokens(t *testing.T) {
	s := onOne(t, withStatusLists)
	c := s.stranger(t)
	k := s.admin(t).create("key")
	client := c.basic(k.ClientID, k.ClientSecret)
	one, other := c.token(k.ClientID, k.ClientSecret), c.token(k.ClientID, k.ClientSecret)
	client.form("/oauth2/revoke", "token", one).wants(http.StatusOK)
	s.pass(statuslist.RemakeInterval)
	at, _ := statusOf(t, one)
	if same, _ := statusOf(t, other); same != at || c.getList(s, at.URI).readList(c).revoked(at.Index) {
		t.Errorf("the tokens are at %+v and %+v, and one takes the other with it", at, same)
	}
	client.form("/oauth2/introspect", "token", one).inactive()
	client.form("/oauth2/introspect", "token", other).active(k.ClientID)
}

func TestStatusIsAllThatStatusListsAdd(t *testing.T) {
	members := func(s *service) map[string]bool {
		k := s.admin(t).create("key")
		has := map[string]bool{}
		for member := range claims(t, s.stranger(t).token(k.ClientID, k.ClientSecret)) {
			has[member] = true
		}
		return has
	}
	with, without := members(onOne(t, withStatusLists)), members(onOne(t))
	delete(with, "status")
	if !maps.Equal(with, without) || len(without) != 11 {
		t.Errorf("with: %v, without: %v", with, without)
	}
}
