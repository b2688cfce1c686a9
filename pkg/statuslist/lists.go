package statuslist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
	"github.com/piercloud/apikeys/pkg/token"
)

// Type is the typ of a list's header (draft-ietf-oauth-status-list §5.1).
const Type = "statuslist+jwt"

// Bounds on the age of what verifiers rely on.
const (
	// TTL is how long a verifier may rely on a list that it has fetched.
	TTL = 20 * time.Second
	// RemakeInterval is the minimum age at which a list is made again, however much is revoked meanwhile.
	RemakeInterval = time.Second

	remakeMax = 5 * time.Minute         // if nothing is revoked
	lifetime  = remakeMax + time.Minute // how long a list is valid, and so how long somebody who withholds newer ones can pass it off
)

// ErrNotFound means that there is no such list.
var ErrNotFound = errors.New("there is no such status list")

// List is a signed list, called a Status List Token in the standard.
type List struct {
	// Token is a compact JWS (RFC 7515 §7.1).
	Token string
	// Tag changes with the token.
	Tag string

	newest int64
	madeAt time.Time
}

// Lists makes the lists. While nothing is revoked, each is made once for all who ask. It is safe for concurrent use.
type Lists struct {
	store   Store
	keyring *signing.Keyring
	issuer  string
	newest  func() int64
	now     func() time.Time

	making singleflight.Group
	named  atomic.Pointer[namedList] // the list named by the last token

	mu      sync.Mutex // guards what follows; never held during a call to the store
	made    map[int64]*List
	given   int64 // number of indexes when they were last counted
	counted time.Time
}

type namedList struct {
	number int64
	uri    string
}

// New returns the lists of a store, signed in the name of issuer, the URL of this service. newest returns the position of the
// newest revocation that this process knows of: when it changes, lists are made anew.
func New(store Store, keyring *signing.Keyring, issuer string, newest func() int64, now func() time.Time) *Lists {
	return &Lists{store: store, keyring: keyring, issuer: issuer, newest: newest, now: now, made: map[int64]*List{}}
}

// Status returns the place in the lists that an index refers to; none for 0.
func (l *Lists) Status(index int64) token.Status {
	if index == 0 {
		return token.Status{}
	}
	number := index / Size
	named := l.named.Load() // most tokens name the same list
	if named == nil || named.number != number {
		named = &namedList{number, uri(l.issuer, number)}
		l.named.Store(named)
	}
	return token.Status{ListURI: named.uri, Index: index % Size}
}

// URIs returns the addresses of all lists that tokens may name. Errors: those of the store.
func (l *Lists) URIs(ctx context.Context) ([]string, error) {
	last, err := l.last(ctx)
	if err != nil {
		return nil, err
	}
	uris := make([]string, last+1)
	for number := range uris {
		uris[number] = uri(l.issuer, int64(number))
	}
	return uris, nil
}

// last returns the number of the newest list, which may be a second out of date. Errors: those of the store.
func (l *Lists) last(ctx context.Context) (int64, error) {
	if last, current := l.known(); current {
		return last, nil
	}
	_, err, _ := l.making.Do("", func() (any, error) {
		if _, current := l.known(); current {
			return nil, nil // another caller's reading ended a moment ago
		}
		now := l.now()
		found, err := l.store.StatusIndexes(context.WithoutCancel(ctx), 0, 0)
		if err == nil {
			l.count(found.Given, now)
		}
		return nil, err
	})
	last, _ := l.known()
	return last, err
}

// known returns the number of the newest list as of the last count of indexes, and whether that count is recent enough.
func (l *Lists) known() (last int64, current bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.given / Size, !l.counted.IsZero() && eventlog.Elapsed(l.counted, l.now()) < RemakeInterval
}

func (l *Lists) count(given int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given, l.counted = max(l.given, given), at
}

// Current returns a list that includes everything that was revoked up to [RemakeInterval] ago. The list after the newest already
// exists, for the first token that names it. Errors: [ErrNotFound], signing.ErrNoKey; those of the store.
func (l *Lists) Current(ctx context.Context, number int64) (*List, error) {
	if made := l.kept(number); made != nil {
		return made, nil
	}
	switch last, err := l.last(ctx); {
	case err != nil:
		return nil, err
	case number < 0 || number > last+1:
		return nil, ErrNotFound
	}
	_, err, _ := l.making.Do(strconv.FormatInt(number, 10), func() (any, error) {
		if l.kept(number) != nil {
			return nil, nil // another caller made it a moment ago
		}
		return nil, l.make(context.WithoutCancel(ctx), number)
	})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made[number], nil
}

// kept returns a list that was made earlier and may still be served, or nil.
func (l *Lists) kept(number int64) *List {
	newest, now := l.newest(), l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	made := l.made[number]
	if made == nil {
		return nil
	}
	if age := eventlog.Elapsed(made.madeAt, now); age < RemakeInterval || made.newest == newest && age < remakeMax {
		return made
	}
	return nil
}

// payload is the content of a list (draft-ietf-oauth-status-list §5.1).
type payload struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	TTL       int64  `json:"ttl"`
	List      struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

// make makes a list and keeps it. Errors: signing.ErrNoKey; those of the store.
func (l *Lists) make(ctx context.Context, number int64) error {
	// This precedes reading the store: a revocation that happens meanwhile makes the list outdated, even if the list includes it.
	list := &List{newest: l.newest(), madeAt: l.now()}
	first := number * Size
	found, err := l.store.StatusIndexes(ctx, first, Size)
	if err != nil {
		return err
	}
	l.count(found.Given, list.madeAt)
	says := payload{
		Issuer: l.issuer, Subject: uri(l.issuer, number), IssuedAt: list.madeAt.Unix(),
		ExpiresAt: list.madeAt.Add(lifetime).Unix(), TTL: int64(TTL / time.Second),
	}
	says.List.Bits = bits
	if says.List.List, err = encode(first, found); err != nil {
		return err
	}
	signed, err := l.keyring.SignJWS(Type, says)
	if err != nil {
		return err
	}
	list.Token = signed.Compact()
	digest := sha256.Sum256([]byte(list.Token))
	list.Tag = `"` + hex.EncodeToString(digest[:16]) + `"`
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made[number] = list
	return nil
}
