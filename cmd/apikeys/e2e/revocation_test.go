package e2e

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/resourceserver"
)

// issuer is the configuration's default.
const issuer = "http://localhost:8080"

// refusalTimeout is far beyond the second within which a verifier must refuse; the benchmark measures that.
const refusalTimeout = 30 * time.Second

// newVerifier returns a verifier that reaches the issuer at a URL.
func newVerifier(t testing.TB, base string) *resourceserver.Verifier {
	t.Helper()
	v, err := resourceserver.New(t.Context(), issuer, resourceserver.Options{BaseURL: base, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// honours reports whether a verifier accepts a token. A refusal for any other reason than revocation fails the test.
func honours(t testing.TB, v *resourceserver.Verifier, token string) bool {
	t.Helper()
	_, err := v.Verify(context.Background(), token)
	if err != nil && !errors.Is(err, resourceserver.ErrRevoked) {
		t.Fatalf("a token is neither good nor revoked: %v", err)
	}
	return err == nil
}

// revokeToken ends one token in the name of its client (RFC 7009).
func (c *caller) revokeToken(k apiKey, token string) {
	c.t.Helper()
	form := url.Values{"token": {token}, "client_id": {k.ClientID}, "client_secret": {k.ClientSecret}}
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url("/oauth2/revoke"), strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := c.send(request)
	if err != nil {
		c.t.Fatal(err)
	}
	c.want(http.StatusOK, a)
}

// change makes a change to a key, which must succeed.
func (c *caller) change(k apiKey, action string) answer {
	c.t.Helper()
	path := "/v1/api-keys/" + k.ClientID
	switch action {
	case "delete":
		return c.want(http.StatusNoContent, c.do(http.MethodDelete, path, nil))
	case "rotate now":
		return c.want(http.StatusOK, c.post(path+"/rotate-secret", map[string]int{"grace_period_seconds": 0}))
	case "rotate with grace":
		return c.want(http.StatusOK, c.post(path+"/rotate-secret", map[string]int{"grace_period_seconds": 2}))
	default:
		return c.want(http.StatusOK, c.post(path+"/"+action, nil))
	}
}

// ends are the ways to end a token.
var ends = map[string]func(c *caller, k apiKey, token string){
	"deactivate":    func(c *caller, k apiKey, _ string) { c.change(k, "deactivate") },
	"delete":        func(c *caller, k apiKey, _ string) { c.change(k, "delete") },
	"rotate now":    func(c *caller, k apiKey, _ string) { c.change(k, "rotate now") },
	"revoke-tokens": func(c *caller, k apiKey, _ string) { c.change(k, "revoke-tokens") },
	"revoke":        (*caller).revokeToken,
}

// TestVerifierRefusesWhatHasEnded: an offline verifier refuses tokens soon after any change that ends them, also those that it
// has seen before, and goes on accepting all others.
func TestVerifierRefusesWhatHasEnded(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		operator, verifier := signIn(s), newVerifier(t, s.url(""))
		bystander := operator.accessToken(operator.create("bystander"))
		for name, end := range ends {
			t.Run(name, func(t *testing.T) {
				k := operator.create(name)
				seen, unseen := operator.accessToken(k), operator.accessToken(k)
				if !honours(t, verifier, seen) {
					t.Fatal("a fresh token is refused")
				}
				end(operator, k, seen)
				await.Until(t, refusalTimeout, "the token is refused", func() bool { return !honours(t, verifier, seen) })
				if alone := name == "revoke"; honours(t, verifier, unseen) != alone {
					t.Errorf("the key's other token is honoured: %v", !alone)
				}
				if !honours(t, verifier, bystander) {
					t.Error("another key's token is refused")
				}
				if late := newVerifier(t, s.url("")); honours(t, late, seen) {
					t.Error("a verifier that starts later honours it")
				}
			})
		}
	})
}

func TestActivatedKeysOldTokensStayDead(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		operator, verifier := signIn(s), newVerifier(t, s.url(""))
		k := operator.create("key")
		old := operator.accessToken(k)
		operator.change(k, "deactivate")
		operator.change(k, "activate")
		fresh := operator.accessToken(k)
		await.Until(t, refusalTimeout, "the old token is refused", func() bool { return !honours(t, verifier, old) })
		if !honours(t, verifier, fresh) {
			t.Error("the new token is refused")
		}
		operator.want(http.StatusUnauthorized, stranger(s).do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+old))
	})
}

func TestRotationWithGraceKillsNothing(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		s := start(t, e)
		operator, verifier := signIn(s), newVerifier(t, s.url(""))
		k := operator.create("key")
		before := operator.accessToken(k)
		rotated := decode[apiKey](t, operator.change(k, "rotate with grace"))
		during, after := operator.accessToken(k), operator.accessToken(rotated)
		marker := operator.create("marker")
		marked := operator.accessToken(marker)
		operator.change(marker, "deactivate")
		await.Until(t, refusalTimeout, "the verifier knows what came after the rotation", func() bool { return !honours(t, verifier, marked) })
		await.Until(t, refusalTimeout, "the old secret ends", func() bool {
			for name, token := range map[string]string{"before": before, "during": during, "after": after} {
				if !honours(t, verifier, token) {
					t.Fatalf("the token issued %s the grace period is refused", name)
				}
			}
			return operator.token(k.ClientID, k.ClientSecret).status == http.StatusUnauthorized
		})
		operator.accessToken(rotated)
	})
}

