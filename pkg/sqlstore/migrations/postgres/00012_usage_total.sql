-- +goose Up

-- What has been counted for a key so far, and what that was when each of its days of use began, so that the sum over any
-- number of days is a difference, whatever there is to sum up. Replicas of a version that does not know these tables count by
-- the hour only: what they count during an upgrade is missing here.
CREATE TABLE usage_total (
    client_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES api_key (client_id) ON DELETE CASCADE,
    issued    BIGINT           NOT NULL,
    denied    BIGINT           NOT NULL
);

CREATE TABLE usage_opening (
    client_id TEXT COLLATE "C" NOT NULL REFERENCES api_key (client_id) ON DELETE CASCADE,
    day       BIGINT           NOT NULL, -- its beginning, UTC
    issued    BIGINT           NOT NULL,
    denied    BIGINT           NOT NULL,
    PRIMARY KEY (client_id, day) INCLUDE (issued, denied)
);

INSERT INTO usage_total (client_id, issued, denied)
SELECT client_id, SUM(issued), SUM(denied) FROM usage GROUP BY client_id;

INSERT INTO usage_opening (client_id, day, issued, denied)
SELECT client_id, day, SUM(issued) OVER before - issued, SUM(denied) OVER before - denied
FROM (
    SELECT client_id, hour - hour % 86400000000 AS day, SUM(issued) AS issued, SUM(denied) AS denied
    FROM usage GROUP BY client_id, hour - hour % 86400000000
) days
WINDOW before AS (PARTITION BY client_id ORDER BY day);

-- +goose Down

DROP TABLE usage_opening;
DROP TABLE usage_total;
