-- What others may see: how private an object is, as CLASS says, when somebody works, and whose busy times have a public address.

-- +goose Up
ALTER TABLE objects ADD COLUMN privacy INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbox_items ADD COLUMN privacy INTEGER NOT NULL DEFAULT 0;
UPDATE objects SET privacy = CASE WHEN instr(ics, CAST('CLASS:PRIVATE' AS BLOB)) > 0 THEN 2 ELSE 1 END
    WHERE instr(ics, CAST('CLASS:PRIVATE' AS BLOB)) > 0 OR instr(ics, CAST('CLASS:CONFIDENTIAL' AS BLOB)) > 0;
UPDATE inbox_items SET privacy = CASE WHEN instr(ics, CAST('CLASS:PRIVATE' AS BLOB)) > 0 THEN 2 ELSE 1 END
    WHERE instr(ics, CAST('CLASS:PRIVATE' AS BLOB)) > 0 OR instr(ics, CAST('CLASS:CONFIDENTIAL' AS BLOB)) > 0;

ALTER TABLE calendars ADD COLUMN availability TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN public_busy INTEGER NOT NULL DEFAULT 0;
