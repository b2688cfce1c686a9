-- +goose Up

-- Makes the search for a part of a name fast among many keys. Since PostgreSQL 13 every role that may create objects in
-- the database may create the extension, where the server has it installed (package postgresql-contrib).
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX api_key_name_part ON api_key USING gin (name_search gin_trgm_ops);

-- +goose Down

DROP INDEX api_key_name_part;
