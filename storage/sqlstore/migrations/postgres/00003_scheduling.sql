-- Rooms and resources that answer, people who act for others, groups that are invited.

-- +goose Up
ALTER TABLE principals ADD COLUMN answer TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN book_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE principals ADD COLUMN book_group BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calendars ADD COLUMN own_client BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE delegates (
    principal_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    delegate_id  BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    may_write    BOOLEAN NOT NULL,
    PRIMARY KEY (principal_id, delegate_id)
);
CREATE INDEX delegates_delegate ON delegates (delegate_id, principal_id);

-- The objects that invite a group: how its new members find their meetings.
CREATE TABLE group_meetings (
    owner_id  BIGINT NOT NULL,
    object_id BIGINT NOT NULL,
    group_id  BIGINT NOT NULL,
    PRIMARY KEY (owner_id, object_id, group_id)
);
CREATE INDEX group_meetings_group ON group_meetings (group_id);
