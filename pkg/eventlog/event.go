// Package eventlog owns the single ordered log of everything that changes: what an event is, how events are chained by hash, how
// a process follows the log, and how the chain is verified.
//
// The log is written by the store, in the transaction of the change that an event describes: lock and increment the head, change
// the row, append the event. So sequence numbers have no gaps and commit order is sequence order, and the same log serves as
// audit trail, as cache invalidation and as revocation feed. The store's duties are described at [Log] and [Draft.Chain]; this
// package contains no SQL.
package eventlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"time"
)

// Action says what happened to the subject, as "<subject kind>.<past participle>". The one exception is token.revoked, whose
// subject is the token's API key.
type Action string

// The actions that are logged. The set grows; readers must tolerate actions that they don't know.
const (
	APIKeyCreated         Action = "api-key.created"
	APIKeyUpdated         Action = "api-key.updated"
	APIKeyActivated       Action = "api-key.activated"
	APIKeyDeactivated     Action = "api-key.deactivated"
	APIKeyDeleted         Action = "api-key.deleted"
	APIKeySecretRotated   Action = "api-key.secret-rotated"
	APIKeySecretRetired   Action = "api-key.secret-retired"
	APIKeySecretExpired   Action = "api-key.secret-expired" // its grace period ended
	APIKeyGraceChanged    Action = "api-key.grace-changed"
	APIKeyRotationUndone  Action = "api-key.rotation-cancelled"
	APIKeyTokensRevoked   Action = "api-key.tokens-revoked"
	TokenRevoked          Action = "token.revoked"
	OperatorCreated       Action = "operator.created"
	OperatorUpdated       Action = "operator.updated"
	OperatorInvited       Action = "operator.invited"
	OperatorLinkCreated   Action = "operator.link-created"
	OperatorSessionsEnded Action = "operator.sessions-ended"
	OperatorDeleted       Action = "operator.deleted"
	OperatorPasswordSet   Action = "operator.password-set"
	OperatorSignedIn      Action = "operator.signed-in"
	OperatorSignedOut     Action = "operator.signed-out"
	SigningKeyCreated     Action = "signing-key.created"
	SigningKeysResealed   Action = "signing-key.resealed" // all of them, with another master key
	SigningKeyRevoked     Action = "signing-key.revoked"
	TenancyCreated        Action = "tenancy.created"
	LogPruned             Action = "log.pruned"
	LogRestored           Action = "log.restored" // from a backup: what was logged after the backup is lost

	// OperatorLinked: the operator signs in with a provider from now on.
	OperatorLinked Action = "operator.linked"
	// OperatorRoleSynced: the operator's role changed because the provider reports another one.
	OperatorRoleSynced Action = "operator.role-synced"
	// OperatorSignInRefused: a provider has proven the person's identity, but it may not sign in.
	OperatorSignInRefused Action = "operator.sign-in-refused"
	// OperatorSignInFailed stands for all failed attempts on one account from one address within a minute.
	OperatorSignInFailed Action = "operator.sign-in-failed"
)

// ActorKind says what kind of caller made a change.
type ActorKind string

// The kinds of actors.
const (
	ActorOperator ActorKind = "operator" // a person at the console or with a session
	ActorAPIKey   ActorKind = "api-key"  // a program with an access token
	ActorSystem   ActorKind = "system"   // the service itself, or its command line
	ActorStranger ActorKind = "stranger" // somebody who could not prove who they are; without ID and name
)

// Actor is who made a change.
type Actor struct {
	Kind ActorKind `json:"kind"`
	// ID is the operator's ID, the key's client_id, or the name of the command.
	ID string `json:"id"`
	// Name is what people recognise: the operator's e-mail address or, again, the client_id.
	Name string `json:"name"`
}

// Service is the actor for what the service does on its own.
var Service = Actor{Kind: ActorSystem, ID: "serve", Name: "serve"}

// Origin is where a change came from. All of it may be empty, as for a command.
type Origin struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// SubjectKind says what kind of thing changed.
type SubjectKind string

// The kinds of subjects.
const (
	SubjectAPIKey     SubjectKind = "api-key"
	SubjectOperator   SubjectKind = "operator"
	SubjectSigningKey SubjectKind = "signing-key"
	SubjectTenancy    SubjectKind = "tenancy"
	SubjectLog        SubjectKind = "log"
)

// Subject is what changed.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	ID   string      `json:"id"` // client_id, operator ID, kid or tenancy ID; empty if there is none
}

