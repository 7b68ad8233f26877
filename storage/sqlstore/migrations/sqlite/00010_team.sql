-- Calendars of a team, in which who writes a meeting organizes it, and where each organizer's meetings are.

-- +goose Up
ALTER TABLE calendars ADD COLUMN team INTEGER NOT NULL DEFAULT 0;

CREATE TABLE organized (
    owner_id INTEGER NOT NULL,
    uid      TEXT NOT NULL,
    home_id  INTEGER NOT NULL,
    PRIMARY KEY (owner_id, uid)
) STRICT, WITHOUT ROWID;
