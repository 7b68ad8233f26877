-- What mail needs beyond the queue: which message is the first to its recipient, what recipients were told last, and
-- mail that waits for its owner to decide.

-- +goose Up
ALTER TABLE outbox ADD COLUMN opens INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_ended ON outbox (created) WHERE state IN ('done', 'failed');

ALTER TABLE inbound ADD COLUMN recipient TEXT NOT NULL DEFAULT '';
ALTER TABLE inbound ADD COLUMN state TEXT NOT NULL DEFAULT '';
CREATE INDEX inbound_received ON inbound (received);
CREATE INDEX inbound_waiting ON inbound (owner_id, received) WHERE state <> '';

CREATE TABLE mailed (
    owner_id  INTEGER NOT NULL,
    object_id INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    first_id  TEXT NOT NULL,
    method    TEXT NOT NULL,
    view      BLOB NOT NULL,
    PRIMARY KEY (owner_id, recipient, object_id)
) STRICT;
