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
	// purgeInterval is how often what no longer matters is forgotten.
	purgeInterval = time.Minute
)

// Options of New. The zero value is right when the tokens' audience is the issuer's URL, which is the authorization server's
// default.
type Options struct {
	// Audience is what tokens must be meant for. Default: the issuer.
	Audience string
	// TenancyID, when set, is the only tenancy whose tokens are accepted.
	TenancyID string
	// Leeway is how far clocks may be apart when times of a token are checked, at most an hour; negative for not at all.
	// Default: 5 s, without which a token fresh from a server whose clock is a little ahead would not be valid yet.
	Leeway time.Duration

	// OnFeedLost says what happens to tokens when revocations aren't heard of. Default: KeepAccepting.
	OnFeedLost FeedLostPolicy
	// FeedLossMax is for how long KeepAccepting does so; at least 10 s, since the feed may be silent for 5. Default: 30 s.
	FeedLossMax time.Duration
	// PollInterval is the time between two readings of the snapshot when there is no stream, or a stream was lost and the next one
	// has just begun: at most half of FeedLossMax, and 5.5 s with RefuseAtOnce, since tokens are refused in between otherwise.
	// Default: 1 s.
	PollInterval time.Duration
	// KeyRefetchMin is the time between two readings of the key set that tokens with an unknown kid cause. Default: 10 s. It is at
	// most a second where the first one failed, or a key was just revoked and the next one is not there yet.
	KeyRefetchMin time.Duration
	// TokenCacheBytes bounds the memory for tokens already verified. Default: 16 MiB, some 15,000 tokens.
	TokenCacheBytes int

	// BaseURL is where the issuer is reached from here, when that isn't its own URL, as in a container network. Addresses in
	// the metadata that begin with the issuer are looked for there, too.
	BaseURL string
	// HTTPClient makes the requests. Its Timeout doesn't apply to the stream, but to the snapshot, which can be large: a million
	// revocations are 44 MB. Without one, snapshots may take 5 minutes if they don't stall, all else 10 s. Its transport must heed the
	// requests' contexts, and closing a body must end a reading of it. Default: one of its own.
	HTTPClient *http.Client

	// ErrorStyle says what the middleware's refusals look like. Default: OAuthErrors.
	ErrorStyle ErrorStyle
	// Realm in challenges (RFC 9110 §11.5). Default: the audience.
	Realm string

	// Logger is told when the feed or the keys can't be read. Default: slog.Default().
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
		return fmt.Errorf("Options.PollInterval of %v is more than %v, half of how long OnFeedLost and FeedLossMax let revocations be unheard of", o.PollInterval, most)
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

// Verifier verifies access tokens of one issuer. Safe for concurrent use.
type Verifier struct {
	issuer  string
	options Options
	clock   clock

	keys    *keySet
	revoked *revocations
	fresh   *freshness
	feed    *feed
	// seen holds verified tokens by their text, so that no two can be taken for each other.
	seen *otter.Cache[string, *verifiedToken]

	closed atomic.Bool
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// New returns a verifier of the tokens of this issuer, an http or https URL without a slash at the end, exactly as it stands in
// the tokens. It has read the issuer's metadata, keys and revocations when it returns, and tries again until ctx ends, or for
// 30 s if that has no deadline, while the issuer is unreachable, answers 429 or 5xx, or publishes revocations signed by a key that
// it does not publish yet. ctx bounds New alone; the verifier works until Close, which also closes the idle connections of
// Options.HTTPClient.
//
// Errors: bad options; an issuer that isn't one or names itself differently; the last failure when time was up.
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

// assemble wires the parts; nothing runs yet.
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

// verifiedTokenWeight is about what a cache entry costs in bytes: its text, the claims taken from it, the structures around.
func verifiedTokenWeight(raw string, _ *verifiedToken) uint32 {
	return uint32(len(raw)*3/2 + 512) //nolint:gosec // of at most tokenSizeMax
}

// start reads metadata, keys and snapshot, tries again for as long as that may help, and leaves the followers running.
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

// Close stops following the feed and waits for that to end. Every token is refused from then on. It may be called repeatedly.
func (v *Verifier) Close() {
	v.closed.Store(true)
	v.keys.stop(v.cancel)
	v.tasks.Wait()
	v.options.HTTPClient.CloseIdleConnections()
	v.fresh.expire()
	v.seen.InvalidateAll()
}

// Verify returns who presents the token if it is a live access token of the issuer for the audience and meets all requirements.
//
// It asks nobody: the one exception is a token with an unknown kid, for which the published keys are read again, at most once
// per Options.KeyRefetchMin, and ctx bounds the wait. A token seen before costs well under a microsecond.
//
// Errors: those of this package, see ErrMalformed and the rest; with ErrKeysUnread, ErrFeedStale, ErrClosed, or ctx's error
// nothing is said about the token.
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

// lookUp returns the token if it is live, from those seen or verified anew.
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
		// The text may be part of a larger request that should not be kept with it.
		v.seen.Set(strings.Clone(raw), token)
	}
	return token, nil
}

// verifySignature checks everything about a token that doesn't change.
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

// checkLive checks what changes: the clock, the revocations, and whether those are still heard of.
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

// FeedStatus is how well revocations are being heard of, for a health check or a metric.
type FeedStatus struct {
	// Streaming is true while revocations arrive as they happen, false while there is nothing but the snapshot to poll.
	Streaming bool
	// Stale is true when tokens are refused because of it.
	Stale bool
	// LastContact is when the server was last heard of.
	LastContact time.Time
	// Position in the feed up to which everything is known. It only tells earlier from later: after the server was restored from a
	// backup it is not the number that its log has for the same event.
	Position uint64
	// Clients and Tokens are how many are known to be revoked.
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

// AwaitPosition returns when everything up to this position of the feed is known here, or with an error: ctx's, or ErrClosed. A test
// that revokes a key waits with it until the verifier must refuse the key's tokens.
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
