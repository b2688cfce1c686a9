-- +goose Up

-- The place in the status lists of a key's present generation, and how many places were given out. Keys that a version of the
-- service stored which does not know the columns have none until one that offers status lists starts.
ALTER TABLE log_head ADD COLUMN status_indexes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN status_index BIGINT;

CREATE UNIQUE INDEX api_key_status_index ON api_key (status_index);

-- +goose Down

DROP INDEX api_key_status_index;
ALTER TABLE api_key DROP COLUMN status_index;
ALTER TABLE log_head DROP COLUMN status_indexes;
