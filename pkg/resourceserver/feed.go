package resourceserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// feed follows the server's revocations: by stream, and by polling the snapshot for as long as no stream speaks.
type feed struct {
	remote  *remote
	url     string
	keys    *keySet
	revoked *revocations
	fresh   *freshness
	clock   clock
	logger  *slog.Logger

	streamClient *http.Client // without a timeout of its own
	pollInterval time.Duration

	position position
	current  atomic.Pointer[stream]
	tag      atomic.Pointer[string] // ETag of a snapshot that was applied
}

// stream is one that is open and has spoken.
type stream struct {
	since time.Time // its first message
	// trusted is whether nothing was missed before it. A stream goes on behind a number, which may have been given out twice: a
	// failover to a copy that was a moment behind loses the newest events, and others take their numbers. So what a stream says
	// after another one was lost is applied at once, but is no sign of life until a snapshot has been read, too.
	trusted atomic.Bool
}

// replicaLagMax is how much a replica that answers may know less than another one.
const replicaLagMax = time.Second

// errResync: the stream can't be resumed, or said what isn't understood; only a snapshot helps.
var errResync = errors.New("the stream asks for a new snapshot")

// errSilent: no message within silenceMax, as when a proxy buffers the stream or a connection has died without a word.
var errSilent = errors.New("the stream is silent")

// apply merges a snapshot.
func (f *feed) apply(s *snapshot) {
	for _, kid := range s.keys {
		f.keys.revoke(kid)
	}
	for _, entry := range s.clients {
		f.revoked.revokeClient(entry.client, entry.generation)
	}
	for _, entry := range s.tokens {
		f.revoked.revokeToken(entry.token, entry.expires)
	}
}

// follow keeps a stream open, until ctx ends.
func (f *feed) follow(ctx context.Context) {
	failures := 0
	for first := true; ctx.Err() == nil; first = false {
		spoke, err := f.stream(ctx, first) // which follows on the snapshot just read
		if ctx.Err() != nil {
			return
		}
		if spoke {
			failures = 0
			f.fresh.lost()
		}
		f.logger.Info("revocation stream ended", "reason", err, "position", f.position.get())
		if errors.Is(err, errResync) {
			if err := f.resync(ctx); err != nil && ctx.Err() == nil {
				f.logger.Warn("cannot read the revocation snapshot", "error", err)
			}
		}
		failures++
		if !pause(ctx, backoff(failures)) {
			return
		}
	}
}

// resync takes a snapshot, the first of all or another one, and goes on from its position, also when that is lower than the own:
// the server's database may have been restored from a backup. What was learned isn't unlearned by it.
func (f *feed) resync(ctx context.Context) error {
	read, err := f.takeSnapshot(ctx, "")
	if err != nil {
		return err
	}
	f.position.set(read.snapshot.position)
	return nil
}

// takeSnapshot reads a snapshot and applies it, unless it is still the one with this tag. Either is a sign of life.
func (f *feed) takeSnapshot(ctx context.Context, tag string) (reading, error) {
	asked := f.clock.now()
	read, err := f.fetchSnapshot(ctx, tag)
	if err != nil {
		return reading{}, err
	}
	if read.snapshot != nil {
		f.apply(read.snapshot)
		f.tag.Store(&read.tag)
	}
	f.fresh.contact(asked, f.clock.now())
	return read, nil
}

// stream opens a stream after the last position and applies its messages until it ends, and reports whether it spoke. The
// error says why it ended.
func (f *feed) stream(ctx context.Context, trusted bool) (spoke bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(silenceMax, func() { cancel(errSilent) })
	defer watchdog.Stop()
	defer func() {
		f.current.Store(nil)
		if err != nil && errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
	}()

	last := f.clock.now()
	response, err := f.remote.open(ctx, f.streamClient, f.url, http.Header{
		"Accept":        {"text/event-stream"},
		"Cache-Control": {"no-cache"},
		"Last-Event-Id": {strconv.FormatUint(f.position.get(), 10)},
	})
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return false, &statusError{url: f.remote.locate(f.url), status: response.StatusCode}
	}
	if !isMediaType(response.Header, "text/event-stream") {
		return false, fmt.Errorf("answer of type %q is no event stream", response.Header.Get("Content-Type"))
	}
	messages := newEventReader(response.Body)
	var current stream
	for {
		message, err := messages.next()
		if err != nil {
			return spoke, err
		}
		if err := f.receive(message); err != nil {
			return spoke, err
		}
		now := f.clock.now()
		if age(last, now) > silenceMax { // the watchdog slept, and nobody knows for how long the message has lain there
			return spoke, errSilent
		}
		last = now
		watchdog.Reset(silenceMax)
		if !spoke {
			spoke = true
			current.since = now
			current.trusted.Store(trusted)
			f.current.Store(&current)
		}
		if current.trusted.Load() {
			f.fresh.contact(now, now)
		}
	}
}

