-- +goose Up

-- What the totals were when each of a key's hours of use began, of the last two days: as usage_opening is by the day, for the
-- sum of the last 24 hours. It is a table of its own because replicas of a version that does not know it write usage_opening.
CREATE TABLE usage_hour_opening (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    hour      BIGINT           NOT NULL, -- its beginning
    issued    BIGINT           NOT NULL,
    denied    BIGINT           NOT NULL,
    PRIMARY KEY (client_id, hour) INCLUDE (issued, denied)
);

INSERT INTO usage_hour_opening (client_id, hour, issued, denied)
SELECT h.client_id, h.hour, t.issued - SUM(h.issued) OVER since, t.denied - SUM(h.denied) OVER since
FROM (
    SELECT client_id, hour, SUM(issued) AS issued, SUM(denied) AS denied
    FROM usage WHERE hour >= CAST(extract(epoch FROM now()) AS BIGINT) * 1000000 - 172800000000
    GROUP BY client_id, hour
) h JOIN usage_total t ON t.client_id = h.client_id
WINDOW since AS (PARTITION BY h.client_id ORDER BY h.hour DESC);

CREATE INDEX usage_hour_opening_hour ON usage_hour_opening (hour, client_id) INCLUDE (issued, denied);

-- +goose Down

DROP TABLE usage_hour_opening;
