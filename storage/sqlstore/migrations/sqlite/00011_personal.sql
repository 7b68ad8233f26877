-- What is each one's own in calendars that are shared, and the alarms of events that have none.

-- +goose Up
CREATE TABLE personal (
    owner_id    INTEGER NOT NULL,
    object_id   INTEGER NOT NULL,
    user_id     INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    -- whether there is a VALARM in ics
    alarms      INTEGER NOT NULL,
    ics         BLOB NOT NULL,
    PRIMARY KEY (owner_id, object_id, user_id)
) STRICT;
CREATE INDEX personal_seq ON personal (owner_id, calendar_id, user_id, seq);
CREATE INDEX personal_user ON personal (user_id);

-- Whether somebody has something of their own in it: else nobody asks.
ALTER TABLE calendars ADD COLUMN personal INTEGER NOT NULL DEFAULT 0;

-- Alarms for events without any, with a time and of whole days: '' for nothing said, NONE, or ACTION and TRIGGER.
ALTER TABLE calendars ADD COLUMN default_alarm TEXT NOT NULL DEFAULT '';
ALTER TABLE calendars ADD COLUMN default_alarm_day TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN default_alarm TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN default_alarm_day TEXT NOT NULL DEFAULT '';
-- Which alarms are mailed to somebody: '' as the site says, all, or email for those of that action only.
ALTER TABLE principals ADD COLUMN mailed_alarms TEXT NOT NULL DEFAULT '';

-- Made by the server's own pages or API: people are reminded of it unless they said otherwise.
ALTER TABLE objects ADD COLUMN remind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbox_items ADD COLUMN remind INTEGER NOT NULL DEFAULT 0;
