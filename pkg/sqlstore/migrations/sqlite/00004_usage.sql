-- +goose Up

-- What happened to a key in an hour, by the secret that was used; secret_id is empty for what was denied.
CREATE TABLE usage (
    client_id TEXT    NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    secret_id TEXT    NOT NULL,
    hour      INTEGER NOT NULL,
    issued    INTEGER NOT NULL,
    denied    INTEGER NOT NULL,
    PRIMARY KEY (client_id, hour, secret_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_hour ON usage (hour);

-- The latest denials of each key.
CREATE TABLE denial (
    id         INTEGER NOT NULL PRIMARY KEY,
    client_id  TEXT    NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    ip         TEXT    NOT NULL,
    request_id TEXT    NOT NULL
) STRICT;

CREATE INDEX denial_key ON denial (client_id, at, id);

-- Grace periods that are running, few at any time.
CREATE INDEX client_secret_expiry ON client_secret (expires_at) WHERE expires_at IS NOT NULL AND retired_at IS NULL;

-- +goose Down

DROP INDEX client_secret_expiry;
DROP TABLE denial;
DROP TABLE usage;
