-- +goose Up

-- Nothing is listed by api_key.last_used_at any more, or searched for in api_key. Replicas of releases before do so until they are
-- replaced, and read all keys. This is a migration of its own because nobody can read keys while it takes place, and because a change
-- that has read a key and waits for the tables to be filled would be waited for in turn.
DROP INDEX api_key_by_last_used_at, api_key_by_last_used_at_desc, api_key_by_status_and_last_used_at, api_key_by_status_and_last_used_at_desc,
    api_key_name_part;

-- +goose Down

CREATE INDEX api_key_name_part ON api_key USING gin (name_search gin_trgm_ops);
CREATE INDEX api_key_by_last_used_at ON api_key (tenancy_id, last_used_at, client_id);
CREATE INDEX api_key_by_last_used_at_desc ON api_key (tenancy_id, last_used_at DESC NULLS LAST, client_id DESC);
CREATE INDEX api_key_by_status_and_last_used_at ON api_key (tenancy_id, status, last_used_at, client_id);
CREATE INDEX api_key_by_status_and_last_used_at_desc ON api_key (tenancy_id, status, last_used_at DESC NULLS LAST, client_id DESC);
