-- +goose Up

-- When each key was last used, apart from the key: that changes with every batch of uses, and in the key's own table each of them
-- was written to all of its indexes. What lists by use and overviews select by is here too. A key keeps its tenancy and when it was created.
CREATE TABLE key_use (
    client_id    TEXT    NOT NULL PRIMARY KEY REFERENCES api_key (client_id) ON DELETE CASCADE,
    tenancy_id   TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

-- It follows api_key by triggers, so that it is right whoever writes. Releases before this one record uses in
-- api_key.last_used_at, which later ones neither write nor read.

-- +goose StatementBegin
CREATE TRIGGER key_use_added AFTER INSERT ON api_key BEGIN
    INSERT INTO key_use (client_id, tenancy_id, status, created_at, last_used_at)
    VALUES (new.client_id, new.tenancy_id, new.status, new.created_at, new.last_used_at);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER key_use_switched AFTER UPDATE OF status ON api_key WHEN new.status <> old.status BEGIN
    UPDATE key_use SET status = new.status WHERE client_id = new.client_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER key_use_recorded AFTER UPDATE OF last_used_at ON api_key WHEN new.last_used_at IS NOT NULL BEGIN
    UPDATE key_use SET last_used_at = new.last_used_at
    WHERE client_id = new.client_id AND (last_used_at IS NULL OR last_used_at < new.last_used_at);
END;
-- +goose StatementEnd

INSERT INTO key_use (client_id, tenancy_id, status, created_at, last_used_at)
SELECT client_id, tenancy_id, status, created_at, last_used_at FROM api_key;

CREATE INDEX key_use_by_last_used_at ON key_use (tenancy_id, last_used_at, client_id);
CREATE INDEX key_use_by_status_and_last_used_at ON key_use (tenancy_id, status, last_used_at, client_id);

-- Other processes of releases before list by api_key.last_used_at until they are replaced, and sort.
DROP INDEX api_key_by_last_used_at;
DROP INDEX api_key_by_status_and_last_used_at;

-- +goose Down

CREATE INDEX api_key_by_last_used_at ON api_key (tenancy_id, last_used_at, client_id);
CREATE INDEX api_key_by_status_and_last_used_at ON api_key (tenancy_id, status, last_used_at, client_id);

UPDATE api_key SET last_used_at = u.last_used_at FROM key_use u
WHERE u.client_id = api_key.client_id AND u.last_used_at IS NOT api_key.last_used_at;

DROP TRIGGER key_use_recorded;
DROP TRIGGER key_use_switched;
DROP TRIGGER key_use_added;
DROP TABLE key_use;
