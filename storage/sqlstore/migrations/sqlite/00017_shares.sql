-- Calendars that are shared by invitation. What two sides must find is stored on both.

-- +goose Up
CREATE TABLE shares (
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    sharee_id   INTEGER NOT NULL,
    -- of the row in shared
    id          INTEGER NOT NULL,
    via_id      INTEGER NOT NULL,
    privileges  INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    modified    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    uid         TEXT NOT NULL,
    summary     TEXT NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, sharee_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_sharee ON shares (sharee_id);

-- The same in the home of the sharee, who owns these rows.
CREATE TABLE shared (
    owner_id          INTEGER NOT NULL,
    id                INTEGER NOT NULL,
    sharer_id         INTEGER NOT NULL,
    calendar_id       INTEGER NOT NULL,
    via_id            INTEGER NOT NULL,
    privileges        INTEGER NOT NULL,
    created           INTEGER NOT NULL,
    modified          INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    transparent       INTEGER NOT NULL,
    state             TEXT NOT NULL,
    uid               TEXT NOT NULL,
    summary           TEXT NOT NULL,
    display_name      TEXT NOT NULL,
    description       TEXT NOT NULL,
    color             TEXT NOT NULL,
    color_name        TEXT NOT NULL,
    sort_order        TEXT NOT NULL,
    time_zone         TEXT NOT NULL,
    time_zone_id      TEXT NOT NULL,
    default_alarm     TEXT NOT NULL,
    default_alarm_day TEXT NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, sharer_id, calendar_id)
) STRICT;
CREATE INDEX shared_sharer ON shared (sharer_id);

-- A calendar: it is shared with somebody. The notification collection of a home: others share something with its owner.
ALTER TABLE calendars ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
