-- Calendars of a team, in which who writes a meeting organizes it, and where each organizer's meetings are.

-- +goose Up
ALTER TABLE calendars ADD COLUMN team BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE organized (
    owner_id BIGINT NOT NULL,
    uid      TEXT COLLATE "C" NOT NULL,
    home_id  BIGINT NOT NULL,
    PRIMARY KEY (owner_id, uid)
);
