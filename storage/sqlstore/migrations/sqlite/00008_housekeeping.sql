-- Housekeeping: when a tombstone was set up, indexes by age, and which server does it.

-- +goose Up
ALTER TABLE tombstones ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
UPDATE tombstones SET removed = CAST(strftime('%s', 'now') AS INTEGER) * 1000000;
CREATE INDEX tombstones_removed ON tombstones (removed);
CREATE INDEX inbox_items_created ON inbox_items (created);
CREATE INDEX reminders_dormant ON reminders (fired_through) WHERE state = 'dormant';
CREATE INDEX mailed_at ON mailed (at);
CREATE INDEX api_tokens_expires ON api_tokens (expires) WHERE expires > 0;

CREATE TABLE leases (
    until  INTEGER NOT NULL,
    name   TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL
) STRICT, WITHOUT ROWID;
