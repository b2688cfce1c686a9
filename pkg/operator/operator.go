// Package operator owns the people at the console: who they are, what their role allows, how they sign in, and the
// tenancies they belong to.
//
// Passwords are kept as argon2id hashes. A session belongs to HTTP and is held by package api; this package says, through
// SessionGeneration, whether a session that was started earlier still counts.
package operator

import (
	"context"
	"errors"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Role is what an operator may do in the tenancy.
type Role string

// The roles; each allows what the ones after it allow.
const (
	Admin    Role = "admin"    // manages operators, too
	Editor   Role = "editor"   // manages keys
	Readonly Role = "readonly" // looks at keys
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r.rank() > 0 }

// Allows reports whether r is enough where want is asked for.
func (r Role) Allows(want Role) bool { return want.Valid() && r.rank() >= want.rank() }

func (r Role) rank() int {
	switch r {
	case Admin:
		return 3
	case Editor:
		return 2
	case Readonly:
		return 1
	default:
		return 0
	}
}

// Status says whether an operator may sign in.
type Status string

// The statuses.
const (
	Active      Status = "active"
	Deactivated Status = "deactivated"
)

// Operator is a person at the console. Times are UTC in whole microseconds.
type Operator struct {
	ID           string // uuid
	TenancyID    string
	Email        string // lower case, unique in the whole installation
	Role         Role
	Status       Status
	PasswordHash string // argon2id, in its standard text form; empty until an invitation is accepted, and with an Identity
	// Link is the outstanding one-time link with which the operator sets a password; zero if there is none.
	Link Link
	// Identity is how the provider that the operator signs in with calls them; zero for who signs in with a password.
	Identity Identity
	// SessionGeneration goes up when all sessions of the operator must end. A session carries the one it was started under.
	SessionGeneration int64
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// Invited reports whether the operator has no way to sign in yet, but for a one-time link.
func (o Operator) Invited() bool { return o.PasswordHash == "" && o.Identity == (Identity{}) }

// TellStatus is the status as it is told: that somebody is only invited yet is more than that they may sign in.
func (o Operator) TellStatus() string {
	if o.Status == Active && o.Invited() {
		return "invited"
	}
	return string(o.Status)
}

// SignInMethod is how an operator proves who they are.
type SignInMethod string

// The methods. An operator has one.
const (
	ByPassword SignInMethod = "password"
	ByOIDC     SignInMethod = "oidc" // OpenID Connect
)

// SignInMethod returns how the operator signs in. Who was invited will have a password.
func (o Operator) SignInMethod() SignInMethod {
	if o.Identity != (Identity{}) {
		return ByOIDC
	}
	return ByPassword
}

// Link is what is kept of a one-time link: never the link itself.
type Link struct {
	Digest    [32]byte // SHA-256 of its token; zero without a link
	ExpiresAt time.Time
}

// PlatformTenancyID is the id of the first tenancy, the one of those who run the service. It is the same everywhere, so that
// replicas that start together on an empty database make one.
const PlatformTenancyID = "00000000-0000-4000-8000-000000000000"

// Tenancy is one customer.
type Tenancy struct {
	ID        string // uuid
	Name      string // 1 to 100 characters
	CreatedAt time.Time
}

// Errors of this package; compare with errors.Is.
var (
	// ErrNotFound: there is no such operator or tenancy.
	ErrNotFound = errors.New("there is no such operator")
	// ErrTenancyExists: there is a tenancy with this id already.
	ErrTenancyExists = errors.New("there is a tenancy with this id")
	// ErrSingleSignOn: the operator signs in with a provider and has no password.
	ErrSingleSignOn = errors.New("the operator signs in with a provider and has no password")
	// ErrDeactivated: a deactivated operator gets no link, which could not be used.
	ErrDeactivated = errors.New("the operator is deactivated")
	// ErrTooMany: the tenancy has [Max] operators.
	ErrTooMany = errors.New("the tenancy has too many operators")
	// ErrEmailTaken: another operator has the e-mail address.
	ErrEmailTaken = errors.New("another operator has this e-mail address")
	// ErrLastAdmin: without this operator nobody could manage the tenancy's operators.
	ErrLastAdmin = errors.New("the tenancy needs an admin who can sign in")
	// ErrLinkUsed: the one-time link is unknown, used up, or has expired.
	ErrLinkUsed = errors.New("this link was used or has expired")
	// ErrWrongPassword: the e-mail address is unknown or the password is wrong.
	ErrWrongPassword = errors.New("wrong e-mail address or password")
)

// Store keeps operators and tenancies. Implementations are safe for concurrent use; each change appends its event in the
// same transaction, as in apikey.Store. Any method may fail with an error that is apikey.ErrUnavailable.
type Store interface {
	// CreateTenancy stores a new tenancy. Errors: [ErrTenancyExists] when there is one with its id.
	CreateTenancy(ctx context.Context, t Tenancy, event eventlog.Draft) error
	// Tenancy returns a tenancy. Errors: [ErrNotFound].
	Tenancy(ctx context.Context, id string) (Tenancy, error)
	// Tenancies returns all, oldest first. The first is the platform's own.
	Tenancies(ctx context.Context) ([]Tenancy, error)

	// CreateOperator stores a new operator. Errors: [ErrEmailTaken], also when another has the identity; [ErrNotFound] for its
	// tenancy.
	CreateOperator(ctx context.Context, o Operator, event eventlog.Draft) error
	// OperatorByEmail returns an operator of whichever tenancy. Errors: [ErrNotFound].
	OperatorByEmail(ctx context.Context, email string) (Operator, error)
	// OperatorByID returns an operator of whichever tenancy. Errors: [ErrNotFound].
	OperatorByID(ctx context.Context, id string) (Operator, error)
	// OperatorByLink returns the operator with an outstanding one-time link. Errors: [ErrNotFound].
	OperatorByLink(ctx context.Context, digest [32]byte) (Operator, error)
	// OperatorByIdentity returns the operator whom a provider calls so. Errors: [ErrNotFound].
	OperatorByIdentity(ctx context.Context, i Identity) (Operator, error)
	// OperatorsOf returns up to limit of a tenancy's operators, by the bytes of the e-mail address.
	OperatorsOf(ctx context.Context, tenancyID string, limit int) ([]Operator, error)
	// UpdateOperator replaces the operator by what change makes of it; ID, TenancyID and CreatedAt stay. change is also told
	// whether the tenancy has another active admin who has a way to sign in, and returns no event when nothing is to be
	// written. Errors: [ErrNotFound]; [ErrEmailTaken], also when another has the identity; and those of change.
	UpdateOperator(ctx context.Context, id string, change func(o Operator, otherAdmin bool) (Operator, *eventlog.Draft, error)) (Operator, error)
	// DeleteOperator removes the operator. change is told as in UpdateOperator. Errors: [ErrNotFound], and those of change.
	DeleteOperator(ctx context.Context, id string, change func(o Operator, otherAdmin bool) (eventlog.Draft, error)) error
	// RecordEvent appends an event about what changes nothing, such as a sign-in.
	RecordEvent(ctx context.Context, event eventlog.Draft) error
	// AnyOperator reports whether there is an operator at all.
	AnyOperator(ctx context.Context) (bool, error)
}
