-- +goose Up

-- When each key was last used, apart from the key: that changes with every batch of uses, and in the key's own table each of them
-- was written to all of its indexes. What lists by use and overviews select by is here too. A key keeps its tenancy and when it was created.
CREATE TABLE key_use (
    client_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES api_key (client_id) ON DELETE CASCADE,
    tenancy_id   TEXT             NOT NULL,
    status       TEXT             NOT NULL,
    created_at   BIGINT           NOT NULL,
    last_used_at BIGINT
);

-- It follows api_key by triggers, so that it is right whoever writes. Releases before this one record uses in
-- api_key.last_used_at, which later ones neither write nor read.

-- +goose StatementBegin
CREATE FUNCTION key_use_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO key_use (client_id, tenancy_id, status, created_at, last_used_at)
    VALUES (new.client_id, new.tenancy_id, new.status, new.created_at, new.last_used_at);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION key_use_switched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE key_use SET status = new.status WHERE client_id = new.client_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION key_use_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE key_use SET last_used_at = new.last_used_at
    WHERE client_id = new.client_id AND (last_used_at IS NULL OR last_used_at < new.last_used_at);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The triggers first: from the first of them on nobody writes to api_key before this is committed.
CREATE TRIGGER key_use_added AFTER INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION key_use_added();
CREATE TRIGGER key_use_switched AFTER UPDATE OF status ON api_key FOR EACH ROW
WHEN (new.status <> old.status) EXECUTE FUNCTION key_use_switched();
CREATE TRIGGER key_use_recorded AFTER UPDATE OF last_used_at ON api_key FOR EACH ROW
WHEN (new.last_used_at IS NOT NULL) EXECUTE FUNCTION key_use_recorded();

INSERT INTO key_use (client_id, tenancy_id, status, created_at, last_used_at)
SELECT client_id, tenancy_id, status, created_at, last_used_at FROM api_key;

-- Keys that were never used are last in either direction.
CREATE INDEX key_use_by_last_used_at ON key_use (tenancy_id, last_used_at, client_id);
CREATE INDEX key_use_by_last_used_at_desc ON key_use (tenancy_id, last_used_at DESC NULLS LAST, client_id DESC);
CREATE INDEX key_use_by_status_and_last_used_at ON key_use (tenancy_id, status, last_used_at, client_id);
CREATE INDEX key_use_by_status_and_last_used_at_desc ON key_use (tenancy_id, status, last_used_at DESC NULLS LAST, client_id DESC);
ANALYZE key_use;

-- A secret is written to whenever it is used, too. With some room beside it in its page that touches no index.
ALTER TABLE client_secret SET (fillfactor = 80);

-- +goose Down

UPDATE api_key SET last_used_at = u.last_used_at FROM key_use u
WHERE u.client_id = api_key.client_id AND u.last_used_at IS DISTINCT FROM api_key.last_used_at;

ALTER TABLE client_secret RESET (fillfactor);
DROP TRIGGER key_use_recorded ON api_key;
DROP TRIGGER key_use_switched ON api_key;
DROP TRIGGER key_use_added ON api_key;
DROP FUNCTION key_use_recorded();
DROP FUNCTION key_use_switched();
DROP FUNCTION key_use_added();
DROP TABLE key_use;
