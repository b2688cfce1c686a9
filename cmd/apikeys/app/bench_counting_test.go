package app_test

import (
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/oauth"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/token"
	"github.com/piercloud/apikeys/pkg/usage"
)

// uncounted counts nothing.
type uncounted struct{}

func (uncounted) Issued(string, string, string)         {}
func (uncounted) Used(string, string, string)           {}
func (uncounted) Denied(string, string, string, string) {}

// BenchmarkCounting issues tokens with and without counting them, in turns. x-cpu is the processor time of a token with counting,
// including the writing of batches, divided by that of a token without. It measures the use case alone, without HTTP, where the
// share of counting is largest.
func BenchmarkCounting(b *testing.B) {
	a, created := benchApp(b)
	cache := apikey.NewCache(a.Store, a.Tailer.Fresh)
	tokens := token.NewIssuer(a.Keyring, a.Config.Issuer, a.Config.Audience, time.Now)
	revoked := revocation.NewTokens(a.Store, a.Revoked, a.Tailer.Fresh, a.Tailer.Wake)
	issue := func(uses oauth.Uses) func() {
		server := oauth.NewServer(cache, tokens, revoked, uses, oauth.Options{}, time.Now)
		request := oauth.TokenRequest{
			GrantType: oauth.ClientCredentials, ClientID: created.Key.ClientID, ClientSecret: created.Secret, IP: "192.0.2.1", RequestID: "bench",
		}
		return func() {
			if _, err := server.Token(b.Context(), request); err != nil {
				b.Fatal(err)
			}
		}
	}
	uses := usage.NewRecorder(a.Store, time.Now)
	noting, plain := issue(uses), issue(uncounted{})
	flush := func() {
		if err := uses.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	flushed := time.Now()
	counted := func() {
		noting()
		if time.Since(flushed) >= usage.FlushInterval {
			flush()
			flushed = time.Now()
		}
	}
	counted()
	plain()
	b.ResetTimer()
	compare(b, counted, plain)
	b.StopTimer()
	flush()
}
