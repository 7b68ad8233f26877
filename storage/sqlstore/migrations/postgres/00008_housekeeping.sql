-- Housekeeping: when a tombstone was set up, indexes by age, and which server does it.

-- +goose Up
ALTER TABLE tombstones ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;
UPDATE tombstones SET removed = CAST(extract(epoch FROM now()) AS BIGINT) * 1000000;
CREATE INDEX tombstones_removed ON tombstones (removed);
CREATE INDEX inbox_items_created ON inbox_items (created);
CREATE INDEX reminders_dormant ON reminders (fired_through) WHERE state = 'dormant';
CREATE INDEX mailed_at ON mailed (at);
CREATE INDEX api_tokens_expires ON api_tokens (expires) WHERE expires > 0;

CREATE TABLE leases (
    until  BIGINT NOT NULL,
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL
);
