package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// spreadTimeout is far beyond the bound within which every replica must know of a change.
const spreadTimeout = 10 * time.Second

func TestReplicasActAsOne(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		first, second := start(t, e), start(t, e)
		operator := signIn(first)
		elsewhere := operator.at(second)
		elsewhere.want(http.StatusOK, elsewhere.get("/v1/session"))

		t.Run("a key works everywhere at once", func(t *testing.T) {
			elsewhere.accessToken(operator.create("created on one"))
		})

		for _, change := range []string{"/deactivate", "/rotate-secret", ""} {
			name, method, body := "POST "+change, http.MethodPost, any(nil)
			switch change {
			case "":
				name, method = "DELETE", http.MethodDelete
			case "/rotate-secret":
				body = map[string]int{"grace_period_seconds": 0}
			}
			t.Run(name, func(t *testing.T) {
				key := operator.create("to be ended by " + name)
				elsewhere.accessToken(key)
				a := operator.do(method, "/v1/api-keys/"+key.ClientID+change, body)
				if a.status >= http.StatusMultipleChoices {
					t.Fatal(a)
				}
				changed := time.Now()
				operator.want(http.StatusUnauthorized, operator.token(key.ClientID, key.ClientSecret))
				eventually(t, spreadTimeout, "the other replica refuses the key", func() bool {
					return elsewhere.token(key.ClientID, key.ClientSecret).status == http.StatusUnauthorized
				})
				t.Logf("refused on the other replica after %v", time.Since(changed).Round(time.Millisecond))
			})
		}

		t.Run("a token dies everywhere", func(t *testing.T) {
			key := operator.create("a managing program", "settings.api-keys:readonly")
			token := operator.accessToken(key)
			bearer := func() int {
				return stranger(second).do(http.MethodGet, "/v1/api-keys", nil, "Authorization", "Bearer "+token).status
			}
			if status := bearer(); status != http.StatusOK {
				t.Fatalf("the token gets %d", status)
			}
			operator.want(http.StatusOK, operator.post("/v1/api-keys/"+key.ClientID+"/revoke-tokens", nil))
			eventually(t, spreadTimeout, "the other replica refuses the token", func() bool {
				return bearer() == http.StatusUnauthorized
			})
		})
	})
}

func TestSigningKeyIsPublishedEverywhereBeforeItSigns(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		first, second := start(t, e), start(t, e)
		operator := signIn(first)
		key := operator.create("a program")
		replicas := []*caller{operator, operator.at(second)}
		old := operator.keySet()
		if len(old) != 1 {
			t.Fatalf("%d signing keys are published at first", len(old))
		}

		if r := run(t, e, "signing-key", "rotate"); r.code != 0 {
			t.Fatalf("rotate: %+v", r)
		}
		for i, replica := range replicas {
			eventually(t, spreadTimeout, "the new signing key is published", func() bool {
				// Before it is published, and for an hour after, the old one signs.
				if kid := tokenHeader(t, replica.accessToken(key)).KID; kid != old[0] {
					t.Fatalf("replica %d signs with %s", i, kid)
				}
				return len(replica.keySet()) == 2
			})
		}
		if list := run(t, e, "signing-key", "list"); list.code != 0 || strings.Count(list.stdout, "signs from") != 2 {
			t.Errorf("list: %+v", list)
		}

		if r := run(t, e, "signing-key", "rotate", "--now"); r.code != 0 {
			t.Fatalf("rotate --now: %+v", r)
		}
		for _, replica := range replicas {
			eventually(t, spreadTimeout, "the newest signing key signs", func() bool {
				kid := tokenHeader(t, replica.accessToken(key)).KID
				published := replica.keySet()
				if !slices.Contains(published, kid) {
					t.Fatalf("%s signs and is not published", kid)
				}
				return len(published) == 3 && kid != old[0]
			})
		}
	})
}
