package operator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
)

// Bounds on the length of a password, in characters.
const (
	PasswordMin = 12
	PasswordMax = 256
)

// hashing is the cost of a password hash: 19 MiB and two passes on one core, some tens of milliseconds. With more memory,
// sign-ins would determine how much memory the service needs.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hashesAtOnce bounds how many passwords are hashed at the same time, and thereby the memory that sign-ins can take.
const hashesAtOnce = 2

// InvalidError says what is wrong with one member of the input.
type InvalidError struct {
	Field   string
	Message string // a predicate: "must have at least 12 characters"
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Message }

// Service implements the use cases of operators and tenancies. It is safe for concurrent use.
type Service struct {
	store    Store
	throttle *throttle
	attempts *attempts
	now      func() time.Time
	hashers  chan struct{}
	decoy    string // a hash that no password has
}

// NewService returns a Service on top of a store. With zero limits the number of attempts is not limited.
func NewService(store Store, limits limit.Config, now func() time.Time) *Service {
	return &Service{
		store: store, throttle: newThrottle(limits, now), attempts: newAttempts(), now: now,
		hashers: make(chan struct{}, hashesAtOnce), decoy: newDecoy(),
	}
}

// newDecoy returns random data in the form of a hash, so that no password matches it. Hashing a password instead would cost every
// command that time.
func newDecoy() string {
	salt, key := make([]byte, hashing.SaltLength), make([]byte, hashing.KeyLength)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	_, _ = rand.Read(key)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", hashing.Memory, hashing.Iterations, hashing.Parallelism, encode(salt), encode(key))
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// SignIn returns the operator with this e-mail address and password, and records the sign-in in the log. An unknown address takes
// as much work as a wrong password. Failures are recorded, too, with many attempts in one event; [Service.Run] writes them.
// Errors: [ErrWrongPassword]; limit.ExceededError.
func (s *Service) SignIn(ctx context.Context, email, password string, origin eventlog.Origin) (Operator, error) {
	email = normalizeEmail(email)
	if !validEmail(email) {
		email = "" // no operator has it, and it is not worth recording
	}
	if err := s.throttle.admit(email, origin.IP); err != nil {
		s.refused(email, origin)
		return Operator{}, err
	}
	o, err := s.store.OperatorByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Operator{}, err
	}
	known := err == nil && o.Status == Active && o.PasswordHash != ""
	hash := s.decoy
	if known {
		hash = o.PasswordHash
	}
	match, compareErr := s.compare(ctx, password, hash)
	switch {
	case compareErr != nil:
		return Operator{}, compareErr
	case !known || !match:
		s.failed(o, origin)
		return Operator{}, ErrWrongPassword
	}
	return o, s.note(ctx, eventlog.OperatorSignedIn, o, origin, eventlog.State{"method": ByPassword})
}

// compare checks a password after waiting for its turn.
func (s *Service) compare(ctx context.Context, password, hash string) (bool, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	match, err := argon2id.ComparePasswordAndHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return match, nil
}

// turn waits until one more password may be hashed, and returns a function that ends the turn.
func (s *Service) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.hashers <- struct{}{}:
		return func() { <-s.hashers }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// BySession returns the operator of a session that was started under this session generation. Errors: [ErrNotFound] if the
// session is no longer valid.
func (s *Service) BySession(ctx context.Context, operatorID string, generation int64) (Operator, error) {
	o, err := s.store.OperatorByID(ctx, operatorID)
	if err != nil {
		return Operator{}, err
	}
	if o.SessionGeneration != generation || o.Status != Active {
		return Operator{}, ErrNotFound
	}
	return o, nil
}

// Tenancy returns a tenancy. Errors: [ErrNotFound].
func (s *Service) Tenancy(ctx context.Context, id string) (Tenancy, error) {
	return s.store.Tenancy(ctx, id)
}

// Tenancies returns all tenancies, oldest first.
func (s *Service) Tenancies(ctx context.Context) ([]Tenancy, error) {
	return s.store.Tenancies(ctx)
}

// CreateTenancy registers a customer. Errors: [InvalidError].
func (s *Service) CreateTenancy(ctx context.Context, name string, actor eventlog.Actor) (Tenancy, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n < 1 || n > 100 || !utf8.ValidString(name) {
		return Tenancy{}, &InvalidError{"name", "must have 1 to 100 characters"}
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return Tenancy{}, &InvalidError{"name", "must not contain control characters"}
	}
	t := Tenancy{ID: uuid.NewString(), Name: name, CreatedAt: s.clock()}
	return t, s.storeTenancy(ctx, t, actor)
}

func (s *Service) storeTenancy(ctx context.Context, t Tenancy, actor eventlog.Actor) error {
	event, err := eventlog.Draft{
		At: t.CreatedAt, TenancyID: t.ID, Action: eventlog.TenancyCreated, Actor: actor,
		Subject: eventlog.Subject{Kind: eventlog.SubjectTenancy, ID: t.ID},
	}.Telling(nil, eventlog.State{"name": t.Name})
	if err != nil {
		return err
	}
	return s.store.CreateTenancy(ctx, t, event)
}

// Create registers an operator of a tenancy. Errors: [ErrEmailTaken]; [ErrNotFound] if there is no such tenancy; [InvalidError].
func (s *Service) Create(ctx context.Context, tenancyID, email, password string, role Role, actor eventlog.Actor) (Operator, error) {
	o, err := s.newOperator(tenancyID, email, role)
	if err != nil {
		return Operator{}, err
	}
	if o.PasswordHash, err = hashPassword(password); err != nil {
		return Operator{}, err
	}
	return o, s.register(ctx, Caller{TenancyID: tenancyID, Actor: actor}, eventlog.OperatorCreated, o)
}

