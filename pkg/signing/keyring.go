// Package signing owns the signing keys: it creates, rotates and publishes them, and signs and verifies with them.
//
// A signing key is published before it signs, so that verifiers know it when its first token arrives, and it stays published
// until the last token that it signed has expired. Private keys are stored encrypted with the master key.
//
// Only this package and package resourceserver know the JOSE library.
package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/sealed"
)

// The schedule of signing keys.
const (
	// Algorithm is the only algorithm used (RFC 7518 §3.4).
	Algorithm = "ES256"
	// Period is how long a key signs.
	Period = 90 * 24 * time.Hour
	// PublishLead is how long a key is published before it signs: longer than verifiers cache the key set.
	PublishLead = time.Hour
	// SpreadLead is the same for a key that must sign soon: longer than it takes for all replicas to publish it.
	SpreadLead = 2 * time.Second
	// RetireLag is how long a key stays published after it last signed: the longest life of a token, and a margin for clock
	// differences.
	RetireLag = 25 * time.Hour

	// revokeMargin is how long before its revocation a key counts as retired, so that it also disappears at once on a replica
	// whose clock is behind.
	revokeMargin = time.Minute

	// aheadMax is how far in the future a key may begin to sign and still be relied on. If it is further away, some clock was
	// wrong: that of the replica that created the key, or this one.
	aheadMax = 24 * time.Hour

	reloadInterval = time.Minute
	reloadRetry    = time.Second
)

// ErrNoKey means that no signing key could be loaded yet.
var ErrNoKey = errors.New("there is no signing key yet")

// ErrUnknownKey means that no published key has the kid.
var ErrUnknownKey = errors.New("unknown signing key")

// Key is a signing key in use.
type Key struct {
	Record
	private *ecdsa.PrivateKey
}

// Keyring holds the current signing keys. It is safe for concurrent use; signing takes no lock.
type Keyring struct {
	store    Store
	box      *sealed.Box
	fresh    func() bool
	now      func() time.Time
	signer   jws.Signer
	verifier jws.Verifier
	changed  chan struct{}
	readings atomic.Uint64 // how many readings of the store have begun

	mu      sync.Mutex             // held while current is replaced
	current atomic.Pointer[keySet] // empty until keys have been loaded
	revoked map[string]bool        // kids that the log reported as revoked; a reading that began earlier must not bring them back
}

// keySet is the keys that were loaded together.
type keySet struct {
	keys    []Key     // by NotBefore
	reading uint64    // number of the reading that found them; readings are numbered as they begin
	readAt  time.Time // when that reading began
}

// key returns the key with this kid, nil if there is none. There are few keys, so comparing them is faster than hashing the kid.
func (s *keySet) key(kid string) *Key {
	for i := range s.keys {
		if s.keys[i].KID == kid {
			return &s.keys[i]
		}
	}
	return nil
}

// without returns a set without the keys with the given kids.
func (s *keySet) without(kids map[string]bool) *keySet {
	keys := slices.DeleteFunc(slices.Clone(s.keys), func(key Key) bool { return kids[key.KID] })
	return &keySet{keys, s.reading, s.readAt}
}

// NewKeyring returns an empty keyring on top of a store; call [Keyring.Load], then [Keyring.Run]. fresh reports whether the log,
// whose events are passed to [Keyring.Apply], has been read recently enough for the loaded keys to be trusted. It is nil if no
// log is followed.
func NewKeyring(store Store, box *sealed.Box, fresh func() bool, now func() time.Time) (*Keyring, error) {
	signer, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		return nil, err
	}
	verifier, err := jws.NewVerifier(jwa.ES256)
	if err != nil {
		return nil, err
	}
	k := &Keyring{
		store: store, box: box, fresh: fresh, now: now, signer: signer, verifier: verifier,
		changed: make(chan struct{}, 1), revoked: map[string]bool{},
	}
	k.current.Store(&keySet{})
	return k, nil
}

func (k *Keyring) clock() time.Time { return k.now().UTC().Truncate(time.Microsecond) }

// Load reads the keys. If there is none, or the last one has signed for its [Period], it then creates one in the name of actor.
// Only that takes a turn to write, so keys that other replicas made are in use at once. Errors: sealed.ErrWrongKey if the master
// key is not the one that the keys were sealed with; those of the store.
func (k *Keyring) Load(ctx context.Context, actor eventlog.Actor) error {
	records, err := k.read(ctx)
	if err != nil {
		return err
	}
	if _, due := rotation(records, k.clock()); !due {
		return nil
	}
	err = k.store.ChangeSigningKeys(ctx, func(records []Record) (*Change, error) {
		now := k.clock()
		counted, due := rotation(records, now)
		if !due {
			return nil, nil
		}
		if _, err := k.openAll(records); err != nil {
			return nil, err // with a wrong master key, the added key could not be opened with the right one
		}
		return k.succeed(counted, now, PublishLead, actor)
	})
	if err != nil {
		return err
	}
	return k.reload(ctx)
}

