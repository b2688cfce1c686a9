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

	// The published keys are read again when they reach the age that the server gives, within these bounds.
	keysAgeLeast   = time.Minute
	keysAgeMost    = time.Hour
	keysAgeDefault = 5 * time.Minute
	// keysRetryLeast is the minimum time between two readings caused by unknown kids while the set is known to be incomplete.
	keysRetryLeast = time.Second
	// successorMax is how long after a revocation a set without a new key is considered incomplete: the first answer may come
	// from a replica that has not heard of the revocation. It ends because not every revoked key has a successor.
	successorMax = time.Minute
)

// es256 is the only verifier there is. The algorithm that a token names is compared with it and never selects one, so neither
// "none" nor a public key passed off as an HMAC secret can get through.
var es256 = func() jws.Verifier {
	verifier, err := jws.NewVerifier(jwa.ES256)
	if err != nil {
		panic(err) // jwx without ES256 isn't jwx
	}
	return verifier
}()

// publishedKeys are the keys from one reading of the key set.
type publishedKeys struct {
	byID map[string]*ecdsa.PublicKey
	// epoch changes when a key disappears or changes: what was verified before must then be verified again.
	epoch uint64
}

// keySet holds the issuer's published keys (RFC 7517). Safe for concurrent use.
type keySet struct {
	remote      *remote
	url         string
	intervalMin time.Duration // between two readings caused by unknown kids
	clock       clock
	logger      *slog.Logger
	lifetime    context.Context // bounds readings, which may outlive the callers that caused them
	tasks       *sync.WaitGroup

	published atomic.Pointer[publishedKeys]
	refreshMu sync.Mutex // one refresh at a time, so that an older answer can't replace a newer one

	mu sync.Mutex // never held while waiting for the server: revoking must not wait for that
	// revoked holds kids that are never accepted from a key set again: a set may come from a cache, or from a replica that has
	// not yet heard of the revocation.
	revoked  map[string]bool
	asked    bool
	askedAt  time.Duration
	unread   bool          // the last reading failed
	awaited  time.Duration // until when the successor of a revoked key is expected
	inFlight chan struct{}
}

// find returns the key with this kid and the epoch it belongs to. If there is none, the set is read again, at most once per
// interval no matter how many callers ask; callers that arrive during a reading wait for it. A revoked kid causes no reading.
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

// isIncomplete reports whether there may be valid keys that aren't known yet. The caller holds mu.
func (s *keySet) isIncomplete() bool { return s.unread || s.clock.elapsed() < s.awaited }

// refetch returns a channel that is closed when the current reading ends, starting one if there is none; nil if it is too early
// for another one.
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

// stop ends the set's lifetime; no reading starts after it.
func (s *keySet) stop(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cancel()
}

// refresh reads the key set and returns the time after which it should be read again. On an error the known keys stay in use.
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

// read fetches the server's keys. A cache on the way must revalidate, because the keys wanted here are newer than those it has.
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

// revoke drops a key for good, and with it everything verified by it. The set is read again at once, however recent the last
// reading was: another key signs from now on.
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

// drop forgets a key for good and reports whether it was in use. If it was, the set may be read again without waiting for the
// interval.
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
	s.asked = false // even if a reading is under way, since that may have begun before the revocation
	s.awaited = s.clock.elapsed() + successorMax
	return true
}

// publish puts keys into use, without the revoked ones. The caller holds mu.
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

// keepFresh reads the key set again whenever it has become too old, until ctx ends.
func (s *keySet) keepFresh(ctx context.Context, age time.Duration) {
	for pause(ctx, age) {
		next, err := s.refresh(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.Warn("cannot read the signing keys again", "error", err)
		}
		age = next
	}
}

// parseKeys returns the ES256 keys of a set. Keys of other kinds, which a server may publish for other purposes, are skipped; a
// set without any ES256 key is an error.
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
