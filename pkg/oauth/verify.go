package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/piercloud/apikeys/pkg/apikey"
	"github.com/piercloud/apikeys/pkg/eventlog"
	"github.com/piercloud/apikeys/pkg/limit"
	"github.com/piercloud/apikeys/pkg/operator"
	"github.com/piercloud/apikeys/pkg/scope"
	"github.com/piercloud/apikeys/pkg/token"
)

// VerifyActive returns the claims of a token that is valid now: signed by this server, not expired, of the current generation of
// an active key, and not revoked individually. Errors: [ErrInvalidToken]; apikey.ErrUnavailable.
func (s *Server) VerifyActive(ctx context.Context, raw string) (token.Claims, error) {
	for range decisionTries {
		began := s.now()
		if claims, err := s.verify(ctx, raw); err != nil || s.inTime(began) {
			return claims, err
		}
	}
	return token.Claims{}, apikey.ErrUnavailable
}

func (s *Server) verify(ctx context.Context, raw string) (token.Claims, error) {
	claims, err := s.tokens.Read(ctx, raw)
	if err != nil {
		return token.Claims{}, err
	}
	client, err := s.keys.Lookup(ctx, claims.ClientID)
	switch {
	case errors.Is(err, apikey.ErrNotFound):
		return token.Claims{}, ErrInvalidToken
	case err != nil:
		return token.Claims{}, err
	case client.Status != apikey.Active || client.Generation != claims.Generation:
		return token.Claims{}, ErrInvalidToken
	}
	switch revoked, err := s.revoked.Revoked(ctx, claims.TokenID); {
	case err != nil:
		return token.Claims{}, err
	case revoked:
		return token.Claims{}, ErrInvalidToken
	}
	return claims, nil
}

// Inquirer is whoever asks about a token or revokes it: an authenticated client, or an operator.
type Inquirer struct {
	TenancyID string
	ClientID  string    // empty for an operator
	Scopes    scope.Set // of the client's key
	Actor     eventlog.Actor
	Origin    eventlog.Origin
}

// Inquirer authenticates a client at ip that asks about tokens, which counts as a use of its secret. Only failures count against
// the address, because a resource server may ask about every request that it receives. Errors: [Error] with invalid_client;
// limit.ExceededError; apikey.ErrUnavailable.
func (s *Server) Inquirer(ctx context.Context, clientID, clientSecret, ip string) (Inquirer, error) {
	address := limit.Address(ip)
	if err := s.perAddress.Check(address); err != nil {
		return Inquirer{}, err
	}
	client, secretID, err := s.clients.Authenticate(ctx, clientID, clientSecret)
	if errors.Is(err, apikey.ErrInvalidClient) {
		s.perAddress.Count(address)
		return Inquirer{}, errInvalidClient
	}
	if err != nil {
		return Inquirer{}, err
	}
	s.uses.Used(client.ID, secretID, ip)
	return Inquirer{
		TenancyID: client.TenancyID, ClientID: client.ID, Scopes: client.Scopes,
		Actor: eventlog.Actor{Kind: eventlog.ActorAPIKey, ID: client.ID, Name: client.ID},
	}, nil
}

// maySee reports whether the inquirer may learn about a token. A client may learn about its own tokens; with scope
// settings.tokens:readonly also about those of its tenancy, or about everybody's if its tenancy is the platform's. An operator
// may learn about the tokens of its tenancy.
func (i Inquirer) maySee(c token.Claims) bool {
	switch {
	case i.ClientID == "":
		return i.TenancyID == c.TenancyID
	case i.ClientID == c.ClientID:
		return true
	case !i.Scopes.Covers(scope.TokensReadonly):
		return false
	default:
		return i.TenancyID == c.TenancyID || i.TenancyID == operator.PlatformTenancyID
	}
}

// Introspect returns the claims of a token that is valid now and that the inquirer may see (RFC 7662 §2.2). Errors:
// [ErrInvalidToken], whatever the reason; apikey.ErrUnavailable.
func (s *Server) Introspect(ctx context.Context, i Inquirer, raw string) (token.Claims, error) {
	claims, err := s.VerifyActive(ctx, raw)
	if err != nil {
		return token.Claims{}, err
	}
	if !i.maySee(claims) {
		return token.Claims{}, ErrInvalidToken
	}
	return claims, nil
}

// Revoke revokes one token (RFC 7009 §2). A client may revoke its own tokens, an operator those of its tenancy. For a token that
// is not valid, or never was, there is nothing to do. The number of a key's tokens that are revoked one by one is limited,
// whoever revokes them, because everybody who follows the feed keeps each of them until it expires; rotating the secret revokes
// them all with one entry. Errors: [Error] with unauthorized_client for a token that belongs to somebody else;
// limit.ExceededError; apikey.ErrUnavailable.
func (s *Server) Revoke(ctx context.Context, i Inquirer, raw string) error {
	claims, err := s.VerifyActive(ctx, raw)
	if errors.Is(err, ErrInvalidToken) {
		return nil
	}
	if err != nil {
		return err
	}
	if own := i.ClientID == claims.ClientID || i.ClientID == "" && i.TenancyID == claims.TenancyID; !own {
		return &Error{UnauthorizedClient, "the token was issued to another client"}
	}
	if _, err := s.revocations.Take(claims.ClientID); err != nil {
		return err
	}
	event, err := eventlog.Draft{
		At: s.now().UTC().Truncate(time.Microsecond), TenancyID: claims.TenancyID, Action: eventlog.TokenRevoked,
		Actor: i.Actor, Origin: i.Origin,
		Subject: eventlog.Subject{Kind: eventlog.SubjectAPIKey, ID: claims.ClientID},
		Revokes: &eventlog.Revocation{ClientID: claims.ClientID, TokenID: claims.TokenID, ExpiresAt: claims.ExpiresAt},
	}.Telling(nil, eventlog.State{"jti": claims.TokenID, "expires_at": claims.ExpiresAt.Format(time.RFC3339)})
	if err != nil {
		return err
	}
	return s.revoked.Revoke(ctx, event)
}
