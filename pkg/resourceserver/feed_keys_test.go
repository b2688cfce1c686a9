package resourceserver_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

// TestARevokedSigningKeyIsNeverTrustedAgain: not even when the key set, which may come from a cache, still contains it.
func TestARevokedSigningKeyIsNeverTrustedAgain(t *testing.T) {
	for name, streaming := range map[string]bool{"by stream": true, "by snapshot": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
				issuer.SetStreaming(streaming)
				let(time.Minute)
				seen, unseen := issuer.Token(), issuer.Token()
				if _, err := verifier.Verify(t.Context(), seen); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				await(t, verifier, issuer.RevokeSigningKey())
				if took := time.Since(start); took > 1100*time.Millisecond || streaming && took > 0 {
					t.Errorf("it took %v of fake time", took)
				}
				for _, token := range []string{seen, unseen} {
					_, err := verifier.Verify(t.Context(), token)
					wantError(t, err, resourceserver.ErrUnknownKey)
				}
				if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
					t.Errorf("a token by the new key: %v", err)
				}
				let(2 * time.Hour) // the key set is read again in that time
				_, err := verifier.Verify(t.Context(), issuer.SignToken(nil))
				if err != nil {
					t.Errorf("a token by the new key: %v", err)
				}
				late := issuer.NewVerifier(t, resourceserver.Options{})
				_, err = late.Verify(t.Context(), seen)
				wantError(t, err, resourceserver.ErrUnknownKey)
			})
		})
	}
}

// keysThrough calls before with each request for the key set. If before returns an error, the request fails with it.
type keysThrough struct {
	http.RoundTripper
	before func(*http.Request) error
}

func (t keysThrough) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == keySetPath {
		if err := t.before(r); err != nil {
			return nil, err
		}
	}
	return t.RoundTripper.RoundTrip(r)
}

// newVerifierThrough returns a verifier whose requests for the key set go through [keysThrough].
func newVerifierThrough(t *testing.T, issuer *resourceservertest.Issuer, before func(*http.Request) error) *resourceserver.Verifier {
	t.Helper()
	return issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: keysThrough{issuer.Client().Transport, before}}})
}

// TestWhatIsRevokedDoesNotWaitForTheKeySet: anybody can cause a reading of the key set, with a token that names an unknown key, and
// a reading that hangs must not delay revocations.
func TestWhatIsRevokedDoesNotWaitForTheKeySet(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, _ *resourceserver.Verifier) {
		var hangs atomic.Bool
		verifier := newVerifierThrough(t, issuer, func(r *http.Request) error {
			if hangs.Load() {
				<-r.Context().Done()
			}
			return r.Context().Err()
		})
		let(time.Minute)
		token := issuer.Token()
		hangs.Store(true)
		go func() { _, _ = verifier.Verify(context.Background(), issuer.SignToken(map[string]any{"kid": "none"})) }()
		synctest.Wait()
		began := time.Now()
		issuer.RevokeSigningKey()
		await(t, verifier, issuer.Revoke(resourceservertest.ClientID))
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v of fake time", took)
		}
		_, err := verifier.Verify(t.Context(), token)
		if err == nil {
			t.Error("a token by the revoked key is honoured")
		}
	})
}

// TestTheKeyAfterARevokedOneIsFoundAtOnce: the key set is read again without waiting for the interval between readings that unknown
// keys cause, since anybody can cause one just before.
func TestTheKeyAfterARevokedOneIsFoundAtOnce(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		_, err := verifier.Verify(t.Context(), issuer.SignToken(map[string]any{"kid": "none"}))
		wantError(t, err, resourceserver.ErrUnknownKey)
		before := issuer.Requests(keySetPath)
		await(t, verifier, issuer.RevokeSigningKey())
		synctest.Wait()
		if read := issuer.Requests(keySetPath) - before; read != 1 {
			t.Errorf("the keys were read %d times before a token asked for one", read)
		}
		if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
			t.Error(err)
		}
	})
}

