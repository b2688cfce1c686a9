package apikey

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/token"
)

// Client is what it takes of a key to let it in, and to issue and honour its tokens: all that is looked up for a token, and all
// that is in memory of keys in use, of which there may be very many. What each field means is said at [Key].
type Client struct {
	ID          string // the key's ClientID
	TenancyID   string
	Scopes      scope.Set
	Lifespan    time.Duration // of its tokens
	RateLimit   int
	Status      Status
	Generation  int64
	StatusIndex int64
	Secrets     []ClientSecret // those not yet retired, in any order

	// prepared is there for clients in memory: what every token of theirs needs, once the first has needed it.
	prepared *atomic.Pointer[token.Prepared]
}

// ClientSecret is what it takes of a [Secret] to compare one with it.
type ClientSecret struct {
	ID        string
	Digest    [32]byte
	ExpiresAt time.Time // zero for the current secret; else the end of its grace period
}

// ValidAt reports whether the secret works at now. A grace period's last instant is outside it.
func (s ClientSecret) ValidAt(now time.Time) bool {
	return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)
}

// Prepared returns what [Client.Remember] was given, nil if nothing. It is safe for concurrent use.
func (c *Client) Prepared() *token.Prepared {
	if c.prepared == nil {
		return nil
	}
	return c.prepared.Load()
}

// Remember keeps what the client's tokens have in common as long as the client itself is kept in memory: one that changes is read
// anew, and has nothing to remember. It is safe for concurrent use.
func (c *Client) Remember(p *token.Prepared) {
	if c.prepared != nil {
		c.prepared.Store(p)
	}
}

// entry is a client in memory, with room for what it refers to: as many scopes and secrets as most have, and what its tokens have
// in common. There are very many clients, and the collector has to visit each piece of each of them.
type entry struct {
	client   Client
	prepared atomic.Pointer[token.Prepared]
	scopes   [4]scope.Scope
	secrets  [1]ClientSecret
}

// newEntry returns a client as it is kept, with copies of all that it refers to. Its texts are parts of one.
func newEntry(c Client) *Client {
	e := &entry{client: c}
	e.client.prepared = &e.prepared
	e.client.Scopes = append(e.scopes[:0], c.Scopes...)
	e.client.Secrets = append(e.secrets[:0], c.Secrets...)
	var room [8]*string
	texts := append(room[:0], &e.client.ID, &e.client.TenancyID)
	for i := range e.client.Scopes {
		texts = append(texts, (*string)(&e.client.Scopes[i]))
	}
	for i := range e.client.Secrets {
		texts = append(texts, &e.client.Secrets[i].ID)
	}
	parts := make([]string, len(texts))
	for i, text := range texts {
		parts[i] = *text
	}
	rest := strings.Join(parts, "")
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
	return &e.client
}
