// Package resourceservertest provides an in-process authorization server, for tests of APIs that accept tokens with package
// resourceserver.
//
// It owns a server with real signing keys, metadata, a key set and a revocation feed, and the methods that make it rotate,
// revoke, fall silent and come back. It is not the real authorization server: it keeps everything in memory, authenticates nobody
// and issues whatever a test asks for.
//
//	issuer := resourceservertest.NewIssuer(t)
//	verifier := issuer.NewVerifier(t, resourceserver.Options{})
//	token := issuer.Token(resourceservertest.Claims{"scope": "lighthouse.workspaces:readonly"})
//	...
//	verifier.AwaitPosition(ctx, issuer.Revoke(resourceservertest.ClientID))
package resourceservertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/piercloud/apikeys/pkg/resourceserver"
)

// The values that tokens carry unless a test says otherwise.
const (
	ClientID  = "ak_0000000000000000000000"
	TenancyID = "6a0c3c1e-3a5c-4bb0-9a49-2f6b5a0f6f3e"
	Lifespan  = time.Hour
)

// Issuer is an authorization server for tests. Safe for concurrent use.
type Issuer struct {
	now      func() time.Time
	url      string
	server   *http.Server
	client   *http.Client
	serving  sync.WaitGroup
	inMemory bool

	mu          sync.Mutex
	requests    map[string]int
	down        bool
	noStream    bool
	generations map[string]int64
	log         eventLog
	keys        signingKeys
	cutAfter    int // length at which the next stream is cut off, in bytes; -1: never
}

// Option changes how an issuer starts.
type Option func(*Issuer)

// WithClock sets the clock used for claims and for the age of revocations. Default: time.Now.
func WithClock(now func() time.Time) Option { return func(i *Issuer) { i.now = now } }

// InMemory makes the issuer reachable through Client alone, without the network, as tests in a testing/synctest bubble need it.
func InMemory() Option { return func(i *Issuer) { i.inMemory = true } }

// NewIssuer starts an issuer that is closed when the test ends.
func NewIssuer(t testing.TB, options ...Option) *Issuer {
	t.Helper()
	issuer := Start(options...)
	t.Cleanup(issuer.Close)
	return issuer
}

// Start starts an issuer outside of a test, as in an example; the caller closes it. It panics if it can't listen.
func Start(options ...Option) *Issuer {
	issuer := &Issuer{
		now: time.Now, requests: map[string]int{}, generations: map[string]int64{}, cutAfter: -1,
		log: newEventLog(),
	}
	for _, option := range options {
		option(issuer)
	}
	issuer.keys.rotate()
	transport := &http.Transport{}
	issuer.client = &http.Client{Transport: transport}
	var listener net.Listener
	if issuer.inMemory {
		pipe := newPipeListener()
		transport.DialContext = pipe.dial
		listener, issuer.url = pipe, "http://issuer.test"
	} else {
		var err error
		if listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			panic(fmt.Sprintf("resourceservertest: listen: %v", err))
		}
		issuer.url = "http://" + listener.Addr().String()
	}
	// Nothing is reported when a connection is cut on purpose, because handlers panic with http.ErrAbortHandler.
	issuer.server = &http.Server{Handler: issuer.routes(), ReadHeaderTimeout: time.Minute}
	issuer.serving.Go(func() { _ = issuer.server.Serve(listener) })
	return issuer
}

// Close stops the issuer. Close verifiers first, or they report that they have lost it.
func (i *Issuer) Close() {
	i.CutFeed()
	_ = i.server.Close()
	i.client.CloseIdleConnections()
	i.serving.Wait()
}

// URL returns the issuer's URL, which is also its identifier in tokens.
func (i *Issuer) URL() string { return i.url }

// Client returns an HTTP client that reaches the issuer.
func (i *Issuer) Client() *http.Client { return i.client }