// rotation reports whether a successor is due, and of which keys: the published ones, except those that begin to sign too far in
// the future to be relied on. If all of them are that far ahead, it is more likely that this clock is wrong than that theirs
// were, and a successor made by a wrong clock would retire them too early; so none is due.
func rotation(records []Record, now time.Time) (counted []Record, due bool) {
	ahead := false
	for _, r := range records {
		switch {
		case !r.publishedAt(now):
		case r.NotBefore.After(now.Add(aheadMax)):
			ahead = true
		default:
			counted = append(counted, r)
		}
	}
	if len(counted) == 0 {
		return nil, !ahead
	}
	return counted, !now.Before(counted[len(counted)-1].NotBefore.Add(Period - PublishLead))
}

// Rotate creates a new signing key that begins to sign after lead. With a lead of 0 it signs at once, and verifiers that have not
// seen it yet must fetch the key set again. Errors: those of [Keyring.Load].
func (k *Keyring) Rotate(ctx context.Context, lead time.Duration, actor eventlog.Actor) error {
	err := k.store.ChangeSigningKeys(ctx, func(records []Record) (*Change, error) {
		if _, err := k.openAll(records); err != nil {
			return nil, err
		}
		return k.succeed(records, k.clock(), lead, actor)
	})
	if err != nil {
		return err
	}
	return k.reload(ctx)
}

// succeed creates the successor of the existing keys, which begins to sign lead after now. The very first key signs at once.
func (k *Keyring) succeed(existing []Record, now time.Time, lead time.Duration, actor eventlog.Actor) (*Change, error) {
	if len(existing) == 0 {
		lead = 0
	}
	successor, err := k.generate(now, lead)
	if err != nil {
		return nil, err
	}
	change := &Change{Add: &successor, RetireAt: map[string]time.Time{}}
	end := successor.NotBefore.Add(RetireLag)
	for _, r := range existing {
		if r.RetireAt.IsZero() || r.RetireAt.After(end) {
			change.RetireAt[r.KID] = end
		}
	}
	told := eventlog.State{"algorithm": Algorithm, "not_before": successor.NotBefore.Format(time.RFC3339)}
	if len(change.RetireAt) > 0 {
		told["retires"] = change.RetireAt
	}
	change.Event, err = draft(now, eventlog.SigningKeyCreated, actor, successor.KID, told)
	return change, err
}

// Generate returns a new key that signs at once and is not in any store.
func (k *Keyring) Generate() (Record, error) { return k.generate(k.clock(), 0) }

// generate creates a key that begins to sign lead after now.
func (k *Keyring) generate(now time.Time, lead time.Duration) (Record, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Record{}, fmt.Errorf("generate signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Record{}, fmt.Errorf("encode signing key: %w", err)
	}
	kid := rand.Text()[:16]
	return Record{KID: kid, Algorithm: Algorithm, Private: k.box.Seal(der, binding(kid)), CreatedAt: now, NotBefore: now.Add(lead)}, nil
}

// draft drafts the event for a change of a key, or of all keys if kid is empty.
func draft(now time.Time, action eventlog.Action, actor eventlog.Actor, kid string, told eventlog.State) (eventlog.Draft, error) {
	return eventlog.Draft{
		At: now, Action: action, Actor: actor, Subject: eventlog.Subject{Kind: eventlog.SubjectSigningKey, ID: kid},
	}.Telling(nil, told)
}

// binding is the associated data for sealing a private key: one that was moved to another row can't be opened.
func binding(kid string) []byte { return []byte("signing-key\x00" + kid) }

// Refresh makes sure that the keys in use are those that the log has reported or, while the log can't be read in time, those that
// were in the store at most [eventlog.StalenessMax] ago. Errors: those of the store.
func (k *Keyring) Refresh(ctx context.Context) error {
	if k.fresh == nil || k.fresh() {
		return nil
	}
	if eventlog.Elapsed(k.current.Load().readAt, k.now()) <= eventlog.StalenessMax {
		return nil
	}
	return k.reload(ctx)
}

// reload is [Keyring.read] for callers that need no records.
func (k *Keyring) reload(ctx context.Context) error {
	_, err := k.read(ctx)
	return err
}

// read replaces the keys in use with those in the store that are still published, unless a reading that began later has done so
// meanwhile. It returns all stored keys.
func (k *Keyring) read(ctx context.Context) ([]Record, error) {
	reading, started := k.readings.Add(1), k.now()
	records, err := k.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	set, err := k.openAll(records)
	if err != nil {
		return nil, err
	}
	set.reading, set.readAt = reading, started
	k.mu.Lock()
	defer k.mu.Unlock()
	if reading > k.current.Load().reading {
		k.current.Store(set.without(k.revoked))
	}
	return records, nil
}

