// Package operator owns the people who use the console: who they are, what their roles allow, how they sign in, and the tenancies
// they belong to.
//
// Passwords are stored as argon2id hashes. Sessions belong to HTTP and are held by package api; this package says, through
// SessionGeneration, whether a session that was started earlier is still valid.
package operator

import (
	"context"
	"errors"
	"time"

	"github.com/piercloud/apikeys/pkg/eventlog"
)

// Role says what an operator may do in the tenancy.
type Role string

// The roles; each allows what the ones after it allow.
const (
	Admin    Role = "admin"    // manages operators, too
	Editor   Role = "editor"   // manages keys
	Readonly Role = "readonly" // views keys
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r.rank() > 0 }

// Allows reports whether r is sufficient where want is required.
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
	PasswordHash string // argon2id, in its standard text form; empty until an invitation is accepted, and if there is an Identity
	// Link is the outstanding one-time link with which the operator sets a password; zero if there is none.
	Link Link
	// Identity is how the provider that the operator signs in with identifies them; zero for an operator who signs in with a
	// password.
	Identity Identity
	// SessionGeneration goes up when all sessions of the operator must end. A session carries the generation it was started
	// under.
	SessionGeneration int64
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// Invited reports whether the operator has no way to sign in yet, except a one-time link.
func (o Operator) Invited() bool { return o.PasswordHash == "" && o.Identity == (Identity{}) }

// TellStatus returns the status as shown to others: it also distinguishes operators who have only been invited so far.
func (o Operator) TellStatus() string {
	if o.Status == Active && o.Invited() {
		return "invited"
	}
	return string(o.Status)
}

// SignInMethod is how an operator proves their identity.
type SignInMethod string

// The methods. Every operator has exactly one.
const (
	ByPassword SignInMethod = "password"
	ByOIDC     SignInMethod = "oidc" // OpenID Connect
)

// SignInMethod returns how the operator signs in. For an invited operator that is the password they will set.
func (o Operator) SignInMethod() SignInMethod {
	if o.Identity != (Identity{}) {
		return ByOIDC
	}
	return ByPassword
}

// Link is what is stored about a one-time link: never the link itself.
type Link struct {
	Digest    [32]byte // SHA-256 of its token; zero without a link
	ExpiresAt time.Time
}

// PlatformTenancyID is the ID of the first tenancy, which belongs to those who run the service. It is the same in every
// installation, so that replicas that start together on an empty database create only one.
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
	// ErrTenancyExists: there already is a tenancy with this ID.
	ErrTenancyExists = errors.New("another tenancy has this id")
	// ErrSingleSignOn: the operator signs in with a provider and has no password.
	ErrSingleSignOn = errors.New("the operator signs in with a provider and has no password")
	// ErrDeactivated: a deactivated operator gets no link, because it could not be used.
	ErrDeactivated = errors.New("the operator is deactivated")
	// ErrTooMany: the tenancy has [Max] operators.
	ErrTooMany = errors.New("the tenancy has too many operators")
	// ErrEmailTaken: another operator has the e-mail address.
	ErrEmailTaken = errors.New("another operator has this e-mail address")
	// ErrLastAdmin: without this operator nobody could manage the tenancy's operators.
	ErrLastAdmin = errors.New("the tenancy needs an admin who can sign in")
	// ErrLinkUsed: the one-time link is unknown, used up, or expired.
	ErrLinkUsed = errors.New("this link was used or has expired")
	// ErrWrongPassword: the e-mail address is unknown or the password is wrong.
	ErrWrongPassword = errors.New("wrong e-mail address or password")
)

// Store keeps operators and tenancies. Implementations are safe for concurrent use; each change appends its event in the same
// transaction, as in apikey.Store. Any method may fail with an error that is apikey.ErrUnavailable.
type Store interface {
	// CreateTenancy stores a new tenancy. Errors: [ErrTenancyExists] if there is one with this ID.
	CreateTenancy(ctx context.Context, t Tenancy, event eventlog.Draft) error
	// Tenancy returns a tenancy. Errors: [ErrNotFound].
	Tenancy(ctx context.Context, id string) (Tenancy, error)
	// Tenancies returns all tenancies, oldest first. The first is the platform's own.
	Tenancies(ctx context.Context) ([]Tenancy, error)

	// CreateOperator stores a new operator. Errors: [ErrEmailTaken], also if another operator has the identity; [ErrNotFound] if
	// there is no such tenancy.
	CreateOperator(ctx context.Context, o Operator, event eventlog.Draft) error
	// OperatorByEmail returns an operator of any tenancy. Errors: [ErrNotFound].
	OperatorByEmail(ctx context.Context, email string) (Operator, error)
	// OperatorByID returns an operator of any tenancy. Errors: [ErrNotFound].
	OperatorByID(ctx context.Context, id string) (Operator, error)
	// OperatorByLink returns the operator with an outstanding one-time link. Errors: [ErrNotFound].
	OperatorByLink(ctx context.Context, digest [32]byte) (Operator, error)
	// OperatorByIdentity returns the operator with this identity. Errors: [ErrNotFound].
	OperatorByIdentity(ctx context.Context, i Identity) (Operator, error)
	// OperatorsOf returns up to limit of a tenancy's operators, sorted bytewise by e-mail address.
	OperatorsOf(ctx context.Context, tenancyID string, limit int) ([]Operator, error)
	// UpdateOperator replaces the operator with the result of change; ID, TenancyID and CreatedAt stay. change is also told
	// whether the tenancy has another active admin who has a way to sign in, and returns no event if nothing is to be written.
	// Errors: [ErrNotFound]; [ErrEmailTaken], also if another operator has the identity; and those of change.
	UpdateOperator(ctx context.Context, id string, change func(o Operator, otherAdmin bool) (Operator, *eventlog.Draft, error)) (Operator, error)
	// DeleteOperator removes the operator. change gets the same arguments as in UpdateOperator. Errors: [ErrNotFound], and those
	// of change.
	DeleteOperator(ctx context.Context, id string, change func(o Operator, otherAdmin bool) (eventlog.Draft, error)) error
	// RecordEvent appends an event about something that changes nothing, such as a sign-in.
	RecordEvent(ctx context.Context, event eventlog.Draft) error
	// AnyOperator reports whether there are any operators.
	AnyOperator(ctx context.Context) (bool, error)
}
