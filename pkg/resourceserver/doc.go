// Package resourceserver lets an API (a resource server) accept the access tokens of an API Keys authorization server: it
// verifies them offline, in microseconds, and still refuses them within a second of their key being deactivated, deleted or
// rotated, or of the token itself being revoked.
//
// The package owns verification (RFC 9068 tokens signed with ES256), the revocations it follows, and the net/http middleware with
// the responses of RFC 6750. It does not own obtaining tokens, nor what an API does with the identity it is given. It imports
// nothing from the authorization server: the two are connected by the HTTP contract alone, so either can be replaced.
//
// One call starts it, and one wraps a handler:
//
//	verifier, err := resourceserver.New(ctx, "https://keys.example.com", resourceserver.Options{})
//	if err != nil {
//		return err
//	}
//	defer verifier.Close()
//	mux.Handle("GET /reports", verifier.Require("lighthouse.workspaces:readonly")(reports))
//
// Inside the handler, [FromContext] gives the verified [Identity].
//
// # How a revocation arrives
//
// New reads the server's metadata, its keys and a signed snapshot of what is revoked, then follows the stream of revocations from
// the snapshot's position. A broken stream is resumed after the last complete message, with exponential backoff and full jitter.
// While there is no stream (because a proxy strips or buffers it, or the server is restarting), the snapshot is polled, which
// costs a "304 Not Modified" when nothing has happened. Polling also goes on for a second or two after a stream has been resumed:
// the server may meanwhile have lost the newest part of its log and assigned its positions again. What has been learned is only
// ever added to, and forgotten by age alone: no token lives longer than [LifespanMax], so no revocation has to be kept longer
// either.
//
// When there has been no sign of life from the feed for a while, [Options.OnFeedLost] decides whether tokens are still
// accepted.
//
// # Testing an API that uses this package
//
// Package resourceservertest provides an issuer with real keys and a real feed, for the tests of packages that import this one.
package resourceserver
