package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/piercloud/apikeys/pkg/await"
	"github.com/piercloud/apikeys/pkg/resourceserver"
)

// refuses reports whether a verifier refuses a token because of its signing key. A refusal for any other reason fails the test. A
// replica that has just dropped a key may publish no key for a moment.
func refuses(t testing.TB, v *resourceserver.Verifier, token string) bool {
	t.Helper()
	_, err := v.Verify(t.Context(), token)
	if err != nil && !errors.Is(err, resourceserver.ErrUnknownKey) && !errors.Is(err, resourceserver.ErrKeysUnread) {
		t.Fatalf("a token is refused for another reason than its key: %v", err)
	}
	return err != nil
}

// TestARevokedSigningKeyIsTrustedNowhere runs the drill of docs/operations/signing-key-compromise.md on two replicas.
func TestARevokedSigningKeyIsTrustedNowhere(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, e environment) {
		replicas := []*service{start(t, e), start(t, e)}
		operator := signIn(replicas[0])
		key := operator.create("key")
		for _, before := range [][]string{nil, {"signing-key", "rotate"}, {"signing-key", "rotate", "--now"}} {
			compromise(t, e, replicas, operator, key, before)
		}
		if r := run(t, e, "verify-log"); r.code != 0 {
			t.Errorf("the log: %+v", r)
		}
	})
}

// compromise issues tokens, runs a command if there is one, and then runs the drill, which must end them.
func compromise(t *testing.T, e environment, replicas []*service, operator *caller, key apiKey, before []string) {
	t.Helper()
	verifiers := []*resourceserver.Verifier{newVerifier(t, replicas[0].url("")), newVerifier(t, replicas[1].url(""))}
	seen, unseen := operator.accessToken(key), operator.accessToken(key)
	for i, v := range verifiers {
		if refuses(t, v, seen) {
			t.Fatal("a fresh token is refused")
		}
		stranger(replicas[i]).want(http.StatusOK, verifyAt(replicas[i], seen))
	}
	if before != nil {
		if r := run(t, e, before...); r.code != 0 {
			t.Fatalf("%v: %+v", before, r)
		}
	}

	runDrill(t, e, seen, replicas)

	for i, v := range verifiers {
		await.Until(t, refusalTimeout, "the verifier refuses it", func() bool { return refuses(t, v, seen) && refuses(t, v, unseen) })
		stranger(replicas[i]).want(http.StatusUnauthorized, verifyAt(replicas[i], unseen))
		fresh := operator.at(replicas[i]).accessToken(key)
		await.Until(t, refusalTimeout, "a new token is accepted", func() bool { return !refuses(t, v, fresh) })
		if late := newVerifier(t, replicas[i].url("")); !refuses(t, late, seen) {
			t.Error("a verifier that starts later accepts the old one")
		}
		if kid := tokenHeader(t, seen).KID; slices.Contains(operator.at(replicas[i]).keySet(), kid) {
			t.Error("the revoked key is published")
		}
	}
	if r := run(t, e, "signing-key", "revoke", tokenHeader(t, seen).KID); r.code != 1 {
		t.Errorf("revoked again: %+v", r)
	}
}

func verifyAt(s *service, token string) answer {
	return stranger(s).do(http.MethodGet, "/oauth2/verify", nil, "Authorization", "Bearer "+token)
}

// runDrill runs the commands that the document shows.
func runDrill(t *testing.T, e environment, token string, replicas []*service) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docs", "operations", "signing-key-compromise.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := testedBlock.FindStringSubmatch(string(text))
	if block == nil {
		t.Fatal("the document has no drill")
	}
	e = e.with("TOKEN", token, "REPLICAS", replicas[0].url("")+" "+replicas[1].url(""))
	shell := exec.CommandContext(t.Context(), "bash", "-c", "set -eu -o pipefail\n"+block[1])
	configured := command(t, e)
	shell.Dir = configured.Dir
	shell.Env = append(configured.Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH")) // the last one counts
	if output, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
