package resourceserver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

// step is something that happens to an authorization server or to the connection to it.
type step struct {
	kind string
	n    int
}

func drawSteps(t *rapid.T) []step {
	kinds := []string{
		"issue", "issue", "revoke client", "revoke client", "revoke token", "something else", "let time pass", "cut", "cut after",
		"stop", "resume", "forget history", "no stream", "stream", "rotate",
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), n: rapid.IntRange(0, 400).Draw(t, "n")}
	}), 1, 60).Draw(t, "steps")
}

// world is an issuer, a verifier, and the tokens issued so far with what the verifier should say of them.
type world struct {
	issuer   *resourceservertest.Issuer
	verifier *resourceserver.Verifier
	tokens   map[string]*fate
	order    []string
}

type fate struct {
	client string
	dead   bool
}

func (w *world) do(s step) {
	client := fmt.Sprintf("ak_%d", s.n%3)
	switch s.kind {
	case "issue":
		token := w.issuer.Token(claims{"client_id": client})
		w.tokens[token] = &fate{client: client}
		w.order = append(w.order, token)
	case "revoke client":
		w.issuer.Revoke(client)
		for _, token := range w.tokens {
			token.dead = token.dead || token.client == client
		}
	case "revoke token":
		if len(w.order) > 0 {
			token := w.order[s.n%len(w.order)]
			w.issuer.RevokeToken(token)
			w.tokens[token].dead = true
		}
	case "something else":
		w.issuer.LogSomethingElse()
	case "let time pass":
		let(time.Duration(s.n) * 20 * time.Millisecond)
	case "cut":
		w.issuer.CutFeed()
	case "cut after":
		w.issuer.CutFeedAfter(s.n)
	case "stop":
		w.issuer.Stop()
	case "resume":
		w.issuer.Resume()
	case "forget history":
		w.issuer.ForgetHistory()
	case "no stream", "stream":
		w.issuer.SetStreaming(s.kind == "stream")
	case "rotate":
		w.issuer.RotateSigningKey()
	}
}

// disagreement returns an error if the verifier accepts a dead token or refuses a good one.
func (w *world) disagreement() error {
	for token, fate := range w.tokens {
		_, err := w.verifier.Verify(context.Background(), token)
		if fate.dead != errors.Is(err, resourceserver.ErrRevoked) || (!fate.dead && err != nil) {
			return fmt.Errorf("a token of %s, dead: %v, was judged with %w", fate.client, fate.dead, err)
		}
	}
	return nil
}

// TestVerifierEndsUpKnowingWhatTheServerKnows makes random changes, streams cut at any byte, restarts, lost histories and proxies
// without streams happen. Then, once the server can be reached again, the verifier must judge every token as the server does. On
// the way, it verifies all tokens once, so that some of them are cached.
func TestVerifierEndsUpKnowingWhatTheServerKnows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt)
		streaming := rapid.Bool().Draw(rt, "streaming in the end")
		look := rapid.IntRange(0, len(steps)-1).Draw(rt, "look at all tokens after")
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			w := &world{issuer: resourceservertest.NewIssuer(t, resourceservertest.InMemory()), tokens: map[string]*fate{}}
			w.verifier = w.issuer.NewVerifier(t, resourceserver.Options{})
			for i, s := range steps {
				w.do(s)
				if i == look {
					for token := range w.tokens {
						_, _ = w.verifier.Verify(t.Context(), token)
					}
				}
			}
			w.issuer.Resume()
			w.issuer.SetStreaming(streaming)
			let(25 * time.Second) // the longest back-off, a request that a stop may have left hanging, and a poll
			if got, want := w.verifier.FeedStatus().Position, w.issuer.Position(); got != want {
				wrong = fmt.Errorf("the verifier is at position %d, the server at %d", got, want)
				return
			}
			wrong = w.disagreement()
		})
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}
