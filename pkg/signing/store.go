package signing

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Record is a signing key as stored.
type Record struct {
	KID       string
	Algorithm string // ES256
	// Private is the private key in PKCS #8 form, encrypted with the master key and bound to the KID.
	Private   []byte
	CreatedAt time.Time
	// NotBefore is when the key begins to sign. It is published from CreatedAt on.
	NotBefore time.Time
	// RetireAt is when the key leaves the published set; zero while it has no successor. The key stops signing when its successor
	// begins.
	RetireAt time.Time
}

// publishedAt reports whether the key is published at now, which must not be before its creation.
func (r *Record) publishedAt(now time.Time) bool {
	return r.RetireAt.IsZero() || now.Before(r.RetireAt)
}

// signsAt reports whether it is the key's turn: from its own start until that of its successor.
func (r *Record) signsAt(now time.Time) bool {
	return !now.Before(r.NotBefore) && (r.RetireAt.IsZero() || now.Before(r.RetireAt.Add(-RetireLag)))
}

// Change is a change of the stored keys.
type Change struct {
	Add *Record // nil if there is no new key
	// RetireAt holds the new end of publication of existing keys, by kid.
	RetireAt map[string]time.Time
	// Private holds resealed private keys, by kid.
	Private map[string][]byte
	Event   eventlog.Draft
}

// Store keeps signing keys. Implementations are safe for concurrent use.
type Store interface {
	// SigningKeys returns all records, ordered by NotBefore.
	SigningKeys(ctx context.Context) ([]Record, error)
	// ChangeSigningKeys calls change with all records, ordered by NotBefore, and applies what it returns, in one transaction with
	// the log, as in apikey.Store. If change returns nil, nothing is written.
	ChangeSigningKeys(ctx context.Context, change func([]Record) (*Change, error)) error
}
