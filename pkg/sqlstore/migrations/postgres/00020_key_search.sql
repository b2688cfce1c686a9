-- +goose Up

-- What a search compares and sorts by, apart from the rest of a key: ten thousand matches are spread over most pages of the table
-- that they are in, and this one has half as many, which stay in memory.
CREATE TABLE key_search (
    created_at  BIGINT           NOT NULL,
    client_id   TEXT COLLATE "C" NOT NULL,
    tenancy_id  TEXT             NOT NULL,
    status      TEXT             NOT NULL,
    name_search TEXT COLLATE "C" NOT NULL
);

-- It follows api_key by triggers, so that it is right whoever writes: replicas of a version that does not know it do. All of
-- it can be made from api_key at any time. A key keeps its tenancy, its client id and when it was created.

-- +goose StatementBegin
CREATE FUNCTION key_search_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO key_search (created_at, client_id, tenancy_id, status, name_search)
    VALUES (new.created_at, new.client_id, new.tenancy_id, new.status, new.name_search);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION key_search_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE key_search SET status = new.status, name_search = new.name_search
    WHERE tenancy_id = old.tenancy_id AND status = old.status AND client_id = old.client_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION key_search_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM key_search WHERE tenancy_id = old.tenancy_id AND status = old.status AND client_id = old.client_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The triggers first: from the first of them on nobody writes to api_key before this is committed.
CREATE TRIGGER key_search_added AFTER INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION key_search_added();
CREATE TRIGGER key_search_changed AFTER UPDATE OF status, name_search ON api_key FOR EACH ROW
WHEN (new.status <> old.status OR new.name_search <> old.name_search) EXECUTE FUNCTION key_search_changed();
CREATE TRIGGER key_search_removed AFTER DELETE ON api_key FOR EACH ROW EXECUTE FUNCTION key_search_removed();

INSERT INTO key_search (created_at, client_id, tenancy_id, status, name_search)
SELECT created_at, client_id, tenancy_id, status, name_search FROM api_key ORDER BY tenancy_id, name_search;

-- How many names have a part is estimated from a sample, whose usual size can't tell one key in a hundred from none.
ALTER TABLE key_search ALTER COLUMN name_search SET STATISTICS 300;

-- Together these find what matches in a tenancy with few keys beside one with a million, and among few inactive keys beside many
-- active ones: PostgreSQL intersects what both say before it reads a row.
ALTER TABLE key_search ADD PRIMARY KEY (tenancy_id, status, client_id);
CREATE INDEX key_search_part ON key_search USING gin (name_search gin_trgm_ops);
ANALYZE key_search;

-- +goose Down

DROP TRIGGER key_search_removed ON api_key;
DROP TRIGGER key_search_changed ON api_key;
DROP TRIGGER key_search_added ON api_key;
DROP FUNCTION key_search_removed();
DROP FUNCTION key_search_changed();
DROP FUNCTION key_search_added();
DROP TABLE key_search;