// NewVerifier returns a verifier of this issuer's tokens that is closed when the test ends. It uses the issuer's client and clock
// unless the options name others, and without a logger it logs nothing.
func (i *Issuer) NewVerifier(t testing.TB, options resourceserver.Options) *resourceserver.Verifier {
	t.Helper()
	if options.HTTPClient == nil {
		options.HTTPClient = i.client
	}
	if options.Now == nil {
		options.Now = i.now
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	verifier, err := resourceserver.New(ctx, i.url, options)
	if err != nil {
		t.Fatalf("resourceservertest: %v", err)
	}
	t.Cleanup(verifier.Close)
	return verifier
}

// Token returns a signed token with these claims, which override the defaults: ClientID, TenancyID, no scope, the issuer as
// audience, the client's current generation, and a life of Lifespan from now. Claims set to nil are left out.
func (i *Issuer) Token(claims ...Claims) string {
	return i.SignToken(nil, claims...)
}

// SignToken is Token with header parameters that override the usual ones; those set to nil are left out. The token is signed with
// ES256 whatever the parameters say.
func (i *Issuer) SignToken(header map[string]any, claims ...Claims) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now().Unix()
	complete := Claims{
		"iss": i.url, "aud": i.url, "sub": ClientID, "client_id": ClientID, "tenancy_id": TenancyID,
		"scope": "", "iat": now, "nbf": now, "exp": now + int64(Lifespan/time.Second), "jti": rand.Text(),
	}
	for _, changes := range claims {
		complete.merge(changes)
	}
	if _, set := complete["gen"]; !set {
		client, _ := complete["client_id"].(string)
		complete["gen"] = i.generation(client)
	}
	complete.dropNil()
	parameters := Claims{"alg": "ES256", "kid": i.keys.current().kid, "typ": "at+jwt"}
	parameters.merge(header)
	parameters.dropNil()
	return i.keys.current().sign(parameters, complete)
}

// generation returns the generation of a client, 1 if none of its tokens was ever revoked.
func (i *Issuer) generation(clientID string) int64 {
	return i.generations[clientID] + 1
}

// Revoke kills every token issued to the client so far, as deactivating its key does, and returns the position of this event in
// the feed. Tokens issued afterwards are good.
func (i *Issuer) Revoke(clientID string) uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.generations[clientID]++
	return i.log.append(logEntry{at: i.now(), clientID: clientID, generation: i.generation(clientID)})
}

// RevokeToken kills one token of this issuer and returns the position of this event in the feed.
func (i *Issuer) RevokeToken(token string) uint64 {
	tokenID, expires := identify(token)
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.append(logEntry{at: i.now(), tokenID: tokenID, expires: expires})
}

// RevokeSigningKey kills every token signed with the current key, switches to a new key, and returns the position of this event
// in the feed. The revoked key stays in the key set until WithdrawOldKeys, as if the set came from a cache, or from a replica
// that has not heard of the revocation.
func (i *Issuer) RevokeSigningKey() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	revoked := i.keys.current().kid
	i.keys.rotate()
	return i.log.append(logEntry{at: i.now(), keyID: revoked})
}

// LogSomethingElse appends an event that revokes nothing to the log, as most changes do, and returns its position in the feed.
func (i *Issuer) LogSomethingElse() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.append(logEntry{at: i.now()})
}

// Position returns the last position of the feed.
func (i *Issuer) Position() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.log.head()
}

// RotateSigningKey publishes a new key and signs with it from now on. The earlier ones stay published.
func (i *Issuer) RotateSigningKey() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys.rotate()
}

// WithdrawOldKeys leaves only the current key published, as after a leak.
func (i *Issuer) WithdrawOldKeys() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys.withdraw()
}

// CutFeed breaks all open streams. Followers may reconnect.
func (i *Issuer) CutFeed() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.log.cut()
}

// CutFeedAfter makes the next stream that is opened break after this many bytes of its body.
func (i *Issuer) CutFeedAfter(bytes int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cutAfter = bytes
}

// Stop breaks all open streams and makes every further request fail until Resume, as if the server were down.
func (i *Issuer) Stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = true
	i.log.cut()
}

// Resume makes the server answer again after Stop.
func (i *Issuer) Resume() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = false
}

// SetStreaming says whether the feed is available as a stream. If it isn't, as behind a proxy that strips streams, only the
// snapshot is served. Streams that are open break in either case.
func (i *Issuer) SetStreaming(possible bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.noStream = !possible
	i.log.cut()
}

// ForgetHistory makes every stream begin with a reset unless it resumes at the very end of the log.
func (i *Issuer) ForgetHistory() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.log.forget()
}

// Requests returns how often a path, such as "/.well-known/jwks.json", was requested.
func (i *Issuer) Requests(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[path]
}
