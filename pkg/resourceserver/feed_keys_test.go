package resourceserver_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
	"github.com/piercloud/apikeys/pkg/resourceserver/resourceservertest"
)

// TestARevokedSigningKeyIsNeverTrustedAgain: not even when the key set still holds it, as one out of a cache does.
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
				let(2 * time.Hour) // within which the key set is read again
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

// throughTransport is how requests for the key set are made in a test; other requests are not touched.
type throughTransport struct {
	http.RoundTripper
	keys func(*http.Request, http.RoundTripper) (*http.Response, error)
}

func (t throughTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/jwks.json") {
		return t.keys(r, t.RoundTripper)
	}
	return t.RoundTripper.RoundTrip(r)
}

// TestWhatIsRevokedDoesNotWaitForTheKeySet: anybody can have it read, by a token that names a key which there is not.
func TestWhatIsRevokedDoesNotWaitForTheKeySet(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, _ *resourceserver.Verifier) {
		var hangs atomic.Bool
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: throughTransport{
			issuer.Client().Transport, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if hangs.Load() {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return next.RoundTrip(r)
			},
		}}})
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

// TestTheKeyAfterARevokedOneIsFoundAtOnce: not only when the next reading for the sake of an unknown key is due, which anybody can
// put off.
func TestTheKeyAfterARevokedOneIsFoundAtOnce(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		_, err := verifier.Verify(t.Context(), issuer.SignToken(map[string]any{"kid": "none"}))
		wantError(t, err, resourceserver.ErrUnknownKey)
		await(t, verifier, issuer.RevokeSigningKey())
		if _, err := verifier.Verify(t.Context(), issuer.Token()); err != nil {
			t.Error(err)
		}
	})
}

// TestATokenByARevokedKeyIsRefusedAlsoWhileTheKeysCanNotBeRead: what is asked for at that moment may come to a server that has
// dropped the key and has no other yet.
func TestATokenByARevokedKeyIsRefusedAlsoWhileTheKeysCanNotBeRead(t *testing.T) {
	inBubble(t, resourceserver.Options{}, func(t *testing.T, issuer *resourceservertest.Issuer, _ *resourceserver.Verifier) {
		var down atomic.Bool
		verifier := issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: throughTransport{
			issuer.Client().Transport, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if down.Load() {
					return nil, errors.New("down")
				}
				return next.RoundTrip(r)
			},
		}}})
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

// TestNothingIsSaidOfATokenWhileTheKeysCanNotBeRead: its bearer would throw a good one away.
func TestNothingIsSaidOfATokenWhileTheKeysCanNotBeRead(t *testing.T) {
	inBubble(t, resourceserver.Options{FeedLossMax: time.Hour}, func(t *testing.T, issuer *resourceservertest.Issuer, verifier *resourceserver.Verifier) {
		issuer.RotateSigningKey()
		token := issuer.Token()
		issuer.Stop()
		for range 2 { // the second within the interval in which nobody is asked again
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

// TestCachesOnTheWayAreAskedToAskForKeys: one may hold a set from before a key was revoked, for minutes.
func TestCachesOnTheWayAreAskedToAskForKeys(t *testing.T) {
	issuer := resourceservertest.NewIssuer(t)
	issuer.NewVerifier(t, resourceserver.Options{HTTPClient: &http.Client{Transport: throughTransport{
		issuer.Client().Transport, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if got := r.Header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("asked with Cache-Control %q", got)
			}
			return next.RoundTrip(r)
		},
	}}})
}
