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

// feed follows the server's revocations: by stream, and by polling the snapshot while no stream is delivering.
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

// stream is a stream that is open and has delivered a message.
type stream struct {
	since time.Time // time of its first message
	// trusted reports whether no event before the stream's first can have been missed. A stream resumes after a sequence number,
	// and that number may have been assigned twice: a failover to a copy that was slightly behind loses the newest events, and
	// new ones take their numbers. So the messages of a stream that replaces a lost one are applied at once, but count as a sign
	// of life only after a snapshot has been read, too.
	trusted atomic.Bool
}

// replicaLagMax is how far one answering replica may lag behind another.
const replicaLagMax = time.Second

// errResync: the stream can't be resumed, or sent something that isn't understood; only a snapshot helps.
var errResync = errors.New("the stream asks for a new snapshot")

// errSilent: no message came within silenceMax, as when a proxy buffers the stream or a connection has died silently.
var errSilent = errors.New("the stream is silent")

// apply merges a snapshot into what is known.
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

// follow keeps a stream open until ctx ends.
func (f *feed) follow(ctx context.Context) {
	failures := 0
	for first := true; ctx.Err() == nil; first = false {
		spoke, err := f.stream(ctx, first) // the first stream continues from the snapshot that was just read
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

// resync reads a snapshot, whether the first or a later one, and continues from its position, even if that is lower than the
// current one: the server's database may have been restored from a backup. What has been learned is kept all the same.
func (f *feed) resync(ctx context.Context) error {
	read, err := f.takeSnapshot(ctx, "")
	if err != nil {
		return err
	}
	f.position.set(read.snapshot.position)
	return nil
}

// takeSnapshot reads and applies a snapshot, unless the one with this tag is still current. Either outcome is a sign of life, as of
// the time at which the snapshot was complete.
func (f *feed) takeSnapshot(ctx context.Context, tag string) (reading, error) {
	read, err := f.fetchSnapshot(ctx, tag)
	if err != nil {
		return reading{}, err
	}
	if read.snapshot != nil {
		f.apply(read.snapshot)
		f.tag.Store(&read.tag)
	}
	f.fresh.contact(read.complete, f.clock.now())
	return read, nil
}

// stream opens a stream after the last position and applies its messages until it ends. It reports whether any message came; the
// error says why the stream ended.
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
		return false, fmt.Errorf("answer of type %q is not an event stream", response.Header.Get("Content-Type"))
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
		if age(last, now) > silenceMax { // the watchdog slept, too, and the message may have been waiting for any length of time
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

// receive applies one message of the stream and then moves the position to it. Of a message of an unknown kind, which a newer
// server may send, only the position counts. Error: errResync.
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
			return fmt.Errorf("%w: revocation without client_id, jti or kid", errResync)
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

// poll reads the snapshot once per interval while there is no trusted stream, and backs off when reading fails, until ctx ends.
// It makes a stream trusted after reading a snapshot that was completed long enough after the stream began to include everything
// that any replica knew then. Clients that lose their streams together don't poll together, since each polls at its own point in
// the interval.
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
		current := f.current.Load()
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
		if current != nil && read.complete.Sub(current.since) >= replicaLagMax {
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

// advance moves the position forward, never back.
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

// await waits until the position is at least want. Error: the context's.
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
