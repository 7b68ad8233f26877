-- Calendars that are published under a secret address, and those that are filled from addresses elsewhere.

-- +goose Up
CREATE TABLE feeds (
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    busy        INTEGER NOT NULL,
    hash        TEXT NOT NULL PRIMARY KEY,
    label       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX feeds_calendar ON feeds (owner_id, calendar_id);

CREATE TABLE subscriptions (
    owner_id      INTEGER NOT NULL,
    calendar_id   INTEGER NOT NULL,
    every         INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    checked       INTEGER NOT NULL,
    fetched       INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    wake_at       INTEGER NOT NULL,
    claim         INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    url           TEXT NOT NULL,
    etag          TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    digest        TEXT NOT NULL,
    last_error    TEXT NOT NULL,
    PRIMARY KEY (owner_id, calendar_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_wake ON subscriptions (wake_at) WHERE wake_at > 0;

-- What fills a calendar from elsewhere is the only one that writes to it.
ALTER TABLE calendars ADD COLUMN subscribed INTEGER NOT NULL DEFAULT 0;
