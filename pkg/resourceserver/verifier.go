package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// Defaults and bounds of Options.
const (
	LeewayDefault          = 5 * time.Second
	FeedLossMaxDefault     = 30 * time.Second
	PollIntervalDefault    = time.Second
	KeyRefetchMinDefault   = 10 * time.Second
	TokenCacheBytesDefault = 16 << 20

	// startTimeout bounds New when its context has no deadline.
	startTimeout = 30 * time.Second
	// purgeInterval is how often entries that no longer matter are forgotten.
	purgeInterval = time.Minute
)

// Options of New. The zero value is right if the audience of the tokens is the issuer's URL, which is the authorization server's
// default.
type Options struct {
	// Audience is the audience that tokens must have. Default: the issuer.
	Audience string
	// TenancyID, when set, is the only tenancy whose tokens are accepted.
	TenancyID string
	// Leeway is the clock difference tolerated when the times in a token are checked, at most an hour; a negative value means
	// none. Default: 5 s; without it, a fresh token from a server whose clock is slightly ahead would not be valid yet.
	Leeway time.Duration

	// OnFeedLost says what happens to tokens when nothing is heard from the revocation feed. Default: KeepAccepting.
	OnFeedLost FeedLostPolicy
	// FeedLossMax is how long KeepAccepting goes on accepting tokens; at least 10 s, since the feed may be silent for 5. Default:
	// 30 s.
	FeedLossMax time.Duration
	// PollInterval is the time between two readings of the snapshot while there is no stream, or while a stream that replaces a
	// lost one is still new. It is at most half of FeedLossMax, and at most 5.5 s with RefuseAtOnce, since otherwise tokens would
	// be refused between two readings. Default: 1 s.
	PollInterval time.Duration
	// KeyRefetchMin is the minimum time between two readings of the key set caused by tokens with an unknown kid. Default: 10 s.
	// It is capped at a second after a failed reading, or when a key was just revoked and its successor isn't published yet.
	KeyRefetchMin time.Duration
	// TokenCacheBytes bounds the memory used for tokens already verified. Default: 16 MiB, about 15,000 tokens.
	TokenCacheBytes int

	// BaseURL is where the issuer is reached from here if not at its own URL, as in a container network. Addresses in the
	// metadata that begin with the issuer are reached there, too.
	BaseURL string
	// HTTPClient makes the requests. Its Timeout applies to all requests but the stream, including the one for the snapshot,
	// which can be large: a million revocations are 44 MB. If it has no Timeout, snapshots may take 5 minutes as long as they
	// don't stall, and everything else 10 s. Its transport must heed the contexts of requests, and closing a response body must
	// unblock a pending read. Default: a client of the verifier's own.
	HTTPClient *http.Client

	// ErrorStyle determines what the middleware's refusals look like. Default: OAuthErrors.
	ErrorStyle ErrorStyle
	// Realm is the realm in challenges (RFC 9110 §11.5). Default: the audience.
	Realm string

	// Logger receives, above all, failures to read the feed or the keys. Default: slog.Default().
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

func (o *Options) complete(issuer string) error {
	setDefault(&o.BaseURL, issuer)
	for _, address := range []string{issuer, o.BaseURL} {
		parsed, err := url.Parse(address)
		if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") || strings.HasSuffix(address, "/") {
			return fmt.Errorf("%q is not an http or https URL without a slash at the end", address)
		}
	}
	if o.OnFeedLost != KeepAccepting && o.OnFeedLost != RefuseAtOnce {
		return fmt.Errorf("Options.OnFeedLost of %d is unknown", o.OnFeedLost)
	}
	if o.ErrorStyle != OAuthErrors && o.ErrorStyle != EnvelopeErrors {
		return fmt.Errorf("Options.ErrorStyle of %d is unknown", o.ErrorStyle)
	}
	if o.Leeway > time.Hour {
		return fmt.Errorf("Options.Leeway of %v is more than 1h", o.Leeway)
	}
	if o.FeedLossMax != 0 && o.FeedLossMax < 10*time.Second {
		return fmt.Errorf("Options.FeedLossMax of %v is less than 10s", o.FeedLossMax)
	}
	if o.PollInterval < 0 || o.KeyRefetchMin < 0 || o.TokenCacheBytes < 0 {
		return errors.New("Options: negative PollInterval, KeyRefetchMin or TokenCacheBytes")
	}
	setDefault(&o.Audience, issuer)
	setDefault(&o.Realm, o.Audience)
	setDefault(&o.Leeway, LeewayDefault)
	o.Leeway = max(o.Leeway, 0)
	setDefault(&o.FeedLossMax, FeedLossMaxDefault)
	setDefault(&o.PollInterval, PollIntervalDefault)
	if most := newFreshness(o.OnFeedLost, o.FeedLossMax).bound / 2; o.PollInterval > most {
		return fmt.Errorf("Options.PollInterval of %v is more than %v, half of the time without contact that OnFeedLost and FeedLossMax allow", o.PollInterval, most)
	}
	setDefault(&o.KeyRefetchMin, KeyRefetchMinDefault)
	setDefault(&o.TokenCacheBytes, TokenCacheBytesDefault)
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient()
	}
	setDefault(&o.Logger, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Verifier verifies the access tokens of one issuer. Safe for concurrent use.
type Verifier struct {
	issuer  string
	options Options
	clock   clock

	keys    *keySet
	revoked *revocations
	fresh   *freshness
	feed    *feed
	// seen holds verified tokens keyed by their full text, so that no token can be mistaken for another.
	seen *otter.Cache[string, *verifiedToken]

	closed atomic.Bool
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// New returns a verifier of the tokens of this issuer, an http or https URL without a slash at the end, exactly as it appears in
// the tokens. When New returns, the verifier has read the issuer's metadata, keys and revocations. New retries until ctx ends, or
// for 30 s if ctx has no deadline, while the issuer is unreachable, answers 429 or 5xx, or publishes revocations signed with a
// key that it does not publish yet. ctx bounds New alone; the verifier works until Close, which also closes the idle connections
// of Options.HTTPClient.
//
// Errors: invalid options; a URL that isn't that of an issuer, or an issuer that names itself differently; the last failure when
// time ran out.
func New(ctx context.Context, issuer string, options Options) (*Verifier, error) {
	if err := options.complete(issuer); err != nil {
		return nil, fmt.Errorf("resourceserver: %w", err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startTimeout)
		defer cancel()
	}
	v := assemble(issuer, options)
	if err := v.start(ctx); err != nil {
		v.Close()
		return nil, fmt.Errorf("resourceserver: start with issuer %s: %w", issuer, err)
	}
	return v, nil
}

// assemble wires the parts together; nothing runs yet.
func assemble(issuer string, options Options) *Verifier {
	lifetime, cancel := context.WithCancel(context.Background())
	clock := newClock(options.Now)
	remote := &remote{client: options.HTTPClient, issuer: issuer, base: options.BaseURL}
	streamClient := *options.HTTPClient
	streamClient.Timeout = 0
	v := &Verifier{
		issuer: issuer, options: options, clock: clock, cancel: cancel,
		revoked: newRevocations(clock, options.Leeway),
		fresh:   newFreshness(options.OnFeedLost, options.FeedLossMax),
		seen: otter.Must(&otter.Options[string, *verifiedToken]{
			MaximumWeight: uint64(options.TokenCacheBytes), //nolint:gosec // checked not to be negative
			Weigher:       verifiedTokenWeight,
		}),
	}
	v.keys = &keySet{
		remote: remote, intervalMin: options.KeyRefetchMin, clock: clock, logger: options.Logger,
		lifetime: lifetime, tasks: &v.tasks,
	}
	v.feed = &feed{
		remote: remote, keys: v.keys, revoked: v.revoked, fresh: v.fresh, clock: clock, logger: options.Logger,
		streamClient: &streamClient, pollInterval: options.PollInterval,
	}
	return v
}

// verifiedTokenWeight estimates the size of a cache entry in bytes: the token's text, the claims taken from it, and the
// structures around them.
func verifiedTokenWeight(raw string, _ *verifiedToken) uint32 {
	return uint32(len(raw)*3/2 + 512) //nolint:gosec // raw has at most tokenSizeMax bytes
}

// start reads the metadata, keys and snapshot, retries for as long as that may help, and leaves the followers running.
func (v *Verifier) start(ctx context.Context) error {
	for failures := 1; ; failures++ {
		err := v.load(ctx)
		if err == nil {
			return nil
		}
		if !isTransient(err) || !pause(ctx, backoff(failures)) {
			return err
		}
	}
}

func (v *Verifier) load(ctx context.Context) error {
	found, err := v.keys.remote.discover(ctx)
	if err != nil {
		return err
	}
	v.keys.url, v.feed.url = found.jwks, found.revocations
	age, err := v.keys.refresh(ctx)
	if err != nil {
		return err
	}
	if err := v.feed.resync(ctx); err != nil {
		return err
	}
	lifetime := v.keys.lifetime
	v.tasks.Go(func() { v.keys.keepFresh(lifetime, age) })
	v.tasks.Go(func() { v.feed.follow(lifetime) })
	v.tasks.Go(func() { v.feed.poll(lifetime) })
	v.tasks.Go(func() {
		for pause(lifetime, purgeInterval) {
			v.revoked.purge()
		}
	})
	return nil
}

// Close stops following the feed and waits for the followers to end. From then on every token is refused. Close may be called
// more than once.
func (v *Verifier) Close() {
	v.closed.Store(true)
	v.keys.stop(v.cancel)
	v.tasks.Wait()
	v.options.HTTPClient.CloseIdleConnections()
	v.fresh.expire()
	v.seen.InvalidateAll()
}

// Verify returns the identity of the token's bearer if the token is a live access token of the issuer, meant for the audience,
// that meets all requirements.
//
// Verify works offline, with one exception: for a token with an unknown kid the published keys are read again, at most once per
// Options.KeyRefetchMin, and ctx bounds the wait. Verifying a token seen before takes well under a microsecond.
//
// Errors: those of this package, ErrMalformed and the rest. ErrKeysUnread, ErrFeedStale, ErrClosed and ctx's error say nothing
// about the token.
func (v *Verifier) Verify(ctx context.Context, raw string, requirements ...Requirement) (*Identity, error) {
	token, err := v.lookUp(ctx, raw)
	if err != nil {
		return nil, err
	}
	for _, requirement := range requirements {
		if err := requirement.check(token.identity.TenancyID, token.identity.Scopes); err != nil {
			return nil, err
		}
	}
	return token.copyIdentity(), nil
}

// lookUp returns the token if it is live, either from the cache or after verifying it.
func (v *Verifier) lookUp(ctx context.Context, raw string) (*verifiedToken, error) {
	if len(raw) > tokenSizeMax {
		return nil, ErrMalformed
	}
	token, seen := v.seen.GetIfPresent(raw)
	if !seen || token.keysEpoch != v.keys.published.Load().epoch {
		seen = false
		var err error
		if token, err = v.verifySignature(ctx, raw); err != nil {
			return nil, err
		}
	}
	now := v.clock.now()
	if err := v.checkLive(token, now); err != nil {
		if seen && !errors.Is(err, ErrFeedStale) {
			v.seen.Invalidate(raw)
		}
		return nil, err
	}
	if !seen {
		// raw may be a substring of a larger request, which must not be kept in memory along with it.
		v.seen.Set(strings.Clone(raw), token)
	}
	return token, nil
}

// verifySignature checks everything about a token that doesn't change over time.
func (v *Verifier) verifySignature(ctx context.Context, raw string) (*verifiedToken, error) {
	parts, err := parseCompact(raw)
	if err != nil {
		return nil, err
	}
	key, epoch, err := v.keys.find(ctx, parts.kid)
	if err != nil {
		return nil, err
	}
	if err := es256.Verify(parts.input, parts.signature, key); err != nil {
		return nil, ErrSignature
	}
	claims, err := parseClaims(parts.payload)
	if err != nil {
		return nil, err
	}
	if err := claims.checkFixed(v.issuer, v.options.Audience, v.options.TenancyID); err != nil {
		return nil, err
	}
	return newVerifiedToken(claims, epoch), nil
}

// checkLive checks what changes over time: the clock, the revocations, and whether the feed is still being heard.
func (v *Verifier) checkLive(token *verifiedToken, now time.Time) error {
	if err := token.checkTime(now, v.options.Leeway); err != nil {
		return err
	}
	if v.revoked.revokes(token) {
		return ErrRevoked
	}
	if v.fresh.isStale(now) {
		if v.closed.Load() {
			return ErrClosed
		}
		return ErrFeedStale
	}
	return nil
}

// FeedStatus describes how well the revocation feed is being followed, for a health check or a metric.
type FeedStatus struct {
	// Streaming is true while revocations arrive as they happen, and false while the snapshot has to be polled.
	Streaming bool
	// Stale is true while tokens are refused because nothing is heard from the feed.
	Stale bool
	// LastContact is when everything that had been revoked was last known: the time of the stream's last message, or the time at
	// which the last snapshot was complete.
	LastContact time.Time
	// Position is the place in the feed up to which everything is known. It only distinguishes earlier from later: once the
	// server has been restored from a backup, it need not be the number that the server's log has for the same event.
	Position uint64
	// Clients and Tokens are how many of each are known to be revoked.
	Clients, Tokens int
}

// FeedStatus returns the state of the revocation feed.
func (v *Verifier) FeedStatus() FeedStatus {
	clients, tokens := v.revoked.count()
	return FeedStatus{
		Streaming:   v.feed.current.Load() != nil,
		Stale:       v.fresh.isStale(v.clock.now()),
		LastContact: v.fresh.lastContact(),
		Position:    v.feed.position.get(),
		Clients:     clients,
		Tokens:      tokens,
	}
}

// AwaitPosition returns once everything up to this position of the feed is known here. Errors: ctx's, ErrClosed. A test that
// revokes a key uses it to wait until the verifier is bound to refuse the key's tokens.
func (v *Verifier) AwaitPosition(ctx context.Context, position uint64) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.keys.lifetime, cancel)()
	err := v.feed.position.await(waiting, position)
	if err != nil && ctx.Err() == nil {
		return ErrClosed
	}
	return err
}
