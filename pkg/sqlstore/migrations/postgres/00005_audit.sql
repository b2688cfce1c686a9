-- +goose Up

-- Where the log begins since old events were taken out; no row as long as it begins with its first event. proof is signed by
-- the service, so that nobody else can move the beginning.
CREATE TABLE log_base (
    id        SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq       BIGINT NOT NULL,
    hash      BYTEA NOT NULL CHECK (length(hash) = 32),
    pruned_at BIGINT NOT NULL,
    proof     TEXT NOT NULL
);

-- One for each way to search the log. All end with seq: pages are read newest first, from where the last one ended.
CREATE INDEX event_by_tenancy_kind ON event (tenancy_id, subject_kind, seq);
CREATE INDEX event_by_tenancy_subject ON event (tenancy_id, subject_id, seq);
CREATE INDEX event_by_tenancy_actor ON event (tenancy_id, actor_id, seq);
CREATE INDEX event_by_tenancy_actor_name ON event (tenancy_id, actor_name, seq);
CREATE INDEX event_by_tenancy_action ON event (tenancy_id, action, seq);

-- Tells at which seq a time begins.
CREATE INDEX event_by_time ON event (at, seq);

DROP INDEX event_by_subject;

-- +goose Down

CREATE INDEX event_by_subject ON event (subject_kind, subject_id, seq);
DROP INDEX event_by_time;
DROP INDEX event_by_tenancy_action;
DROP INDEX event_by_tenancy_actor_name;
DROP INDEX event_by_tenancy_actor;
DROP INDEX event_by_tenancy_subject;
DROP INDEX event_by_tenancy_kind;
DROP TABLE log_base;
