-- +goose Up

-- Nothing is listed by api_key.last_used_at any more. Replicas of releases before do so until they are replaced, and sort.
DROP INDEX api_key_by_last_used_at, api_key_by_last_used_at_desc, api_key_by_status_and_last_used_at, api_key_by_status_and_last_used_at_desc;

-- +goose Down

CREATE INDEX api_key_by_last_used_at ON api_key (tenancy_id, last_used_at, client_id);
CREATE INDEX api_key_by_last_used_at_desc ON api_key (tenancy_id, last_used_at DESC NULLS LAST, client_id DESC);
CREATE INDEX api_key_by_status_and_last_used_at ON api_key (tenancy_id, status, last_used_at, client_id);
CREATE INDEX api_key_by_status_and_last_used_at_desc ON api_key (tenancy_id, status, last_used_at DESC NULLS LAST, client_id DESC);
