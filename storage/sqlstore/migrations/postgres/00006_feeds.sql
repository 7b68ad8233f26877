-- Calendars that are published under a secret address, and those that are filled from addresses elsewhere.

-- +goose Up
CREATE TABLE feeds (
    owner_id    BIGINT NOT NULL,
    calendar_id BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    busy        BOOLEAN NOT NULL,
    hash        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    label       TEXT NOT NULL
);
CREATE INDEX feeds_calendar ON feeds (owner_id, calendar_id);

CREATE TABLE subscriptions (
    owner_id      BIGINT NOT NULL,
    calendar_id   BIGINT NOT NULL,
    every         BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    checked       BIGINT NOT NULL,
    fetched       BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    wake_at       BIGINT NOT NULL,
    claim         BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    url           TEXT COLLATE "C" NOT NULL,
    etag          TEXT COLLATE "C" NOT NULL,
    last_modified TEXT COLLATE "C" NOT NULL,
    digest        TEXT COLLATE "C" NOT NULL,
    last_error    TEXT NOT NULL,
    PRIMARY KEY (owner_id, calendar_id)
);
CREATE INDEX subscriptions_wake ON subscriptions (wake_at) WHERE wake_at > 0;

-- What fills a calendar from elsewhere is the only one that writes to it.
ALTER TABLE calendars ADD COLUMN subscribed BOOLEAN NOT NULL DEFAULT FALSE;