// Revocation is what an event revokes, for resource servers: either a generation or a single token.
type Revocation struct {
	ClientID string `json:"client_id"`
	// Generation, if not 0: tokens of ClientID with a lower generation are dead.
	Generation int64 `json:"generation,omitempty"`
	// TokenID, if not empty: the token with this jti is dead. It expires at ExpiresAt anyway.
	TokenID   string    `json:"jti,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Draft is an event that has no place in the log yet.
type Draft struct {
	At        time.Time // UTC, whole microseconds
	TenancyID string    // empty for what belongs to no tenancy, such as signing keys
	Action    Action
	Actor     Actor
	Origin    Origin
	Subject   Subject
	// Before and After hold what changed, as JSON objects; nil if there is nothing to say. See [Draft.Telling].
	Before, After json.RawMessage
	Revokes       *Revocation
}

// State is what an event discloses about its subject, by member. It never contains a secret, a password, or a hash of either.
type State map[string]any

// Telling returns d with what it discloses about its subject before and after the event; nil means that there is nothing to
// disclose. Given both states, it discloses the members that differ. Errors: a member can't be encoded as JSON.
func (d Draft) Telling(before, after State) (Draft, error) {
	if before != nil && after != nil {
		before, after = before.without(after), after.without(before)
	}
	var err error
	if d.Before, err = before.encode(); err != nil {
		return Draft{}, err
	}
	if d.After, err = after.encode(); err != nil {
		return Draft{}, err
	}
	return d, nil
}

// without returns the members that are missing from the other state, or differ there.
func (s State) without(other State) State {
	rest := maps.Clone(s)
	maps.DeleteFunc(rest, func(member string, value any) bool {
		o, has := other[member]
		return has && reflect.DeepEqual(value, o)
	})
	return rest
}

func (s State) encode() (json.RawMessage, error) {
	if len(s) == 0 {
		return nil, nil
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return encoded, nil
}

// Event is an entry of the log.
type Event struct {
	Draft
	Seq      int64  // 1, 2, 3, … without gaps
	PrevHash []byte // the Hash of the previous event; 32 zero bytes for the first
	Hash     []byte // SHA-256, see [Draft.Chain]
}

// Head is the newest position of the log.
type Head struct {
	Seq  int64  // 0 for an empty log
	Hash []byte // of the event at Seq; 32 zero bytes for an empty log
}

// EmptyHead is the head of a log without events.
func EmptyHead() Head { return Head{Hash: make([]byte, sha256.Size)} }

// Chain makes d the successor of head. The hash covers every member of the event and the previous hash, so an event can't be
// changed, moved or left out without breaking the chain at that point.
func (d Draft) Chain(head Head) (Event, error) {
	e := Event{Draft: d, Seq: head.Seq + 1, PrevHash: head.Hash}
	hash, err := e.computeHash()
	if err != nil {
		return Event{}, err
	}
	e.Hash = hash
	return e, nil
}

// computeHash returns the SHA-256 of the previous hash and the event's members in a fixed JSON form.
func (e Event) computeHash() ([]byte, error) {
	var revokes *hashedRevocation
	if r := e.Revokes; r != nil {
		revokes = &hashedRevocation{r.ClientID, r.Generation, r.TokenID, unixMicro(r.ExpiresAt)}
	}
	canonical, err := json.Marshal(hashedEvent{
		Seq: e.Seq, At: unixMicro(e.At), TenancyID: e.TenancyID, Action: e.Action, Actor: e.Actor, Origin: e.Origin,
		Subject: e.Subject, Before: string(e.Before), After: string(e.After), Revokes: revokes,
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	h := sha256.New()
	h.Write(e.PrevHash)
	h.Write(canonical)
	return h.Sum(nil), nil
}

// linksTo reports whether e claims to be the successor of head. It does not recompute the hash of e.
func (e Event) linksTo(head Head) bool {
	return e.Seq == head.Seq+1 && bytes.Equal(e.PrevHash, head.Hash)
}

// verifiesAfter reports whether e is the successor of head, by number and by hash, and is unaltered.
func (e Event) verifiesAfter(head Head) (bool, error) {
	if !e.linksTo(head) {
		return false, nil
	}
	want, err := e.computeHash()
	if err != nil {
		return false, err
	}
	return bytes.Equal(want, e.Hash), nil
}

// hashedEvent fixes the order and the form of what an event's hash covers. Changing it would break every existing chain.
type hashedEvent struct {
	Seq       int64             `json:"seq"`
	At        int64             `json:"at"`
	TenancyID string            `json:"tenancy_id"`
	Action    Action            `json:"action"`
	Actor     Actor             `json:"actor"`
	Origin    Origin            `json:"origin"`
	Subject   Subject           `json:"subject"`
	Before    string            `json:"before"`
	After     string            `json:"after"`
	Revokes   *hashedRevocation `json:"revokes"`
}

type hashedRevocation struct {
	ClientID   string `json:"client_id"`
	Generation int64  `json:"generation"`
	TokenID    string `json:"jti"`
	ExpiresAt  int64  `json:"expires_at"`
}

func unixMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Log reads the log. Implementations are safe for concurrent use, and bound the duration of each call themselves: followers of
// the log set no deadline, because that would hide from them that it was the database that did not answer.
type Log interface {
	// After returns up to limit events with a sequence number above seq, in order.
	After(ctx context.Context, seq int64, limit int) ([]Event, error)
	// Head returns the newest position.
	Head(ctx context.Context) (Head, error)
}
