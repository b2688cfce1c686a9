-- +goose Up

-- What is counted for a key is removed with it by a trigger instead of by foreign keys, which looked the key up for each row that a
-- batch of uses writes, though the batch has locked it. Whoever counts locks the keys first, releases before this one too, so that
-- no count outlives its key.

-- Batches lock keys before they count: so does this, or each would wait for the other.
LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE;

-- +goose StatementBegin
CREATE FUNCTION counts_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM usage WHERE client_id = old.client_id;
    DELETE FROM usage_opening WHERE client_id = old.client_id;
    DELETE FROM usage_hour_opening WHERE client_id = old.client_id;
    DELETE FROM usage_total WHERE client_id = old.client_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER counts_removed AFTER DELETE ON api_key FOR EACH ROW EXECUTE FUNCTION counts_removed();

ALTER TABLE usage DROP CONSTRAINT usage_client_id_fkey;
ALTER TABLE usage_opening DROP CONSTRAINT usage_opening_client_id_fkey;
ALTER TABLE usage_hour_opening DROP CONSTRAINT usage_hour_opening_client_id_fkey;
ALTER TABLE usage_total DROP CONSTRAINT usage_total_client_id_fkey;

-- +goose Down

LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE;
ALTER TABLE usage_total ADD CONSTRAINT usage_total_client_id_fkey FOREIGN KEY (client_id) REFERENCES api_key (client_id) ON DELETE CASCADE;
ALTER TABLE usage_hour_opening ADD CONSTRAINT usage_hour_opening_client_id_fkey FOREIGN KEY (client_id) REFERENCES api_key (client_id) ON DELETE CASCADE;
ALTER TABLE usage_opening ADD CONSTRAINT usage_opening_client_id_fkey FOREIGN KEY (client_id) REFERENCES api_key (client_id) ON DELETE CASCADE;
ALTER TABLE usage ADD CONSTRAINT usage_client_id_fkey FOREIGN KEY (client_id) REFERENCES api_key (client_id) ON DELETE CASCADE;
DROP TRIGGER counts_removed ON api_key;
DROP FUNCTION counts_removed();