// TestTheKeyAfterARevokedOneIsAwaited: for a minute, tokens of an unknown key are not called invalid, because the key set may come
// from a replica that has not heard of the new key yet.
func TestTheKeyAfterARevokedOneIsAwaited(t *testing.T) {
	for name, test := range map[string]struct {
		lag, after time.Duration
		want       error
	}{
		"there within a second": {150 * time.Millisecond, time.Second, nil},
		"not there yet":         {time.Hour, time.Minute - 1, resourceserver.ErrKeysUnread},
		"not to be":             {time.Hour, time.Minute, resourceserver.ErrUnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
				old := read(t, issuer, keySetPath)
				heard := time.Now().Add(time.Minute + test.lag)
				verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: &between{
					next: issuer.Client().Transport,
					keys: func(*http.Request) *http.Response {
						if time.Now().Before(heard) {
							return answer("application/json", bytes.NewReader(old))
						}
						return nil
					},
				}}})
				let(time.Minute)
				await(t, verifier, issuer.RevokeSigningKey())
				synctest.Wait()
				_, err := verifier.Verify(t.Context(), issuer.Token())
				wantError(t, err, resourceserver.ErrKeysUnread)
				let(test.after)
				_, err = verifier.Verify(t.Context(), issuer.Token())
				wantError(t, err, test.want)
				if test.want == nil {
					_, err = verifier.Verify(t.Context(), issuer.SignToken(claims{"kid": "none"}))
					wantError(t, err, resourceserver.ErrUnknownKey)
				}
			})
		})
	}
}

// TestATokenByARevokedKeyIsRefusedAlsoWhileTheKeysCanNotBeRead: the key set that is requested at that moment may come from a server
// that has dropped the key and has no other one yet.
func TestATokenByARevokedKeyIsRefusedAlsoWhileTheKeysCanNotBeRead(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, _ *resourceserver.Verifier) {
		var down atomic.Bool
		verifier := newVerifierThrough(t, issuer, func(*http.Request) error {
			if down.Load() {
				return errors.New("down")
			}
			return nil
		})
		synctest.Wait()
		token := issuer.Token()
		down.Store(true)
		await(t, verifier, issuer.RevokeSigningKey())
		_, err := verifier.Verify(t.Context(), token)
		wantError(t, err, resourceserver.ErrUnknownKey)
		_, err = verifier.Verify(t.Context(), issuer.Token())
		wantError(t, err, resourceserver.ErrKeysUnread)
		down.Store(false)
		let(time.Second)
		if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
			t.Error(err)
		}
	})
}

// TestNothingIsSaidOfATokenWhileTheKeysCanNotBeRead: if the token were called invalid, its bearer would throw away a good token.
func TestNothingIsSaidOfATokenWhileTheKeysCanNotBeRead(t *testing.T) {
	inBubble(t, resourceserver.Options{FeedLossMax: time.Hour}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		issuer.RotateSigningKey()
		token := issuer.Token()
		issuer.Stop()
		for range 2 { // the second time within the interval in which the keys are not read again
			_, err := verifier.Verify(t.Context(), token)
			wantError(t, err, resourceserver.ErrKeysUnread)
			if status := resourceserver.Status(err); status != http.StatusServiceUnavailable {
				t.Errorf("the answer is %d", status)
			}
		}
		issuer.Resume()
		let(time.Second)
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	})
}

// TestCachesOnTheWayAreAskedToAsk: a cache in between may hold keys or a snapshot from before a revocation, and its answer would be
// taken for a sign of life of the server.
func TestCachesOnTheWayAreAskedToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
		var asked sync.Map
		note := func(what string) func(*http.Request) *http.Response {
			return func(r *http.Request) *http.Response {
				asked.Store(what, r.Header.Get("Cache-Control"))
				return nil
			}
		}
		network := &between{next: issuer.Client().Transport, stream: note("stream"), snapshot: note("snapshot")}
		keys := note("keys")
		issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: keysThrough{network, func(r *http.Request) error {
			keys(r)
			return nil
		}}}})
		synctest.Wait()
		for _, what := range []string{"keys", "snapshot", "stream"} {
			if got, _ := asked.Load(what); got != "no-cache" {
				t.Errorf("the %s: asked with Cache-Control %q", what, got)
			}
		}
	})
}

// TestNewWaitsForAChangeOfSigningKeysToReachAllReplicas: the key set may come from a replica that has not heard of the key that
// another replica has signed its snapshot with.
func TestNewWaitsForAChangeOfSigningKeysToReachAllReplicas(t *testing.T) {
	for name, broken := range map[string]bool{"the old keys again": false, "then none": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := resourceservertest.NewIssuer(t, resourceservertest.InMemory())
				old := read(t, issuer, keySetPath)
				issuer.RotateSigningKey()
				heard := time.Now().Add(150 * time.Millisecond)
				asked := 0
				network := &between{next: issuer.Client().Transport, keys: func(*http.Request) *http.Response {
					asked++
					switch {
					case !time.Now().Before(heard):
						return nil
					case broken && asked > 1:
						return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}
					default:
						return answer("application/json", bytes.NewReader(old))
					}
				}}
				verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: network}})
				if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
