-- What mail needs beyond the queue: which message is the first to its recipient, what recipients were told last, and
-- mail that waits for its owner to decide.

-- +goose Up
ALTER TABLE outbox ADD COLUMN opens BIGINT NOT NULL DEFAULT 0;
CREATE INDEX outbox_ended ON outbox (created) WHERE state IN ('done', 'failed');

ALTER TABLE inbound ADD COLUMN recipient TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE inbound ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX inbound_received ON inbound (received);
CREATE INDEX inbound_waiting ON inbound (owner_id, received) WHERE state <> '';

CREATE TABLE mailed (
    owner_id  BIGINT NOT NULL,
    object_id BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    first_id  TEXT NOT NULL,
    method    TEXT COLLATE "C" NOT NULL,
    view      BYTEA NOT NULL,
    PRIMARY KEY (owner_id, recipient, object_id)
);
