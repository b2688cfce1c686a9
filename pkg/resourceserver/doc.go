// Package resourceserver lets an API (a resource server) accept the access tokens of an API Keys authorization server: it
// verifies them offline, in microseconds, and still refuses them within a second of their key being deactivated, deleted or
// rotated, or of the token itself being revoked.
//
// It owns verification (RFC 9068 tokens signed with ES256), the revocations it follows, and the net/http middleware with the
// answers of RFC 6750. It does not own obtaining tokens, nor what an API does with the identity that it gets. It imports
// nothing of the authorization server: what connects the two is the HTTP contract alone, so that either can be replaced.
//
// One call starts it, one wraps a handler:
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
// New reads the server's metadata, its keys and a signed snapshot of what is revoked, then follows the stream of revocations
// from the snapshot's position. A broken stream is resumed at the last complete message, with exponential back-off and full
// jitter. As long as there is no stream (a proxy in between strips or buffers it, the server restarts), the snapshot is
// polled, which costs a "304 Not Modified" when nothing has happened. So it is for a second or two after a stream was resumed,
// since the server may have lost the newest part of its log meanwhile and have given its positions out again. What was learned
// is only ever added to and forgotten by age: no token lives longer than [LifespanMax], so neither has a revocation to.
//
// When there has been no sign of life from the feed for a while, [Options.OnFeedLost] decides whether tokens are still
// accepted.
//
// # Testing an API that uses this package
//
// Package resourceservertest has an issuer with real keys and a real feed for tests of importers.
package resourceserver
