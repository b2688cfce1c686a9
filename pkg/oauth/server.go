// Package oauth owns the authorization server's use cases, free of HTTP: issuing a token for client credentials (RFC 6749
// §4.4) and deciding whether a token still counts.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/token"
	"github.com/piercloud/apikeys/pkg/usage"
)

// ClientCredentials is the only grant type (RFC 6749 §4.4).
const ClientCredentials = "client_credentials"

// ErrInvalidToken: the token is malformed, expired, not from here, or was revoked.
var ErrInvalidToken = token.ErrInvalid

// Code is an error code of RFC 6749 §5.2.
type Code string

// The codes that the token endpoint answers with.
const (
	InvalidRequest       Code = "invalid_request"
	InvalidClient        Code = "invalid_client"
	UnsupportedGrantType Code = "unsupported_grant_type"
	InvalidScope         Code = "invalid_scope"
)

// Error is an answer of RFC 6749 §5.2. Its description is for the developer of the calling program and holds nothing that
// the caller does not know.
type Error struct {
	Code        Code
	Description string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Description }

// errInvalidClient is the one answer to every failed authentication.
var errInvalidClient = &Error{InvalidClient, apikey.ErrInvalidClient.Error()}

// TokenRequest asks for a token.
type TokenRequest struct {
	GrantType    string
	ClientID     string
	ClientSecret string
	Scope        string // separated by spaces; empty for all of the key's
	IP           string // of the caller, for the evidence of use
}

// TokenResponse is an issued token.
type TokenResponse struct {
	AccessToken string
	ExpiresIn   time.Duration // whole seconds
	Scope       string        // what was granted, separated by spaces
}

// Server is the use cases. It is safe for concurrent use.
type Server struct {
	clients *apikey.Authenticator
	keys    *apikey.Cache
	tokens  *token.Issuer
	uses    *usage.Recorder
}

// NewServer returns the use cases.
func NewServer(clients *apikey.Authenticator, keys *apikey.Cache, tokens *token.Issuer, uses *usage.Recorder) *Server {
	return &Server{clients: clients, keys: keys, tokens: tokens, uses: uses}
}

// Token issues a token. With the key in memory it touches no database; its use is noted and written later, in a batch.
// Errors: [Error]; apikey.ErrUnavailable, signing.ErrNoKey.
func (s *Server) Token(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	if r.GrantType != ClientCredentials {
		return TokenResponse{}, &Error{UnsupportedGrantType, "the grant_type must be " + ClientCredentials}
	}
	key, secretID, err := s.clients.Authenticate(ctx, r.ClientID, r.ClientSecret)
	if errors.Is(err, apikey.ErrInvalidClient) {
		return TokenResponse{}, errInvalidClient
	}
	if err != nil {
		return TokenResponse{}, err
	}
	scopes, err := grantedScopes(key, r.Scope)
	if err != nil {
		return TokenResponse{}, err
	}
	lifespan := key.Lifespan.Duration()
	access, err := s.tokens.Issue(token.Grant{
		ClientID: key.ClientID, TenancyID: key.TenancyID, Scopes: scopes, Generation: key.Generation, Lifespan: lifespan,
	})
	if err != nil {
		return TokenResponse{}, err
	}
	s.uses.Note(key.ClientID, secretID, r.IP)
	return TokenResponse{AccessToken: access, ExpiresIn: lifespan, Scope: scopes.String()}, nil
}

// grantedScopes returns the requested subset of the key's scopes. A narrower scope that one of them covers may be asked
// for, too. Errors: [Error] with invalid_scope.
func grantedScopes(key *apikey.Key, requested string) (scope.Set, error) {
	if requested == "" {
		return key.Scopes, nil
	}
	wanted, err := scope.ParseSet(requested)
	if err != nil {
		return nil, &Error{InvalidScope, "the scope is malformed"}
	}
	for _, w := range wanted {
		if !key.Scopes.Covers(w) {
			return nil, &Error{InvalidScope, fmt.Sprintf("the scope %s is not granted to this client", w)}
		}
	}
	return wanted, nil
}

// VerifyActive returns the claims of a token that counts now: signed by this server, not expired, of the present generation
// of a key that is active. Errors: [ErrInvalidToken]; apikey.ErrUnavailable.
func (s *Server) VerifyActive(ctx context.Context, raw string) (token.Claims, error) {
	claims, err := s.tokens.Read(raw)
	if err != nil {
		return token.Claims{}, err
	}
	key, err := s.keys.Lookup(ctx, claims.ClientID)
	switch {
	case errors.Is(err, apikey.ErrNotFound):
		return token.Claims{}, ErrInvalidToken
	case err != nil:
		return token.Claims{}, err
	case key.Status != apikey.Active || key.Generation != claims.Generation:
		return token.Claims{}, ErrInvalidToken
	}
	return claims, nil
}
