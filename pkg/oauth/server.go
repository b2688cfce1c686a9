// Package oauth owns the authorization server's use cases, free of HTTP: issuing a token for client credentials (RFC 6749 §4.4),
// deciding whether a token is still valid, and revoking one.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/revocation"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/token"
)

// ClientCredentials is the only supported grant type (RFC 6749 §4.4).
const ClientCredentials = "client_credentials"

// ErrInvalidToken means that the token is malformed, expired, not issued here, or revoked.
var ErrInvalidToken = token.ErrInvalid

// Code is an error code of RFC 6749 §5.2.
type Code string

// The codes that the token endpoint returns.
const (
	InvalidRequest       Code = "invalid_request"
	UnauthorizedClient   Code = "unauthorized_client"
	InvalidClient        Code = "invalid_client"
	UnsupportedGrantType Code = "unsupported_grant_type"
	InvalidScope         Code = "invalid_scope"
)

// Error is an error response of RFC 6749 §5.2. Its description is meant for the developer of the calling program and reveals
// nothing that the caller does not know.
type Error struct {
	Code        Code
	Description string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Description }

// errInvalidClient is the answer to every failed authentication, whatever the reason.
var errInvalidClient = &Error{InvalidClient, apikey.ErrInvalidClient.Error()}

// TokenRequest is a request for a token.
type TokenRequest struct {
	GrantType    string
	ClientID     string
	ClientSecret string
	Scope        string // separated by spaces; empty for all scopes of the key
	IP           string // of the caller, for the record of use
	RequestID    string // likewise
}

// TokenResponse is an issued token.
type TokenResponse struct {
	AccessToken string
	ExpiresIn   time.Duration  // whole seconds
	Scope       string         // the granted scopes, separated by spaces
	Standing    limit.Standing // of a request that counted against its client's limit, even if it is refused; otherwise zero
}

// Server implements the use cases. It is safe for concurrent use.
type Server struct {
	clients *apikey.Authenticator
	keys    *apikey.Cache
	tokens  *token.Issuer
	revoked *revocation.Tokens
	uses    Uses
	now     func() time.Time
	status  func(index int64) token.Status
	observe func(outcome string)
	signed  func(ctx context.Context, took time.Duration) // nil if nobody is to be told

	perClient   *limit.Buckets[string]
	perAddress  *limit.Buckets[netip.Addr]
	revocations *limit.Buckets[string] // by the client that the tokens belong to
}

// Uses is told the outcome of the requests of existing clients; [usage.Recorder] implements it. It must be quick and safe for
// concurrent use.
type Uses interface {
	Issued(clientID, secretID, ip string)
	Used(clientID, secretID, ip string) // for something other than a token
	Denied(clientID, reason, ip, requestID string)
}

// Options are a server's optional settings.
type Options struct {
	Limits limit.Config // of token requests and revocations
	// Status returns the place in a status list that corresponds to an index assigned by the store. It must be quick. nil means
	// that tokens name no status list.
	Status func(index int64) token.Status
	// Observe is called with the outcome of each token request, one of [Outcomes]: [Issued], or the reason why no token was
	// issued. It must be quick. nil means that nobody is told.
	Observe func(outcome string)
	// Signed is called after each signing of a token with how long that took. It must be quick. nil means that nobody is told.
	Signed func(ctx context.Context, took time.Duration)
}

// Outcomes of token requests, in addition to the reasons of package apikey.
const (
	Issued             = "issued"
	AddressRateLimited = "address-rate-limited"
	RateLimited        = "rate-limited"      // too many requests of a client that authenticated
	ScopeNotGranted    = "scope-not-granted" // a scope that the key does not have
	Malformed          = "malformed"         // another grant type; requests that can't be parsed don't get here
	Failed             = "failed"            // an internal error
)

// Outcomes lists all outcomes.
var Outcomes = []string{
	Issued, Malformed, AddressRateLimited, Failed, ScopeNotGranted, RateLimited,
	string(apikey.UnknownClient), string(apikey.InactiveKey), string(apikey.WrongSecret), string(apikey.ExpiredSecret),
}

// NewServer returns a Server.
func NewServer(
	keys *apikey.Cache, tokens *token.Issuer, revoked *revocation.Tokens, uses Uses,
	o Options, now func() time.Time,
) *Server {
	if o.Observe == nil {
		o.Observe = func(string) {}
	}
	if o.Status == nil {
		o.Status = func(int64) token.Status { return token.Status{} }
	}
	return &Server{
		clients: apikey.NewAuthenticator(keys, now), keys: keys, tokens: tokens, revoked: revoked, uses: uses, now: now, status: o.Status, observe: o.Observe, signed: o.Signed,
		perClient:   limit.New[string](limit.TokenClient, o.Limits.TokenClient, now),
		perAddress:  limit.New[netip.Addr](limit.TokenAddress, o.Limits.TokenAddress, now),
		revocations: limit.New[string](limit.Revocation, o.Limits.Revocation, now),
	}
}

// A decision in favour of a caller rests on knowledge of the key that is at most eventlog.StalenessMax old when it is looked up.
// After that, the process may be suspended for any length of time, and so may the database's answer on its way. A decision that
// took longer than decisionMax is therefore made again, so that both delays together stay below a second.
const (
	decisionMax   = 250 * time.Millisecond
	decisionTries = 3
)

// inTime reports whether a decision that began at this time may still be acted on.
func (s *Server) inTime(began time.Time) bool { return eventlog.Elapsed(began, s.now()) <= decisionMax }

