package api

import (
	"context"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
)

// ListAPIKeys returns one page of the caller's keys.
func (s *server) ListAPIKeys(ctx context.Context, request oas.ListAPIKeysRequestObject) (oas.ListAPIKeysResponseObject, error) {
	q := keyQuery(request.Params)
	page, err := s.keys.List(ctx, callerOf(ctx), q)
	if err != nil {
		return nil, err
	}
	items := make([]oas.APIKey, len(page.Keys))
	for i, k := range page.Keys {
		items[i] = keyView(k)
	}
	return oas.ListAPIKeys200JSONResponse{Items: items, Meta: oas.PageMeta{
		Total: int64(page.Total), TotalCapped: page.TotalCapped,
		Page: int32(q.Page), PageSize: int32(q.PageSize), //nolint:gosec // both come from an int32
	}}, nil
}

// keyQuery translates the query parameters, in which the contract's defaults have already been filled in.
func keyQuery(p oas.ListAPIKeysParams) apikey.Query {
	q := apikey.Query{
		Search: valueOf(p.Search), Page: int(valueOf(p.Page)), PageSize: int(valueOf(p.PageSize)),
		SortBy: apikey.SortField(valueOf(p.SortField)), Descending: valueOf(p.SortOrder) == oas.DESC,
	}
	if status := valueOf(p.Status); status != oas.ListAPIKeysParamsStatusAll {
		q.Status = apikey.Status(status)
	}
	return q
}

// CreateAPIKey creates a key and returns its secret, which can't be read again later.
func (s *server) CreateAPIKey(ctx context.Context, request oas.CreateAPIKeyRequestObject) (oas.CreateAPIKeyResponseObject, error) {
	draft := apikey.Draft{
		Name: request.Body.Name, Description: valueOf(request.Body.Description), Scopes: request.Body.Scopes,
		Lifespan: apikey.DefaultLifespan,
	}
	if l := request.Body.TokenLifespan; l != nil {
		draft.Lifespan = apikey.Lifespan{Value: int(l.Value), Unit: apikey.Unit(l.Unit)}
	}
	draft.RateLimit = int(valueOf(request.Body.RateLimit))
	created, err := s.keys.Create(ctx, callerOf(ctx), draft, valueOf(request.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return oas.CreateAPIKey201JSONResponse{
		Body: keyWithSecretView(created),
		Headers: oas.CreateAPIKey201ResponseHeaders{
			CacheControl: noStoreValue, ETag: entityTag(created.Key), Location: "/v1/api-keys/" + created.Key.ClientID,
		},
	}, nil
}

// GetAPIKey returns a key.
func (s *server) GetAPIKey(ctx context.Context, request oas.GetAPIKeyRequestObject) (oas.GetAPIKeyResponseObject, error) {
	k, err := s.keys.Get(ctx, callerOf(ctx), request.ClientID)
	return oas.GetAPIKey200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// UpdateAPIKey edits a key by a JSON merge patch (RFC 7396). Only the rate limit can be removed by null: validation has already
// refused every other null.
func (s *server) UpdateAPIKey(ctx context.Context, request oas.UpdateAPIKeyRequestObject) (oas.UpdateAPIKeyResponseObject, error) {
	body := request.JSONBody
	if body == nil {
		body = request.ApplicationMergePatchPlusJSONBody
	}
	patch := apikey.Patch{Name: body.Name, Description: body.Description}
	if body.Scopes != nil {
		patch.Scopes = &body.Scopes
	}
	if l := body.TokenLifespan; l != nil {
		if l.Value != nil {
			value := int(*l.Value)
			patch.LifespanValue = &value
		}
		if l.Unit != nil {
			unit := apikey.Unit(*l.Unit)
			patch.LifespanUnit = &unit
		}
	}
	if body.RateLimit.IsSpecified() {
		limit, _ := body.RateLimit.Get() // null gives an error and 0, which removes the limit
		patch.RateLimit = new(int(limit))
	}
	k, err := s.keys.Update(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch), patch)
	return oas.UpdateAPIKey200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// DeleteAPIKey removes a key.
func (s *server) DeleteAPIKey(ctx context.Context, request oas.DeleteAPIKeyRequestObject) (oas.DeleteAPIKeyResponseObject, error) {
	return oas.DeleteAPIKey204Response{}, s.keys.Delete(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch))
}

// ActivateAPIKey lets a key obtain tokens again.
func (s *server) ActivateAPIKey(ctx context.Context, request oas.ActivateAPIKeyRequestObject) (oas.ActivateAPIKeyResponseObject, error) {
	k, err := s.keys.Activate(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch))
	return oas.ActivateAPIKey200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// DeactivateAPIKey stops a key from obtaining tokens and ends those issued so far.
func (s *server) DeactivateAPIKey(ctx context.Context, request oas.DeactivateAPIKeyRequestObject) (oas.DeactivateAPIKeyResponseObject, error) {
	k, err := s.keys.Deactivate(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch))
	return oas.DeactivateAPIKey200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// RevokeAPIKeyTokens ends every token issued so far.
func (s *server) RevokeAPIKeyTokens(ctx context.Context, request oas.RevokeAPIKeyTokensRequestObject) (oas.RevokeAPIKeyTokensResponseObject, error) {
	k, err := s.keys.RevokeTokens(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch))
	return oas.RevokeAPIKeyTokens200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// noStoreValue is the Cache-Control of answers that may not be stored. The contract requires it of those that hold a secret.
const noStoreValue = "no-store"

func keyAnswer(k apikey.Key) oas.APIKeyAnswerJSONResponse {
	return oas.APIKeyAnswerJSONResponse{Body: keyView(k), Headers: oas.APIKeyAnswerResponseHeaders{ETag: entityTag(k)}}
}

// keyView is a key on the wire.
func keyView(k apikey.Key) oas.APIKey {
	return oas.APIKey{
		ClientID: k.ClientID, Name: k.Name, Description: k.Description, Scopes: k.Scopes.Strings(),
		TokenLifespan: oas.TokenLifespan{Value: int32(k.Lifespan.Value), Unit: oas.TokenLifespanUnit(k.Lifespan.Unit)}, //nolint:gosec // at most 55
		Status:        oas.APIKeyStatus(k.Status), CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, UpdatedAt: k.UpdatedAt,
		LastUsedAt: unlessZero(k.LastUsedAt), Secrets: secretViews(k.Secrets), RateLimit: unlessZero(int32(k.RateLimit)), //nolint:gosec // at most 100,000
	}
}

// keyWithSecretView is a key on the wire, together with the secret that was just made for it.
func keyWithSecretView(created apikey.Created) oas.APIKeyWithSecret {
	k := keyView(created.Key)
	return oas.APIKeyWithSecret{
		ClientSecret: created.Secret,
		ClientID:     k.ClientID, Name: k.Name, Description: k.Description, Scopes: k.Scopes, TokenLifespan: k.TokenLifespan,
		Status: k.Status, CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, UpdatedAt: k.UpdatedAt, LastUsedAt: k.LastUsedAt,
		Secrets: k.Secrets, RateLimit: k.RateLimit,
	}
}

// unlessZero returns a pointer to v, or nil if v is zero, which stands for an absent value.
func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// valueOf returns what p points to, or the zero value.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
