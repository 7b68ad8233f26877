-- The alarms by default of those a calendar is shared with, on the side where reminders are planned too: the owner's. Who has some has
-- something of their own in the calendar.

-- +goose Up
ALTER TABLE shares ADD COLUMN default_alarm TEXT NOT NULL DEFAULT '';
ALTER TABLE shares ADD COLUMN default_alarm_day TEXT NOT NULL DEFAULT '';
UPDATE shares SET
    default_alarm = coalesce((SELECT s.default_alarm FROM shared s WHERE s.owner_id = shares.sharee_id AND s.id = shares.id), ''),
    default_alarm_day = coalesce((SELECT s.default_alarm_day FROM shared s WHERE s.owner_id = shares.sharee_id AND s.id = shares.id), '');
UPDATE calendars SET personal = 1 WHERE EXISTS (SELECT 1 FROM shares s WHERE s.owner_id = calendars.owner_id
    AND s.calendar_id = calendars.id AND (s.default_alarm <> '' OR s.default_alarm_day <> ''));

-- Which notification collections hold something: few, and the janitor looks for old notices there.
CREATE INDEX calendars_notices ON calendars (owner_id, id) WHERE kind = 'notification' AND objects > 0;

-- The last SEQUENCE of a meeting that was deleted, for one that is made anew under its UID.
CREATE INDEX trash_uid ON trash (owner_id, uid);
