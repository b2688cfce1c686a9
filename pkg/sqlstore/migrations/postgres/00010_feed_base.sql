-- +goose Up

-- What is added to a position of the log to make one of the revocation feed: the time of the last restore from a backup, in
-- microseconds since 1970, so that positions that were given out before it are lower than all after it.
ALTER TABLE log_head ADD COLUMN feed_base BIGINT NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE log_head DROP COLUMN feed_base;