// state waits until the snapshot has the marker's client, and returns how many clients and tokens it has and its position in the
// log.
func (c *caller) state(marker apiKey) (clients, tokens int, position uint64) {
	c.t.Helper()
	await.Until(c.t, refusalTimeout, "the snapshot has what was revoked last", func() bool {
		a := c.get("/v1/revocations")
		if a.status != http.StatusOK {
			return false
		}
		payload, err := base64.RawURLEncoding.DecodeString(decode[struct{ Payload string }](c.t, a).Payload)
		if err != nil {
			c.t.Fatal(err)
		}
		var says struct {
			Seq             uint64
			Clients, Tokens map[string]int64
		}
		if err := json.Unmarshal(payload, &says); err != nil {
			c.t.Fatal(err)
		}
		clients, tokens, position = len(says.Clients), len(says.Tokens), says.Seq
		return says.Clients[marker.ClientID] > 0
	})
	return clients, tokens, position
}

// world is a service that is killed and restarted, a verifier behind a network that is cut, and the expected state of every token.
type world struct {
	t        *testing.T
	e        environment
	service  *service
	operator *caller
	network  *cutter
	verifier *resourceserver.Verifier

	keys   []*keyState
	tokens []*tokenState
}

type keyState struct {
	apiKey
	active, deleted, rotating bool
}

type tokenState struct {
	key  *keyState
	text string
	dead bool
}

// step is one random change or failure.
type step struct {
	kind string
	n    int
}

func drawSteps(t *rapid.T) []step {
	kinds := []string{
		"create", "issue", "issue", "issue", "deactivate", "activate", "delete", "rotate now", "rotate with grace", "revoke-tokens", "revoke",
		"cut", "cut after", "cut after", "kill", "stop",
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.IntRange(0, 2000).Draw(t, "n")}
	}), 10, 40).Draw(t, "steps")
}

// restart starts the service at another address.
func (w *world) restart() {
	w.service = start(w.t, w.e)
	w.operator = w.operator.at(w.service)
	w.network.aim(w.service.address)
}

func (w *world) do(s step) {
	switch s.kind {
	case "create":
		w.keys = append(w.keys, &keyState{apiKey: w.operator.create(fmt.Sprint("key ", time.Now().UnixNano())), active: true})
	case "cut":
		w.network.cut()
	case "cut after":
		w.network.cutAfter(s.n)
	case "kill":
		w.service.kill()
		w.restart()
	case "stop":
		w.service.stop()
		w.restart()
	default:
		if len(w.keys) > 0 {
			if k := w.keys[s.n%len(w.keys)]; !k.deleted {
				w.change(k, s)
			}
		}
	}
}

// change makes a change to an existing key, and records which tokens that ends.
func (w *world) change(k *keyState, s step) {
	switch s.kind {
	case "issue":
		if k.active {
			w.tokens = append(w.tokens, &tokenState{key: k, text: w.operator.accessToken(k.apiKey)})
		}
		return
	case "revoke":
		for _, token := range w.tokens {
			if token.key == k && k.active && !token.dead {
				w.operator.revokeToken(k.apiKey, token.text)
				token.dead = true
				return
			}
		}
		return
	case "rotate with grace":
		if k.rotating { // there may be two secrets, not three
			return
		}
		k.rotating = true
		k.ClientSecret = decode[apiKey](w.t, w.operator.change(k.apiKey, s.kind)).ClientSecret
		return
	case "rotate now":
		k.ClientSecret = decode[apiKey](w.t, w.operator.change(k.apiKey, s.kind)).ClientSecret
	default:
		w.operator.change(k.apiKey, s.kind)
	}
	switch s.kind {
	case "activate":
		k.active = true
		return
	case "deactivate":
		k.active = false
	case "delete":
		k.deleted = true
	}
	for _, token := range w.tokens {
		token.dead = token.dead || token.key == k
	}
}

// disagreement waits until the verifier has read the whole feed, and returns how its state differs from the service's, or nil.
func (w *world) disagreement() error {
	marker := w.operator.create(fmt.Sprint("marker ", time.Now().UnixNano()))
	w.operator.change(marker, "revoke-tokens")
	clients, tokens, position := w.operator.state(marker)
	ctx, cancel := context.WithTimeout(w.t.Context(), refusalTimeout)
	defer cancel()
	if err := w.verifier.AwaitPosition(ctx, position); err != nil {
		return err
	}
	if knows := w.verifier.FeedStatus(); knows.Clients != clients || knows.Tokens != tokens || knows.Stale {
		return fmt.Errorf("the verifier knows %+v, the service has %d clients and %d tokens", knows, clients, tokens)
	}
	for i, token := range w.tokens {
		if _, err := w.verifier.Verify(ctx, token.text); token.dead != errors.Is(err, resourceserver.ErrRevoked) || !token.dead && err != nil {
			return fmt.Errorf("token %d of %s, dead: %v: %w", i, token.key.ClientID, token.dead, cmp.Or(err, errors.New("accepted")))
		}
	}
	return nil
}

// TestVerifierMissesNothing makes random changes while the feed is cut at any byte and the service is killed and restarted. At the
// end, the verifier must know what the service knows.
func TestVerifierMissesNothing(t *testing.T) {
	const checks = "6" // each takes seconds; the library's own tests try thousands of cases against a model of the service
	if err := flag.Set("rapid.checks", checks); err != nil {
		t.Fatal(err)
	}
	onBothDatabases(t, func(t *testing.T, e environment) {
		w := &world{t: t, e: e, service: start(t, e)}
		w.operator = signIn(w.service)
		w.network = newCutter(t, w.service.address)
		w.verifier = newVerifier(t, w.network.url())
		rapid.Check(t, func(rt *rapid.T) {
			w.keys, w.tokens = nil, nil
			w.do(step{kind: "create"})
			for _, s := range drawSteps(rt) {
				w.do(s)
			}
			w.network.cutAfter(-1)
			if err := w.disagreement(); err != nil {
				rt.Fatal(err)
			}
		})
	})
}
