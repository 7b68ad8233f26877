-- What people deleted, kept for a while so that it can be undone. total is the sum of size over all that came into the owner's
-- trash up to this row, so that "the latest so many octets" is a range of an index.

-- +goose Up
CREATE TABLE trash (
    owner_id      INTEGER NOT NULL,
    id            INTEGER NOT NULL,
    calendar_id   INTEGER NOT NULL,
    slug          TEXT NOT NULL,
    calendar_name TEXT NOT NULL,
    name          TEXT NOT NULL,
    uid           TEXT NOT NULL,
    component     TEXT NOT NULL,
    by_id         INTEGER NOT NULL,
    deleted       INTEGER NOT NULL,
    total         INTEGER NOT NULL,
    ics           BLOB NOT NULL,
    PRIMARY KEY (owner_id, id)
) STRICT;
CREATE INDEX trash_deleted ON trash (owner_id, deleted, id);
CREATE INDEX trash_total ON trash (owner_id, total);
CREATE INDEX trash_old ON trash (deleted);

-- +goose Down
DROP TABLE trash;
