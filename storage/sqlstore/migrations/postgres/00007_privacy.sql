-- What others may see: how private an object is, as CLASS says, when somebody works, and whose busy times have a public address.

-- +goose Up
ALTER TABLE objects ADD COLUMN privacy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inbox_items ADD COLUMN privacy BIGINT NOT NULL DEFAULT 0;
UPDATE objects SET privacy = CASE WHEN position('CLASS:PRIVATE'::bytea IN ics) > 0 THEN 2 ELSE 1 END
    WHERE position('CLASS:PRIVATE'::bytea IN ics) > 0 OR position('CLASS:CONFIDENTIAL'::bytea IN ics) > 0;
UPDATE inbox_items SET privacy = CASE WHEN position('CLASS:PRIVATE'::bytea IN ics) > 0 THEN 2 ELSE 1 END
    WHERE position('CLASS:PRIVATE'::bytea IN ics) > 0 OR position('CLASS:CONFIDENTIAL'::bytea IN ics) > 0;

ALTER TABLE calendars ADD COLUMN availability TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN public_busy BOOLEAN NOT NULL DEFAULT false;
