-- Rooms and resources that answer, people who act for others, groups that are invited.

-- +goose Up
ALTER TABLE principals ADD COLUMN answer TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN book_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE principals ADD COLUMN book_group INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendars ADD COLUMN own_client INTEGER NOT NULL DEFAULT 0;

CREATE TABLE delegates (
    principal_id INTEGER NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    delegate_id  INTEGER NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    may_write    INTEGER NOT NULL,
    PRIMARY KEY (principal_id, delegate_id)
) STRICT;
CREATE INDEX delegates_delegate ON delegates (delegate_id, principal_id);

-- The objects that invite a group: how its new members find their meetings.
CREATE TABLE group_meetings (
    owner_id  INTEGER NOT NULL,
    object_id INTEGER NOT NULL,
    group_id  INTEGER NOT NULL,
    PRIMARY KEY (owner_id, object_id, group_id)
) STRICT;
CREATE INDEX group_meetings_group ON group_meetings (group_id);
