package revocation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
)

// SnapshotType is the typ of a snapshot's header: it can't be taken for an access token, nor the reverse.
const SnapshotType = "revocations+jwt"

const (
	// snapshotPeriod is how long a snapshot serves when nothing is revoked. Periods begin at the same times on all replicas, and what
	// would be over before the end of one is left out from its beginning, within the margin: so all leave out the same.
	snapshotPeriod = 10 * time.Minute
	// remakeInterval is how old, for each entry in it, a snapshot becomes before it is made again, and remakeMax for all of them,
	// however much is revoked meanwhile: making one takes a tenth of that, and everybody may ask.
	remakeInterval = 5 * time.Microsecond
	remakeMax      = 5 * time.Second
)

// Snapshot is the whole set at a position, signed.
type Snapshot struct {
	// Body is a flattened JWS in JSON (RFC 7515 §7.2.2).
	Body []byte
	// Tag changes with the set and the signing key, and is the same on all replicas. It is a weak one (RFC 9110 §8.8.1): when the
	// snapshot was made, and its signature, differ.
	Tag string

	newest  int64
	entries int
	kid     string
	madeAt  time.Time
}

// Snapshots makes snapshots of a set, one for all who ask while nothing changes. It is safe for concurrent use.
type Snapshots struct {
	set     *Set
	keyring *signing.Keyring
	issuer  string
	now     func() time.Time

	making chan struct{} // holds a place for the one who makes a snapshot; those who ask meanwhile wait for it
	last   atomic.Pointer[Snapshot]
}

// NewSnapshots returns a maker of snapshots that are signed in the name of issuer.
func NewSnapshots(set *Set, keyring *signing.Keyring, issuer string, now func() time.Time) *Snapshots {
	return &Snapshots{set: set, keyring: keyring, issuer: issuer, now: now, making: make(chan struct{}, 1)}
}

// Current returns a snapshot that holds everything that the set held at an age ago: now, or when that is very much, up to half a
// second with 100,000 entries, and five at most. Errors: signing.ErrNoKey; that of ctx.
func (s *Snapshots) Current(ctx context.Context) (current *Snapshot, age time.Duration, err error) {
	key, err := s.keyring.Signer()
	if err != nil {
		return nil, 0, err
	}
	if kept, age := s.kept(key.KID); kept != nil {
		return kept, age, nil
	}
	select {
	case s.making <- struct{}{}:
		defer func() { <-s.making }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	if kept, age := s.kept(key.KID); kept != nil { // another's, who was before
		return kept, age, nil
	}
	made, err := s.make(key.KID)
	if err != nil {
		return nil, 0, err
	}
	s.last.Store(made)
	return made, 0, nil
}

// kept returns the last snapshot if it counts now, with its age, or nil.
func (s *Snapshots) kept(kid string) (kept *Snapshot, age time.Duration) {
	l, now := s.last.Load(), s.now()
	if l == nil || l.kid != kid || !now.Truncate(snapshotPeriod).Equal(l.madeAt.Truncate(snapshotPeriod)) {
		return nil, 0
	}
	age = eventlog.Elapsed(l.madeAt, now)
	switch {
	case l.newest == s.set.Newest() && age < snapshotPeriod:
		return l, 0
	case age < min(time.Duration(l.entries)*remakeInterval, remakeMax):
		return l, age
	default:
		return nil, 0
	}
}

// payload is what a snapshot says.
type payload struct {
	Issuer   string          `json:"iss"`
	IssuedAt int64           `json:"iat"`
	Seq      int64           `json:"seq"`
	Clients  json.RawMessage `json:"clients"`
	Tokens   json.RawMessage `json:"tokens"`
	Keys     json.RawMessage `json:"keys,omitempty"`
}

func (s *Snapshots) make(kid string) (*Snapshot, error) {
	now := s.now()
	until := now.Truncate(snapshotPeriod).Add(snapshotPeriod)
	c := s.set.contents(moment{until, s.set.at(now).elapsed + end(until.Sub(now))})
	says := payload{Issuer: s.issuer, IssuedAt: now.Unix(), Seq: c.position}
	tag := sha256.New()
	tag.Write(fmt.Appendln(nil, c.base, kid))
	for _, part := range []struct {
		of      any
		encoded *json.RawMessage
	}{{c.clients, &says.Clients}, {c.tokens, &says.Tokens}, {c.keys, &says.Keys}} {
		encoded, err := json.Marshal(part.of) // in the order of the ids
		if err != nil {
			return nil, fmt.Errorf("encode snapshot: %w", err)
		}
		*part.encoded = encoded
		tag.Write(append(encoded, '\n'))
	}
	if len(c.keys) == 0 {
		says.Keys = nil
	}
	signed, err := s.keyring.SignJWS(SnapshotType, says)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(signed)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	return &Snapshot{
		Body: body, Tag: `W/"` + base64.RawURLEncoding.EncodeToString(tag.Sum(nil)[:16]) + `"`,
		newest: c.newest, entries: len(c.clients) + len(c.tokens), kid: kid, madeAt: now,
	}, nil
}

// contents is what matters of a set.
type contents struct {
	base, position, newest int64
	clients                map[string]int64 // by client id: the generation
	tokens                 map[string]int64 // by token id: when it expires, in unix seconds
	keys                   []string         // kids, sorted
}

// contents returns what still matters at a moment. It holds the lock for next to nothing: entries don't change where they are.
func (s *Set) contents(at moment) contents {
	s.mu.RLock()
	c := contents{base: s.base, position: s.position, newest: s.newest()}
	entries, noted := s.entries, slices.Collect(maps.Values(s.noted))
	clients, tokens := len(s.clients), len(s.tokens)
	s.mu.RUnlock()
	c.clients, c.tokens = make(map[string]int64, clients), make(map[string]int64, tokens)
	for _, some := range [][]Revocation{entries, noted} {
		for i := range some {
			switch r := &some[i]; {
			case r.over(at):
			case r.KID != "":
				c.keys = append(c.keys, r.KID)
			case r.TokenID != "":
				c.tokens[r.TokenID] = r.ExpiresAt.Unix()
			default:
				c.clients[r.ClientID] = max(c.clients[r.ClientID], r.Generation)
			}
		}
	}
	slices.Sort(c.keys)
	c.keys = slices.Compact(c.keys)
	return c
}

// Newest returns the position in the feed of the newest revocation, 0 for none.
func (s *Set) Newest() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.newest()
}
