-- +goose Up

-- What happened to a key in an hour, by the secret that was used; secret_id is empty for what was denied.
CREATE TABLE usage (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    secret_id TEXT COLLATE "C" NOT NULL,
    hour      BIGINT           NOT NULL,
    issued    BIGINT           NOT NULL,
    denied    BIGINT           NOT NULL,
    PRIMARY KEY (client_id, hour, secret_id)
);

CREATE INDEX usage_hour ON usage (hour);

-- The latest denials of each key.
CREATE TABLE denial (
    id         BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id  TEXT COLLATE "C" NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    at         BIGINT           NOT NULL,
    reason     TEXT             NOT NULL,
    ip         TEXT             NOT NULL,
    request_id TEXT             NOT NULL
);

CREATE INDEX denial_key ON denial (client_id, at, id);

-- Grace periods that are running, few at any time.
CREATE INDEX client_secret_expiry ON client_secret (expires_at) WHERE expires_at IS NOT NULL AND retired_at IS NULL;

-- +goose Down

DROP INDEX client_secret_expiry;
DROP TABLE denial;
DROP TABLE usage;
