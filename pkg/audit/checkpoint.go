package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/signing"
)

// The typ of the documents that this package signs. They differ so that a checkpoint can't pass as the proof that the events
// before it were removed legitimately.
const (
	checkpointType = "checkpoint+jwt"
	baseType       = "log-base+jwt"
)

// Errors of this package; compare with errors.Is.
var (
	// ErrNotSigned: a statement about the log is malformed, of another kind, or not signed with a key of this service.
	ErrNotSigned = errors.New("not signed by this service")
	// ErrCheckpointTooOld: the event that the checkpoint refers to was pruned.
	ErrCheckpointTooOld = errors.New("the checkpoint is older than what is left of the log")
	// ErrMoved: somebody else has pruned the log meanwhile, or the event does not exist.
	ErrMoved = errors.New("the log has been pruned meanwhile")
)

// Checkpoint is what the service stated about its log at a moment.
type Checkpoint struct {
	eventlog.Head
	IssuedAt time.Time // whole seconds
	prunedAt time.Time // of a base's proof only
}

// claims are the claims of a checkpoint, or of a base's proof.
type claims struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Seq      int64  `json:"seq"`
	Hash     string `json:"hash"`                // hexadecimal
	PrunedAt int64  `json:"pruned_at,omitempty"` // microseconds since 1970; of a base's proof only
}

// Checkpoint returns the log's head, signed: a compact JWS (RFC 7515 §7.1) with typ checkpoint+jwt and the payload {iss, iat,
// seq, hash}. Keep it out of reach of anybody who can alter the database. Errors: signing.ErrNoKey; those of the store.
func (s *Service) Checkpoint(ctx context.Context) (string, error) {
	head, err := s.store.Head(ctx)
	if err != nil {
		return "", err
	}
	return s.sign(checkpointType, head, time.Time{})
}

func (s *Service) sign(typ string, head eventlog.Head, prunedAt time.Time) (string, error) {
	c := claims{Issuer: s.issuer, IssuedAt: s.now().Unix(), Seq: head.Seq, Hash: hex.EncodeToString(head.Hash)}
	if !prunedAt.IsZero() {
		c.PrunedAt = prunedAt.UnixMicro()
	}
	signed, err := s.keyring.SignJWS(typ, c)
	if err != nil {
		return "", err
	}
	return signed.Compact(), nil
}

// readStatement verifies a signed statement and returns its content. Errors: [ErrNotSigned]; those of the store.
func (s *Service) readStatement(ctx context.Context, typ, signed string) (Checkpoint, error) {
	var c claims
	err := s.keyring.VerifyStoredJWS(ctx, typ, strings.TrimSpace(signed), &c)
	if errors.Is(err, signing.ErrInvalidJWS) {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	if err != nil {
		return Checkpoint{}, err
	}
	hash, err := hex.DecodeString(c.Hash)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: the hash is not hexadecimal", ErrNotSigned)
	}
	st := Checkpoint{Head: eventlog.Head{Seq: c.Seq, Hash: hash}, IssuedAt: time.Unix(c.IssuedAt, 0).UTC()}
	if c.PrunedAt != 0 {
		st.prunedAt = time.UnixMicro(c.PrunedAt).UTC()
	}
	return st, nil
}
