-- Calendars that are shared by invitation. What two sides must find is stored on both.

-- +goose Up
CREATE TABLE shares (
    owner_id    BIGINT NOT NULL,
    calendar_id BIGINT NOT NULL,
    sharee_id   BIGINT NOT NULL,
    -- of the row in shared
    id          BIGINT NOT NULL,
    via_id      BIGINT NOT NULL,
    privileges  BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    modified    BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    uid         TEXT COLLATE "C" NOT NULL,
    summary     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, sharee_id)
);
CREATE INDEX shares_sharee ON shares (sharee_id);

-- The same in the home of the sharee, who owns these rows.
CREATE TABLE shared (
    owner_id          BIGINT NOT NULL,
    id                BIGINT NOT NULL,
    sharer_id         BIGINT NOT NULL,
    calendar_id       BIGINT NOT NULL,
    via_id            BIGINT NOT NULL,
    privileges        BIGINT NOT NULL,
    created           BIGINT NOT NULL,
    modified          BIGINT NOT NULL,
    seq               BIGINT NOT NULL,
    transparent       BOOLEAN NOT NULL,
    state             TEXT COLLATE "C" NOT NULL,
    uid               TEXT COLLATE "C" NOT NULL,
    summary           TEXT COLLATE "C" NOT NULL,
    display_name      TEXT COLLATE "C" NOT NULL,
    description       TEXT COLLATE "C" NOT NULL,
    color             TEXT COLLATE "C" NOT NULL,
    color_name        TEXT COLLATE "C" NOT NULL,
    sort_order        TEXT COLLATE "C" NOT NULL,
    time_zone         TEXT COLLATE "C" NOT NULL,
    time_zone_id      TEXT COLLATE "C" NOT NULL,
    default_alarm     TEXT COLLATE "C" NOT NULL,
    default_alarm_day TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, sharer_id, calendar_id)
);
CREATE INDEX shared_sharer ON shared (sharer_id);

-- A calendar: it is shared with somebody. The notification collection of a home: others share something with its owner.
ALTER TABLE calendars ADD COLUMN shared BOOLEAN NOT NULL DEFAULT false;