// Token issues a token. If the key is in memory, Token doesn't access the database; the use is noted and written later, in a
// batch. Errors: [Error]; limit.ExceededError; apikey.ErrUnavailable, signing.ErrNoKey.
func (s *Server) Token(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	x := exchange{TokenRequest: r}
	for range decisionTries {
		began := s.now()
		response, outcome, err := s.issue(ctx, &x)
		if err == nil && !s.inTime(began) {
			continue
		}
		if err == nil {
			s.uses.Issued(r.ClientID, x.secretID, r.IP)
		}
		s.observe(outcome)
		response.Standing = x.standing
		return response, err
	}
	s.observe(Failed)
	return TokenResponse{Standing: x.standing}, apikey.ErrUnavailable
}

// exchange is a token request being processed. It counts against the limits once, however often it is decided.
type exchange struct {
	TokenRequest
	secretID string
	admitted bool
	standing limit.Standing
}

func (s *Server) issue(ctx context.Context, r *exchange) (response TokenResponse, outcome string, err error) {
	if r.GrantType != ClientCredentials {
		return TokenResponse{}, Malformed, &Error{UnsupportedGrantType, "the grant_type must be " + ClientCredentials}
	}
	address := limit.Address(r.IP)
	if !r.admitted {
		if err := s.perAddress.Check(address); err != nil {
			return TokenResponse{}, AddressRateLimited, err
		}
	}
	client, secretID, err := s.clients.Authenticate(ctx, r.ClientID, r.ClientSecret)
	if err != nil {
		return s.denied(r, address, err)
	}
	r.secretID = secretID
	if !r.admitted {
		if r.standing, err = s.admit(client); err != nil {
			s.uses.Denied(client.ID, RateLimited, r.IP, r.RequestID)
			return TokenResponse{}, RateLimited, err
		}
		s.perAddress.Count(address)
		r.admitted = true
	}
	scopes, err := grantedScopes(client, r.Scope)
	if err != nil {
		s.uses.Denied(client.ID, ScopeNotGranted, r.IP, r.RequestID)
		return TokenResponse{}, ScopeNotGranted, err
	}
	grant, err := s.grant(client, scopes, r.Scope == "")
	if err != nil {
		return TokenResponse{}, Failed, err
	}
	access, err := s.sign(ctx, grant)
	if err != nil {
		return TokenResponse{}, Failed, err
	}
	return TokenResponse{AccessToken: access, ExpiresIn: grant.Grant.Lifespan, Scope: grant.Scope}, Issued, nil
}

// denied notes that a client could not be authenticated and returns the results for [Server.issue].
func (s *Server) denied(r *exchange, address netip.Addr, err error) (response TokenResponse, outcome string, _ error) {
	denied, ok := errors.AsType[*apikey.DeniedError](err)
	if !ok {
		return TokenResponse{}, Failed, err
	}
	if !r.admitted {
		s.perAddress.Count(address)
	}
	if denied.Reason != apikey.UnknownClient {
		s.uses.Denied(denied.ClientID, string(denied.Reason), r.IP, r.RequestID)
	}
	return TokenResponse{}, string(denied.Reason), errInvalidClient
}

// grant returns the grant for tokens of a key. If it covers everything that the key may have, as it nearly always does, it is
// prepared once and reused for as long as the key stays unchanged.
func (s *Server) grant(client *apikey.Client, scopes scope.Set, whole bool) (*token.Prepared, error) {
	status := s.status(client.StatusIndex)
	if whole {
		if known := client.Prepared(); known != nil && known.Grant.Status == status {
			return known, nil
		}
	}
	prepared, err := s.tokens.Prepare(token.Grant{
		ClientID: client.ID, TenancyID: client.TenancyID, Scopes: scopes, Generation: client.Generation, Lifespan: client.Lifespan,
		Status: status,
	})
	if whole && err == nil {
		client.Remember(prepared)
	}
	return prepared, err
}

// sign returns a signed token. Errors: signing.ErrNoKey, apikey.ErrUnavailable.
func (s *Server) sign(ctx context.Context, g *token.Prepared) (string, error) {
	if s.signed == nil {
		return s.tokens.Issue(ctx, g)
	}
	started := time.Now() // the real clock, because this is about this machine
	access, err := s.tokens.Issue(ctx, g)
	s.signed(ctx, time.Since(started))
	return access, err
}

// admit counts a token request of a client that has authenticated. Nobody else can use up its limit, and a request refused by
// that limit does not count against the address, so that a client that floods the service does not starve others behind the same
// address. Errors: limit.ExceededError.
func (s *Server) admit(client *apikey.Client) (limit.Standing, error) {
	if client.RateLimit > 0 {
		return s.perClient.TakeAt(client.ID, limit.Rate{Requests: client.RateLimit, Window: time.Minute})
	}
	return s.perClient.Take(client.ID)
}

// scopesMax bounds how many scopes one request may ask for, so that its token fits into a header: a whole product covers more
// narrower scopes than a key can list.
const scopesMax = 100

// grantedScopes returns the requested subset of the key's scopes. A narrower scope that one of them covers may be requested, too.
// Errors: [Error] with invalid_scope.
func grantedScopes(client *apikey.Client, requested string) (scope.Set, error) {
	if requested == "" {
		return client.Scopes, nil
	}
	wanted, err := scope.ParseSet(requested)
	if err != nil {
		return nil, &Error{InvalidScope, "the scope is malformed"}
	}
	if len(wanted) > scopesMax {
		return nil, &Error{InvalidScope, fmt.Sprintf("the scope lists more than %d", scopesMax)}
	}
	for _, w := range wanted {
		if !client.Scopes.Covers(w) {
			return nil, &Error{InvalidScope, fmt.Sprintf("the scope %s is not granted to this client", w)}
		}
	}
	return wanted, nil
}
