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

// SnapshotType is the typ of a snapshot's header, so that a snapshot can't be mistaken for an access token, nor the reverse.
const SnapshotType = "revocations+jwt"

const (
	// snapshotPeriod is how long a snapshot is served if nothing is revoked. Periods begin at the same times on all replicas, and
	// entries that would cease to matter before a period ends are left out from its beginning, which the margin allows: so all
	// replicas leave out the same.
	snapshotPeriod = 10 * time.Minute
	// remakeInterval is how old, per entry in it, a snapshot becomes before it is made again, and remakeMax is the limit for all
	// entries together, however much is revoked meanwhile: making a snapshot takes a tenth of that time, and anybody may ask for
	// one.
	remakeInterval = 5 * time.Microsecond
	remakeMax      = 5 * time.Second
)

// Snapshot is the whole set at a position, signed.
type Snapshot struct {
	// Body is a flattened JWS in JSON (RFC 7515 §7.2.2).
	Body []byte
	// Tag changes with the set and the signing key, and is the same on all replicas. It is a weak tag (RFC 9110 §8.8.1), because
	// the time at which the snapshot was made and its signature differ between replicas.
	Tag string

	newest  int64
	entries int
	kid     string
	madeAt  time.Time
}

// Snapshots makes snapshots of a set. While nothing changes, all callers share one. It is safe for concurrent use.
type Snapshots struct {
	set     *Set
	keyring *signing.Keyring
	issuer  string
	now     func() time.Time

	making chan struct{} // holds an element while a snapshot is being made; callers that arrive meanwhile wait for it
	last   atomic.Pointer[Snapshot]
}

// NewSnapshots returns a maker of snapshots, which are signed in the name of issuer.
func NewSnapshots(set *Set, keyring *signing.Keyring, issuer string, now func() time.Time) *Snapshots {
	return &Snapshots{set: set, keyring: keyring, issuer: issuer, now: now, making: make(chan struct{}, 1)}
}

// Current returns a snapshot that holds everything the set held age ago. age is 0 unless the set is very large: then it is up to
// half a second for 100,000 entries, and never more than five. Errors: signing.ErrNoKey; that of ctx.
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
	if kept, age := s.kept(key.KID); kept != nil { // made by another caller meanwhile
		return kept, age, nil
	}
	made, err := s.make(key.KID)
	if err != nil {
		return nil, 0, err
	}
	s.last.Store(made)
	return made, 0, nil
}

// kept returns the last snapshot with its age if it may still be served, otherwise nil.
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

// payload is the content of a snapshot.
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
		encoded, err := json.Marshal(part.of) // maps are sorted by ID
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

// contents are the entries of a set that matter.
type contents struct {
	base, position, newest int64
	clients                map[string]int64 // by client ID: the generation
	tokens                 map[string]int64 // by token ID: when it expires, in Unix seconds
	keys                   []string         // kids, sorted
}

// contents returns the entries that still matter at a moment. It holds the lock only briefly, because entries are never changed
// in place.
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

// Newest returns the position in the feed of the newest revocation, 0 if there is none.
func (s *Set) Newest() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.newest()
}
