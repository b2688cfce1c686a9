-- +goose Up

-- Tokens that were revoked one by one, until they expire. The event log has them too, but is not searched by token.
CREATE TABLE revoked_token (
    jti        TEXT   NOT NULL PRIMARY KEY,
    client_id  TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX revoked_token_expiry ON revoked_token (expires_at);

-- +goose Down

DROP TABLE revoked_token;