// receive applies one message of the stream and then moves the position to it. Messages of unknown kinds are positions:
// a newer server may have them. Error: errResync.
func (f *feed) receive(message event) error {
	if message.name == "reset" {
		return errResync
	}
	id, err := strconv.ParseUint(message.id, 10, 63)
	if err != nil {
		return fmt.Errorf("%w: message without a position", errResync)
	}
	if message.name == "revocation" {
		var revocation struct {
			ClientID   string `json:"client_id"`
			Generation int64  `json:"generation"`
			TokenID    string `json:"jti"`
			Expires    int64  `json:"exp"`
			KeyID      string `json:"kid"`
		}
		if err := json.Unmarshal(message.data, &revocation); err != nil {
			return fmt.Errorf("%w: revocation: %w", errResync, err)
		}
		if revocation.ClientID == "" && revocation.TokenID == "" && revocation.KeyID == "" {
			return fmt.Errorf("%w: revocation of nothing", errResync)
		}
		if revocation.KeyID != "" {
			f.keys.revoke(revocation.KeyID)
		}
		if revocation.ClientID != "" {
			f.revoked.revokeClient(digestOf(revocation.ClientID), revocation.Generation)
		}
		if revocation.TokenID != "" {
			f.revoked.revokeToken(digestOf(revocation.TokenID), revocation.Expires)
		}
	}
	f.position.advance(id)
	return nil
}

// poll reads the snapshot every interval for as long as no trusted stream speaks, and backs off when that fails, until ctx ends. A
// stream is trusted once a snapshot was read that was complete so long after its beginning that it says at least as much.
// Those who lost a stream together don't ask together: each does at its own place in the interval.
func (f *feed) poll(ctx context.Context) {
	failures := 0
	for {
		wait := f.pollInterval
		if failures > 0 {
			wait += backoff(failures)
		}
		if !pause(ctx, wait) {
			return
		}
		if f.hasTrustedStream() {
			failures = 0
			continue
		}
		current, asked := f.current.Load(), f.clock.now()
		read, err := f.takeSnapshot(ctx, *f.tag.Load())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failures++
			f.logger.Warn("cannot read the revocation snapshot", "error", err, "failures", failures)
			if !f.hasTrustedStream() {
				f.fresh.lost()
			}
			continue
		}
		failures = 0
		if read.snapshot != nil {
			f.position.advance(read.snapshot.position)
		}
		if current != nil && asked.Add(-read.age).Sub(current.since) >= replicaLagMax {
			current.trusted.Store(true)
		}
	}
}

func (f *feed) hasTrustedStream() bool {
	current := f.current.Load()
	return current != nil && current.trusted.Load()
}

// position is the place in the feed up to which everything is known. Safe for concurrent use.
type position struct {
	mu      sync.Mutex
	value   uint64
	changed chan struct{} // closed at the next change; nil when nobody waits
}

func (p *position) get() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.value
}

// advance moves forward and never back.
func (p *position) advance(value uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if value > p.value {
		p.change(value)
	}
}

func (p *position) set(value uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(value)
}

func (p *position) change(value uint64) {
	p.value = value
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// await waits until the position is at least want, or for the context's error.
func (p *position) await(ctx context.Context, want uint64) error {
	for {
		p.mu.Lock()
		if p.value >= want {
			p.mu.Unlock()
			return nil
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for position %d of the revocation feed: %w", want, ctx.Err())
		}
	}
}
