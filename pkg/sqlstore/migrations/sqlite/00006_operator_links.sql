-- +goose Up

-- Operators can be deactivated, and set their passwords with one-time links, of which a digest is kept. An operator who was
-- invited has an empty password_hash until then.
ALTER TABLE operator ADD COLUMN status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deactivated'));
ALTER TABLE operator ADD COLUMN link_digest BLOB;
ALTER TABLE operator ADD COLUMN link_expires_at INTEGER;

CREATE UNIQUE INDEX operator_link ON operator (link_digest) WHERE link_digest IS NOT NULL;

-- +goose Down

DROP INDEX operator_link;
ALTER TABLE operator DROP COLUMN link_expires_at;
ALTER TABLE operator DROP COLUMN link_digest;
ALTER TABLE operator DROP COLUMN status;
