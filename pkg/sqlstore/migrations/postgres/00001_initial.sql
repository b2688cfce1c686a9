-- +goose Up

-- Times are microseconds since 1970 in UTC. What a list is ordered by is compared byte by byte (collation "C"), whatever the
-- locale of the database, so that both dialects agree: the forms in which names are unique and sorted are computed by the
-- service.

CREATE TABLE tenancy (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE operator (
    id                 TEXT   NOT NULL PRIMARY KEY,
    tenancy_id         TEXT   NOT NULL REFERENCES tenancy (id),
    email              TEXT   NOT NULL CONSTRAINT operator_email UNIQUE,
    role               TEXT   NOT NULL CHECK (role IN ('admin', 'editor', 'readonly')),
    password_hash      TEXT   NOT NULL,
    session_generation BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

CREATE INDEX operator_tenancy ON operator (tenancy_id);

CREATE TABLE session (
    token      TEXT   NOT NULL PRIMARY KEY,
    data       BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE api_key (
    client_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenancy_id     TEXT             NOT NULL REFERENCES tenancy (id),
    name           TEXT             NOT NULL,
    name_unique    TEXT             NOT NULL,
    name_search    TEXT COLLATE "C" NOT NULL,
    description    TEXT             NOT NULL,
    scopes         TEXT             NOT NULL,
    lifespan_value SMALLINT         NOT NULL,
    lifespan_unit  TEXT             NOT NULL,
    status         TEXT             NOT NULL CHECK (status IN ('active', 'inactive')),
    generation     BIGINT           NOT NULL,
    version        BIGINT           NOT NULL,
    created_at     BIGINT           NOT NULL,
    created_by     TEXT             NOT NULL,
    updated_at     BIGINT           NOT NULL,
    updated_by     TEXT             NOT NULL,
    last_used_at   BIGINT,
    CONSTRAINT api_key_name UNIQUE (tenancy_id, name_unique),
    CONSTRAINT api_key_lifespan CHECK (
        (lifespan_unit = 'hours' AND lifespan_value BETWEEN 1 AND 24)
        OR (lifespan_unit = 'minutes' AND lifespan_value BETWEEN 1 AND 55)
    )
);

-- One for each order of a list; keys that were never used are last in either direction.
CREATE INDEX api_key_by_created_at ON api_key (tenancy_id, created_at, client_id);
CREATE INDEX api_key_by_name ON api_key (tenancy_id, name_search, client_id);
CREATE INDEX api_key_by_last_used_at ON api_key (tenancy_id, last_used_at, client_id);
CREATE INDEX api_key_by_last_used_at_desc ON api_key (tenancy_id, last_used_at DESC NULLS LAST, client_id DESC);

CREATE TABLE client_secret (
    id           TEXT             NOT NULL PRIMARY KEY,
    client_id    TEXT COLLATE "C" NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    digest       BYTEA            NOT NULL CHECK (length(digest) = 32),
    last_four    TEXT             NOT NULL,
    created_at   BIGINT           NOT NULL,
    expires_at   BIGINT,
    retired_at   BIGINT,
    last_used_at BIGINT,
    last_used_ip TEXT             NOT NULL
);

CREATE INDEX client_secret_key ON client_secret (client_id);

CREATE TABLE signing_key (
    kid        TEXT   NOT NULL PRIMARY KEY,
    algorithm  TEXT   NOT NULL CHECK (algorithm = 'ES256'),
    private    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    retire_at  BIGINT
);

-- The ordered log. state_before and state_after are JSON, kept as text because an event's hash covers every byte of them.
CREATE TABLE event (
    seq                BIGINT NOT NULL PRIMARY KEY,
    at                 BIGINT NOT NULL,
    tenancy_id         TEXT   NOT NULL,
    action             TEXT   NOT NULL,
    actor_kind         TEXT   NOT NULL,
    actor_id           TEXT   NOT NULL,
    actor_name         TEXT   NOT NULL,
    ip                 TEXT   NOT NULL,
    user_agent         TEXT   NOT NULL,
    request_id         TEXT   NOT NULL,
    subject_kind       TEXT   NOT NULL,
    subject_id         TEXT   NOT NULL,
    state_before       TEXT,
    state_after        TEXT,
    revoked_client_id  TEXT,
    revoked_generation BIGINT,
    revoked_jti        TEXT,
    revoked_expires_at BIGINT,
    prev_hash          BYTEA  NOT NULL CHECK (length(prev_hash) = 32),
    hash               BYTEA  NOT NULL CHECK (length(hash) = 32)
);

CREATE INDEX event_by_tenancy ON event (tenancy_id, seq);
CREATE INDEX event_by_subject ON event (subject_kind, subject_id, seq);
CREATE INDEX event_revocation ON event (at) WHERE revoked_client_id IS NOT NULL;

-- The newest position of the log. Every change locks this row first.
CREATE TABLE log_head (
    id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT   NOT NULL,
    hash BYTEA    NOT NULL CHECK (length(hash) = 32)
);

INSERT INTO log_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE idempotency_answer (
    caller          TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    request_digest  BYTEA  NOT NULL CHECK (length(request_digest) = 32),
    sealed          BYTEA  NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);

CREATE INDEX idempotency_answer_age ON idempotency_answer (created_at);

-- +goose Down

DROP TABLE idempotency_answer;
DROP TABLE log_head;
DROP TABLE event;
DROP TABLE signing_key;
DROP TABLE client_secret;
DROP TABLE api_key;
DROP TABLE session;
DROP TABLE operator;
DROP TABLE tenancy;
