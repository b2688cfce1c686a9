-- +goose Up

-- How an OpenID Connect provider calls an operator: its issuer and the person's subject there. Who has such an identity has
-- no password_hash. A version of the service that does not know the columns takes them for operators who were invited.
ALTER TABLE operator ADD COLUMN identity_issuer TEXT;
ALTER TABLE operator ADD COLUMN identity_subject TEXT;

CREATE UNIQUE INDEX operator_identity ON operator (identity_issuer, identity_subject) WHERE identity_subject IS NOT NULL;

-- +goose Down

DROP INDEX operator_identity;
ALTER TABLE operator DROP COLUMN identity_subject;
ALTER TABLE operator DROP COLUMN identity_issuer;
