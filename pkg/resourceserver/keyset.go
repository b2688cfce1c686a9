package resourceserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

const (
	es256SignatureSize = 64

	// The published keys are read again when the server says that they are old, within these bounds.
	keysAgeLeast   = time.Minute
	keysAgeMost    = time.Hour
	keysAgeDefault = 5 * time.Minute
	// keysRetryLeast is between two readings for the sake of unknown kids while the set is known not to be complete.
	keysRetryLeast = time.Second
	// successorMax is how long a set without a new key is taken for incomplete after one was revoked: the first reading may come from
	// a replica that has not heard of it. Not every revoked key has a successor.
	successorMax = time.Minute
)

// es256 is the only verifier there is. What a token says of its algorithm is compared with it and never chooses one, so
// neither "none" nor a public key taken for an HMAC secret can get through.
var es256 = func() jws.Verifier {
	verifier, err := jws.NewVerifier(jwa.ES256)
	if err != nil {
		panic(err) // jwx without ES256 isn't jwx
	}
	return verifier
}()

// publishedKeys are the keys of one reading of the key set.
type publishedKeys struct {
	byID map[string]*ecdsa.PublicKey
	// epoch changes when a key disappears or changes: what was verified before must be verified again.
	epoch uint64
}

// keySet holds the issuer's published keys (RFC 7517). Safe for concurrent use.
type keySet struct {
	remote      *remote
	url         string
	intervalMin time.Duration // between two refetches for the sake of unknown kids
	clock       clock
	logger      *slog.Logger
	lifetime    context.Context // of fetches that outlive the caller who caused them
	tasks       *sync.WaitGroup

	published atomic.Pointer[publishedKeys]
	refreshMu sync.Mutex // one refresh at a time, so that an older answer can't replace a newer one

	mu sync.Mutex // never held while the server is asked: what was revoked must not wait for that
	// revoked are kids that are never taken from a key set again: one may come out of a cache, or from a replica that has not
	// heard of it yet.
	revoked  map[string]bool
	asked    bool
	askedAt  time.Duration
	unread   bool          // the last reading failed
	awaited  time.Duration // until when a key is expected to follow on a revoked one
	inFlight chan struct{}
}

// find returns the key with this kid and the epoch it belongs to. If there is none, the set is read again, at most once per
// interval however many ask; callers that come during the reading wait for it. Nothing is read for the sake of a revoked key.
// Errors: ErrUnknownKey; ErrKeysUnread; the context's.
func (s *keySet) find(ctx context.Context, kid string) (*ecdsa.PublicKey, uint64, error) {
	keys := s.published.Load()
	if key := keys.byID[kid]; key != nil {
		return key, keys.epoch, nil
	}
	if s.isRevoked(kid) {
		return nil, 0, ErrUnknownKey
	}
	if reading := s.refetch(); reading != nil {
		select {
		case <-reading:
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("wait for the signing keys: %w", ctx.Err())
		}
	}
	keys = s.published.Load()
	if key := keys.byID[kid]; key != nil {
		return key, keys.epoch, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isIncomplete() {
		return nil, 0, ErrKeysUnread
	}
	return nil, 0, ErrUnknownKey
}

// isIncomplete reports whether there may be keys that are good and not known. The caller holds mu.
func (s *keySet) isIncomplete() bool { return s.unread || s.clock.elapsed() < s.awaited }

// refetch returns a channel that is closed when the reading under way, or the one it starts, has ended; nil if it's too early
// for another.
func (s *keySet) refetch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight != nil {
		return s.inFlight
	}
	interval := s.intervalMin
	if s.isIncomplete() {
		interval = min(interval, keysRetryLeast)
	}
	now := s.clock.elapsed()
	if (s.asked && now-s.askedAt < interval) || s.lifetime.Err() != nil {
		return nil
	}
	s.asked, s.askedAt = true, now
	done := make(chan struct{})
	s.inFlight = done
	s.tasks.Go(func() {
		if _, err := s.refresh(s.lifetime); err != nil {
			s.logger.Warn("cannot read the signing keys again", "error", err)
		}
		s.mu.Lock()
		s.inFlight = nil
		s.mu.Unlock()
		close(done)
	})
	return done
}

