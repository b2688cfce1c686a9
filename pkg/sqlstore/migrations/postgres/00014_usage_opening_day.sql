-- +goose Up

-- What the totals were when a day began, of all keys that were used on it, in one place: an overview of many keys reads that
-- range, and looks into usage_opening's primary key for the others only.
CREATE INDEX usage_opening_day ON usage_opening (day, client_id) INCLUDE (issued, denied);

-- +goose Down

DROP INDEX usage_opening_day;
