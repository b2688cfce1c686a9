package revocation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
)

// SnapshotType is the typ of a snapshot's header: it can't be taken for an access token, nor the reverse.
const SnapshotType = "revocations+jwt"

// snapshotAgeMax is how old a snapshot may get when nothing is revoked.
const snapshotAgeMax = 10 * time.Minute

// Snapshot is the whole set at a position, signed.
type Snapshot struct {
	// Body is a flattened JWS in JSON (RFC 7515 §7.2.2).
	Body []byte
	// Tag changes with the set.
	Tag string

	newest int64
	kid    string
	madeAt time.Time
}

// Snapshots makes snapshots of a set, one for all who ask while nothing changes. It is safe for concurrent use.
type Snapshots struct {
	set     *Set
	keyring *signing.Keyring
	issuer  string
	now     func() time.Time

	mu   sync.Mutex // also makes those who ask at once wait for one snapshot rather than make many
	last *Snapshot
}

// NewSnapshots returns a maker of snapshots that are signed in the name of issuer.
func NewSnapshots(set *Set, keyring *signing.Keyring, issuer string, now func() time.Time) *Snapshots {
	return &Snapshots{set: set, keyring: keyring, issuer: issuer, now: now}
}

// Current returns a snapshot that holds everything that the set holds. Errors: signing.ErrNoKey.
func (s *Snapshots) Current() (*Snapshot, error) {
	key, err := s.keyring.Signer()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if l := s.last; l != nil && l.newest == s.set.Newest() && l.kid == key.KID && eventlog.Elapsed(l.madeAt, now) < snapshotAgeMax {
		return l, nil
	}
	payload, newest := s.set.payload(s.issuer, now)
	signed, err := s.keyring.SignJWS(SnapshotType, payload)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(signed)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	s.last = &Snapshot{
		Body: body, Tag: fmt.Sprintf(`"%d-%s"`, newest, strconv.FormatInt(now.Unix(), 36)), newest: newest, kid: key.KID, madeAt: now,
	}
	return s.last, nil
}

// payload is what a snapshot says.
type payload struct {
	Issuer   string           `json:"iss"`
	IssuedAt int64            `json:"iat"`
	Seq      int64            `json:"seq"`
	Clients  map[string]int64 `json:"clients"`
	Tokens   map[string]int64 `json:"tokens"`
	Keys     []string         `json:"keys,omitempty"`
}

// payload returns the set's content and the seq of its newest revocation.
func (s *Set) payload(issuer string, now time.Time) (payload, int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := payload{
		Issuer: issuer, IssuedAt: now.Unix(), Seq: s.position,
		Clients: make(map[string]int64, len(s.clients)), Tokens: make(map[string]int64, len(s.tokens)),
	}
	for id, g := range s.clients {
		p.Clients[id] = g.below
	}
	p.Keys = slices.Sorted(maps.Keys(s.keys))
	for id, t := range s.tokens {
		p.Tokens[id] = t.expires
	}
	return p, s.newest()
}

// Newest returns the position in the feed of the newest revocation, 0 for none.
func (s *Set) Newest() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.newest()
}
