-- +goose Up

-- What the totals were when each of a key's hours of use began, of the last two days: as usage_opening is by the day, for the
-- sum of the last 24 hours. That begins between since and hour of one row of each key that was used in it, both included.
-- It is a table of its own because replicas of a version that does not know it write usage_opening.
CREATE TABLE usage_hour_opening (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    hour      BIGINT           NOT NULL, -- its beginning
    since     BIGINT           NOT NULL, -- the end of the hour of use before it, 0 where none is known
    issued    BIGINT           NOT NULL,
    denied    BIGINT           NOT NULL,
    PRIMARY KEY (client_id, hour)
);

INSERT INTO usage_hour_opening (client_id, hour, since, issued, denied)
SELECT h.client_id, h.hour, COALESCE(LEAD(h.hour) OVER backwards + 3600000000, 0),
    t.issued - SUM(h.issued) OVER backwards, t.denied - SUM(h.denied) OVER backwards
FROM (
    SELECT client_id, hour, SUM(issued) AS issued, SUM(denied) AS denied
    FROM usage WHERE hour >= CAST(extract(epoch FROM now()) AS BIGINT) * 1000000 - 172800000000
    GROUP BY client_id, hour
) h JOIN usage_total t ON t.client_id = h.client_id
WINDOW backwards AS (PARTITION BY h.client_id ORDER BY h.hour DESC);

CREATE INDEX usage_hour_opening_hour ON usage_hour_opening (hour, client_id) INCLUDE (issued, denied);
CREATE INDEX usage_hour_opening_gap ON usage_hour_opening (hour, since, client_id) INCLUDE (issued, denied) WHERE since < hour;

-- +goose Down

DROP TABLE usage_hour_opening;