// openAll opens those keys that are still published.
func (k *Keyring) openAll(records []Record) (*keySet, error) {
	now := k.clock()
	set := &keySet{}
	for _, r := range records {
		if !r.publishedAt(now) {
			continue
		}
		private, err := k.open(r)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", r.KID, err)
		}
		set.keys = append(set.keys, Key{r, private})
	}
	return set, nil
}

// checkMasterKey returns an error if there are keys and the master key opens none of them, not even a retired one.
func (k *Keyring) checkMasterKey(records []Record) error {
	var failed error
	for _, r := range records {
		_, err := k.open(r)
		if err == nil {
			return nil
		}
		failed = fmt.Errorf("signing key %s: %w", r.KID, err)
	}
	return failed
}

func (k *Keyring) open(r Record) (*ecdsa.PrivateKey, error) {
	if r.Algorithm != Algorithm {
		return nil, fmt.Errorf("unknown algorithm %q", r.Algorithm)
	}
	der, err := k.box.Open(r.Private, binding(r.KID))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return private, nil
}

// Apply takes note of a change of the keys, made on this replica or on another; [Keyring.Run] then loads them. It is for
// [eventlog.Tailer.Subscribe].
func (k *Keyring) Apply(e eventlog.Event) {
	if e.Subject.Kind != eventlog.SubjectSigningKey {
		return
	}
	if e.Action == eventlog.SigningKeyRevoked {
		k.drop(e.Subject.ID)
	}
	k.noteChange()
}

func (k *Keyring) noteChange() {
	select {
	case k.changed <- struct{}{}:
	default: // a load is pending already
	}
}

// Run rotates keys on schedule and follows the changes made by other replicas, until ctx ends. Failures are logged and retried.
func (k *Keyring) Run(ctx context.Context) {
	ticker := time.NewTicker(reloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-k.changed:
		}
		if err := k.Load(ctx, eventlog.Service); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "signing keys can't be loaded", "error", err)
			time.AfterFunc(reloadRetry, k.noteChange)
		}
	}
}

// signing returns the key whose turn it is at now. If it is no key's turn, because a successor was revoked before it began to
// sign, the previous key continues. Before the first key's turn, as on a replica whose clock is behind that of the one that
// created the key, it returns the first key. Errors: [ErrNoKey].
func (s *keySet) signing(now time.Time) (*Key, error) {
	if len(s.keys) == 0 {
		return nil, ErrNoKey
	}
	var begun *Key // the last whose turn has begun
	for i := len(s.keys) - 1; i >= 0; i-- {
		key := &s.keys[i]
		if key.signsAt(now) {
			return key, nil
		}
		if begun == nil && !now.Before(key.NotBefore) {
			begun = key
		}
	}
	if begun == nil {
		begun = &s.keys[0]
	}
	return begun, nil
}

// Signer returns the current signing key. Errors: [ErrNoKey].
func (k *Keyring) Signer() (*Key, error) { return k.current.Load().signing(k.now()) }

// signerOnly hides the key's concrete type. The JOSE library copies an *ecdsa.PrivateKey for every signature, and the copy lacks
// what crypto/ecdsa precomputes and caches by the key's address.
type signerOnly struct{ *ecdsa.PrivateKey }

// Sign returns the 64-byte ES256 signature of data.
func (k *Keyring) Sign(key *Key, data []byte) ([]byte, error) {
	return k.signer.Sign(data, signerOnly{key.private})
}

// Verify checks the ES256 signature of data with the published key that has this kid. Errors: [ErrUnknownKey]; another one if the
// signature is wrong.
func (k *Keyring) Verify(kid string, data, signature []byte) error {
	key := k.current.Load().key(kid)
	if key == nil {
		return ErrUnknownKey
	}
	return k.verifier.Verify(data, signature, &key.private.PublicKey)
}

// publicKey is a member of a key set (RFC 7517 §4, RFC 7518 §6.2.1).
type publicKey struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	KID       string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// JWKS returns the published keys as a JSON Web Key Set (RFC 7517 §5). Errors: [ErrNoKey].
func (k *Keyring) JWKS() ([]byte, error) {
	set := k.current.Load()
	if len(set.keys) == 0 {
		return nil, ErrNoKey
	}
	now := k.now()
	published := struct {
		Keys []publicKey `json:"keys"`
	}{Keys: []publicKey{}}
	for _, key := range set.keys {
		if !key.publishedAt(now) {
			continue
		}
		point, err := key.private.PublicKey.Bytes() // 0x04, 32 bytes of X, 32 bytes of Y
		if err != nil {
			return nil, fmt.Errorf("encode public key: %w", err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		published.Keys = append(published.Keys, publicKey{
			KeyType: "EC", Curve: "P-256", X: encode(point[1:33]), Y: encode(point[33:]), KID: key.KID, Algorithm: Algorithm, Use: "sig",
		})
	}
	return json.Marshal(published)
}