// stop ends the set's lifetime; no reading starts afterwards.
func (s *keySet) stop(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cancel()
}

// refresh reads the key set and returns after how long it should be read again. On an error the keys known stay in use.
func (s *keySet) refresh(ctx context.Context) (time.Duration, error) {
	s.refreshMu.Lock()
	defer s.refreshMu.Unlock()
	document, byID, err := s.read(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = err != nil
	if err != nil {
		return keysAgeLeast, err
	}
	s.publish(byID)
	age, ok := maxAge(document.header)
	if !ok {
		age = keysAgeDefault
	}
	return min(max(age, keysAgeLeast), keysAgeMost), nil
}

// read asks the server for its keys. A cache on the way must ask, too: what is looked for is newer than what it has.
func (s *keySet) read(ctx context.Context) (*document, map[string]*ecdsa.PublicKey, error) {
	document, err := s.remote.get(ctx, s.url, http.Header{"Cache-Control": {"no-cache"}}, documentMax, documentTimeout)
	if err != nil {
		return nil, nil, err
	}
	byID, err := parseKeys(document.body)
	if err != nil {
		return nil, nil, fmt.Errorf("key set at %s: %w", s.remote.locate(s.url), err)
	}
	return document, byID, nil
}

// revoke drops a key for good, and with it what was verified by it. The set is read again at once, whoever asked for it last:
// another key signs from now on.
func (s *keySet) revoke(kid string) {
	if s.drop(kid) {
		s.refetch()
	}
}

func (s *keySet) isRevoked(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked[kid]
}

// drop forgets a key for good and reports whether it was in use. The set may be read again then.
func (s *keySet) drop(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revoked[kid] {
		return false
	}
	if s.revoked == nil {
		s.revoked = map[string]bool{}
	}
	s.revoked[kid] = true
	published := s.published.Load()
	if published == nil || published.byID[kid] == nil {
		return false
	}
	s.publish(maps.Clone(published.byID))
	s.asked = false // also when a reading is under way, which may have begun before
	s.awaited = s.clock.elapsed() + successorMax
	return true
}

// publish makes keys those in use, without what was revoked. The caller holds mu.
func (s *keySet) publish(byID map[string]*ecdsa.PublicKey) {
	maps.DeleteFunc(byID, func(kid string, _ *ecdsa.PublicKey) bool { return s.revoked[kid] })
	next := &publishedKeys{byID: byID}
	if previous := s.published.Load(); previous != nil {
		next.epoch = previous.epoch
		for kid, key := range previous.byID {
			if current := byID[kid]; current == nil || !current.Equal(key) {
				next.epoch++
				break
			}
		}
		for kid := range byID {
			if previous.byID[kid] == nil {
				s.awaited = 0
			}
		}
	}
	s.published.Store(next)
}

// keepFresh reads the key set whenever it has become old, until ctx ends.
func (s *keySet) keepFresh(ctx context.Context, age time.Duration) {
	for pause(ctx, age) {
		next, err := s.refresh(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.Warn("cannot read the signing keys again", "error", err)
		}
		age = next
	}
}

// parseKeys returns the keys of a set that sign with ES256. Keys of other kinds, which a server may publish for other
// purposes, are passed over; an empty result is an error.
func parseKeys(document []byte) (map[string]*ecdsa.PublicKey, error) {
	set, err := jwk.Parse(document, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	byID := make(map[string]*ecdsa.PublicKey, set.Len())
	for i := range set.Len() {
		key, _ := set.Key(i)
		algorithm := key.Algorithm().String()
		if key.KeyID() == "" || (algorithm != "" && algorithm != jwa.ES256.String()) ||
			(key.KeyUsage() != "" && key.KeyUsage() != string(jwk.ForSignature)) {
			continue
		}
		var public ecdsa.PublicKey
		if _, ok := key.(jwk.ECDSAPublicKey); !ok || key.Raw(&public) != nil || public.Curve != elliptic.P256() {
			continue
		}
		if _, err := public.ECDH(); err != nil { // not a point on the curve
			continue
		}
		byID[key.KeyID()] = &public
	}
	if len(byID) == 0 {
		return nil, fmt.Errorf("no ES256 key in it")
	}
	return byID, nil
}
