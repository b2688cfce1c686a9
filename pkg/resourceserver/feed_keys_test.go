package resourceserver_test

import (
	"testing"
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
