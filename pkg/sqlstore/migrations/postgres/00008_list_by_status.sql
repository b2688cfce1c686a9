-- +goose Up

-- The orders of a list that shows active or inactive keys alone: of many keys few may be the one or the other.
CREATE INDEX api_key_by_status_and_created_at ON api_key (tenancy_id, status, created_at, client_id);
CREATE INDEX api_key_by_status_and_name ON api_key (tenancy_id, status, name_search, client_id);

-- +goose Down

DROP INDEX api_key_by_status_and_name;
DROP INDEX api_key_by_status_and_created_at;
