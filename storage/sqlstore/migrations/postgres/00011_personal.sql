-- What is each one's own in calendars that are shared, and the alarms of events that have none.

-- +goose Up
CREATE TABLE personal (
    owner_id    BIGINT NOT NULL,
    object_id   BIGINT NOT NULL,
    user_id     BIGINT NOT NULL,
    calendar_id BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    -- whether there is a VALARM in ics
    alarms      BOOLEAN NOT NULL,
    ics         BYTEA NOT NULL,
    PRIMARY KEY (owner_id, object_id, user_id)
);
CREATE INDEX personal_seq ON personal (owner_id, calendar_id, user_id, seq);
CREATE INDEX personal_user ON personal (user_id);

-- Whether somebody has something of their own in it: else nobody asks.
ALTER TABLE calendars ADD COLUMN personal BOOLEAN NOT NULL DEFAULT false;

-- Alarms for events without any, with a time and of whole days: '' for nothing said, NONE, or ACTION and TRIGGER.
ALTER TABLE calendars ADD COLUMN default_alarm TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE calendars ADD COLUMN default_alarm_day TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN default_alarm TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN default_alarm_day TEXT COLLATE "C" NOT NULL DEFAULT '';
-- Which alarms are mailed to somebody: '' as the site says, all, or email for those of that action only.
ALTER TABLE principals ADD COLUMN mailed_alarms TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Made by the server's own pages or API: people are reminded of it unless they said otherwise.
ALTER TABLE objects ADD COLUMN remind BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE inbox_items ADD COLUMN remind BOOLEAN NOT NULL DEFAULT false;
