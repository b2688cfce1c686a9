-- +goose Up

-- Token requests that a key may make in a minute; NULL for what is configured. A version of the service that does not know
-- the column leaves it alone.
ALTER TABLE api_key ADD COLUMN rate_limit INTEGER CHECK (rate_limit BETWEEN 1 AND 100000);

-- +goose Down

ALTER TABLE api_key DROP COLUMN rate_limit;
