package api

import (
	"context"
	"time"

	"github.com/piercloud/apikeys/api/internal/oas"
	"github.com/piercloud/apikeys/pkg/apikey"
)

// RotateAPIKeySecret makes a new secret and returns it. It can't be read again later.
func (s *server) RotateAPIKeySecret(ctx context.Context, request oas.RotateAPIKeySecretRequestObject) (oas.RotateAPIKeySecretResponseObject, error) {
	grace := time.Duration(request.Body.GracePeriodSeconds) * time.Second
	created, err := s.keys.RotateSecret(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch), grace)
	if err != nil {
		return nil, err
	}
	return oas.RotateAPIKeySecret200JSONResponse{
		Body:    keyWithSecretView(created),
		Headers: oas.RotateAPIKeySecret200ResponseHeaders{CacheControl: noStoreValue, ETag: entityTag(created.Key)},
	}, nil
}

// RetireAPIKeySecret ends an old secret before its grace period is over.
func (s *server) RetireAPIKeySecret(ctx context.Context, request oas.RetireAPIKeySecretRequestObject) (oas.RetireAPIKeySecretResponseObject, error) {
	err := s.keys.RetireSecret(ctx, callerOf(ctx), request.ClientID, request.SecretID, parseIfMatch(request.Params.IfMatch))
	return oas.RetireAPIKeySecret204Response{}, err
}

// ChangeAPIKeyGrace moves the end of an old secret's grace period.
func (s *server) ChangeAPIKeyGrace(ctx context.Context, request oas.ChangeAPIKeyGraceRequestObject) (oas.ChangeAPIKeyGraceResponseObject, error) {
	body := request.JSONBody
	if body == nil {
		body = request.ApplicationMergePatchPlusJSONBody
	}
	grace := time.Duration(body.GracePeriodSeconds) * time.Second
	k, err := s.keys.ChangeGrace(ctx, callerOf(ctx), request.ClientID, request.SecretID, parseIfMatch(request.Params.IfMatch), grace)
	return oas.ChangeAPIKeyGrace200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// CancelAPIKeyRotation keeps the old secret and retires the new one.
func (s *server) CancelAPIKeyRotation(ctx context.Context, request oas.CancelAPIKeyRotationRequestObject) (oas.CancelAPIKeyRotationResponseObject, error) {
	k, err := s.keys.CancelRotation(ctx, callerOf(ctx), request.ClientID, parseIfMatch(request.Params.IfMatch))
	return oas.CancelAPIKeyRotation200JSONResponse{APIKeyAnswerJSONResponse: keyAnswer(k)}, err
}

// secretViews are a key's secrets on the wire: what tells them apart, never what they consist of.
func secretViews(secrets []apikey.Secret) []oas.SecretInfo {
	views := make([]oas.SecretInfo, len(secrets))
	for i, secret := range secrets {
		views[i] = oas.SecretInfo{
			ID: secret.ID, LastFour: secret.LastFour, CreatedAt: secret.CreatedAt,
			ExpiresAt: unlessZero(secret.ExpiresAt), LastUsedAt: unlessZero(secret.LastUsedAt),
			LastUsedIP: unlessZero(secret.LastUsedIP),
		}
	}
	return views
}