// newOperator returns an operator who can't sign in yet and is not in the store. Errors: [InvalidError].
func (s *Service) newOperator(tenancyID, email string, role Role) (Operator, error) {
	email = normalizeEmail(email)
	if !validEmail(email) {
		return Operator{}, &InvalidError{"email", "must be an e-mail address"}
	}
	if !role.Valid() {
		return Operator{}, &InvalidError{"role", "must be admin, editor or readonly"}
	}
	now := s.clock()
	return Operator{
		ID: uuid.NewString(), TenancyID: tenancyID, Email: email, Role: role, Status: Active, SessionGeneration: 1,
		CreatedAt: now, UpdatedAt: now,
	}, nil
}

// register stores a new operator. Errors: [ErrEmailTaken]; [ErrNotFound] if there is no such tenancy.
func (s *Service) register(ctx context.Context, c Caller, action eventlog.Action, o Operator) error {
	event, err := s.managed(c, action, nil, &o)
	if err != nil {
		return err
	}
	return s.store.CreateOperator(ctx, o, event)
}

// ResetPassword sets an operator's password and ends all of the operator's sessions. An operator who signed in with a provider
// uses the password from then on. Errors: [ErrNotFound], [InvalidError].
func (s *Service) ResetPassword(ctx context.Context, email, password string, actor eventlog.Actor) error {
	hash, err := hashPassword(password)
	if err != nil {
		return err
	}
	o, err := s.store.OperatorByEmail(ctx, normalizeEmail(email))
	if err != nil {
		return err
	}
	_, err = s.update(ctx, Caller{TenancyID: o.TenancyID, Actor: actor}, o.ID, eventlog.OperatorPasswordSet, func(o *Operator, _ bool) error {
		o.setPassword(hash)
		return nil
	})
	return err
}

// DeleteByEmail removes an operator of any tenancy. Errors: those of [Service.Delete].
func (s *Service) DeleteByEmail(ctx context.Context, email string, actor eventlog.Actor) error {
	o, err := s.store.OperatorByEmail(ctx, normalizeEmail(email))
	if err != nil {
		return err
	}
	return s.Delete(ctx, Caller{TenancyID: o.TenancyID, Actor: actor}, o.ID)
}

// NewPassword returns a random password with more than 128 random bits.
func NewPassword() string { return rand.Text() }

// EnsureTenancy returns the first tenancy, the platform's own. If it doesn't exist, it is created in the name of actor.
func (s *Service) EnsureTenancy(ctx context.Context, actor eventlog.Actor) (Tenancy, error) {
	t, err := s.store.Tenancy(ctx, PlatformTenancyID)
	if !errors.Is(err, ErrNotFound) {
		return t, err
	}
	t = Tenancy{ID: PlatformTenancyID, Name: "Default", CreatedAt: s.clock()}
	err = s.storeTenancy(ctx, t, actor)
	if errors.Is(err, ErrTenancyExists) { // another replica was faster
		return s.store.Tenancy(ctx, PlatformTenancyID)
	}
	return t, err
}

// First is the result of [Service.EnsureFirst].
type First struct {
	Email string
	// Password is the generated password, which is to be shown once; empty if there already was an operator or the password was
	// given.
	Password string
}

// EnsureFirst makes sure that there is a tenancy and an operator to start with: an admin of the first tenancy with the given
// e-mail address and password. If password is empty, one is generated. If there is any operator already, no other is created.
// Errors: [InvalidError].
func (s *Service) EnsureFirst(ctx context.Context, email, password string, actor eventlog.Actor) (First, error) {
	tenancy, err := s.EnsureTenancy(ctx, actor)
	if err != nil {
		return First{}, err
	}
	if exists, err := s.store.AnyOperator(ctx); err != nil || exists {
		return First{}, err
	}
	first := First{Email: email}
	if password == "" {
		first.Password = NewPassword()
		password = first.Password
	}
	_, err = s.Create(ctx, tenancy.ID, email, password, Admin, actor)
	if errors.Is(err, ErrEmailTaken) { // another replica was faster
		return First{}, nil
	}
	return first, err
}

func subjectOf(o Operator) eventlog.Subject {
	return eventlog.Subject{Kind: eventlog.SubjectOperator, ID: o.ID}
}

// hashPassword hashes a password after normalising it, so that the result doesn't depend on the keyboard (RFC 8265 §4.2). Errors:
// [InvalidError].
func hashPassword(password string) (string, error) {
	password = norm.NFC.String(password)
	if n := utf8.RuneCountInString(password); n < PasswordMin || n > PasswordMax {
		return "", &InvalidError{"password", fmt.Sprintf("must have %d to %d characters", PasswordMin, PasswordMax)}
	}
	return argon2id.CreateHash(password, hashing)
}

func normalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// ValidEmail reports whether [Service.Create] accepts an e-mail address.
func ValidEmail(email string) bool { return validEmail(normalizeEmail(email)) }

// validEmail accepts a bare address. A host without a dot is allowed, since the first operator is admin@localhost.
func validEmail(email string) bool {
	a, err := mail.ParseAddress(email)
	return err == nil && a.Address == email && len(email) <= 254
}
