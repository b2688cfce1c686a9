-- +goose Up

-- What finds a part of a name without reading all names: an index of three characters in a row. It follows api_key by triggers,
-- so that it is right whoever writes: replicas of a version that does not know it do. All of it can be made from api_key at any
-- time, and nothing that copies the data elsewhere copies these tables.

-- A number for each tenancy that has keys, and how many documents it has been given.
CREATE TABLE search_tenancy (
    number     INTEGER NOT NULL PRIMARY KEY,
    tenancy_id TEXT    NOT NULL UNIQUE,
    documents  INTEGER NOT NULL
) STRICT;

-- A key as the index knows it; columns are called as in api_key, whose rows have no number that outlives a VACUUM. The id is
-- 2^33 times the tenancy's number, and 2^32 if the key is inactive, and a number within the tenancy: what a search has to
-- look at lies together.
CREATE TABLE search_document (
    id          INTEGER NOT NULL PRIMARY KEY,
    client_id   TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    name_search TEXT    NOT NULL
) STRICT;

-- name_search is folded already, so that characters are compared as they are.
CREATE VIRTUAL TABLE search_index USING fts5 (
    name_search, content = 'search_document', content_rowid = 'id', columnsize = 0, tokenize = 'trigram case_sensitive 1'
);

INSERT INTO search_tenancy (tenancy_id, documents) SELECT tenancy_id, COUNT(*) FROM api_key GROUP BY tenancy_id;

INSERT INTO search_document (id, client_id, created_at, name_search)
SELECT (t.number << 33) + ((k.status = 'inactive') << 32) + ROW_NUMBER() OVER (PARTITION BY t.number ORDER BY k.created_at, k.client_id),
    k.client_id, k.created_at, k.name_search
FROM api_key k JOIN search_tenancy t ON t.tenancy_id = k.tenancy_id;

INSERT INTO search_index (search_index) VALUES ('rebuild');

-- +goose StatementBegin
CREATE TRIGGER search_document_added AFTER INSERT ON search_document BEGIN
    INSERT INTO search_index (rowid, name_search) VALUES (new.id, new.name_search);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_document_changed AFTER UPDATE ON search_document BEGIN
    INSERT INTO search_index (search_index, rowid, name_search) VALUES ('delete', old.id, old.name_search);
    INSERT INTO search_index (rowid, name_search) VALUES (new.id, new.name_search);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_document_removed AFTER DELETE ON search_document BEGIN
    INSERT INTO search_index (search_index, rowid, name_search) VALUES ('delete', old.id, old.name_search);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER api_key_added AFTER INSERT ON api_key BEGIN
    INSERT INTO search_tenancy (tenancy_id, documents)
    SELECT new.tenancy_id, 0 WHERE NOT EXISTS (SELECT 1 FROM search_tenancy WHERE tenancy_id = new.tenancy_id);
    UPDATE search_tenancy SET documents = documents + 1 WHERE tenancy_id = new.tenancy_id;
    INSERT INTO search_document (id, client_id, created_at, name_search)
    SELECT (number << 33) + ((new.status = 'inactive') << 32) + documents, new.client_id, new.created_at, new.name_search
    FROM search_tenancy WHERE tenancy_id = new.tenancy_id;
END;
-- +goose StatementEnd

-- A key keeps its tenancy, its client id and when it was created.
-- +goose StatementBegin
CREATE TRIGGER api_key_renamed AFTER UPDATE OF name_search ON api_key WHEN new.name_search <> old.name_search BEGIN
    UPDATE search_document SET name_search = new.name_search WHERE client_id = new.client_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER api_key_switched AFTER UPDATE OF status ON api_key WHEN new.status <> old.status BEGIN
    UPDATE search_document SET id = id + (((new.status = 'inactive') - (old.status = 'inactive')) << 32) WHERE client_id = new.client_id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER api_key_removed AFTER DELETE ON api_key BEGIN
    DELETE FROM search_document WHERE client_id = old.client_id;
END;
-- +goose StatementEnd

-- +goose Down

DROP TRIGGER api_key_removed;
DROP TRIGGER api_key_switched;
DROP TRIGGER api_key_renamed;
DROP TRIGGER api_key_added;
DROP TABLE search_index;
DROP TABLE search_document;
DROP TABLE search_tenancy;
