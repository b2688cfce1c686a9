package apikey

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/token"
)

// Client is the part of a key that is needed to authenticate it and to issue and honour its tokens. It is all that is looked up
// for a token, and all that is kept in memory of the keys in use, of which there may be very many. The fields are explained at
// [Key].
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

	// prepared is set for clients in memory; it holds what all their tokens have in common, once the first token has needed it.
	prepared *atomic.Pointer[token.Prepared]
}

// ClientSecret is the part of a [Secret] that is needed to check a presented secret.
type ClientSecret struct {
	ID        string
	Digest    [32]byte
	ExpiresAt time.Time // zero for the current secret; else the end of its grace period
}

// ValidAt reports whether the secret is valid at now. The end of a grace period no longer belongs to it.
func (s ClientSecret) ValidAt(now time.Time) bool {
	return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)
}

// Prepared returns what [Client.Remember] was given, nil if nothing was. It is safe for concurrent use.
func (c *Client) Prepared() *token.Prepared {
	if c.prepared == nil {
		return nil
	}
	return c.prepared.Load()
}

// Remember keeps what the client's tokens have in common for as long as the client itself is kept in memory: a client that
// changes is read again and starts without it. It is safe for concurrent use.
func (c *Client) Remember(p *token.Prepared) {
	if c.prepared != nil {
		c.prepared.Store(p)
	}
}

// entry is a client in memory together with what it refers to: room for as many scopes and secrets as most clients have, and what
// its tokens have in common. One allocation holds all of it because there are very many clients, and the garbage collector has to
// visit every allocation.
type entry struct {
	client   Client
	prepared atomic.Pointer[token.Prepared]
	scopes   [4]scope.Scope
	secrets  [1]ClientSecret
}

// newEntry returns a client as it is kept in the cache, with copies of everything it refers to. Its strings are parts of a single
// one.
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
