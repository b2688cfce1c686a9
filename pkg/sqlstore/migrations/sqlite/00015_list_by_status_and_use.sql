-- +goose Up

-- The one order of a list of active or inactive keys alone that had no index: few may be the one or the other, and to find those
-- the list was read to its end.
CREATE INDEX api_key_by_status_and_last_used_at ON api_key (tenancy_id, status, last_used_at, client_id);

-- +goose Down

DROP INDEX api_key_by_status_and_last_used_at;
