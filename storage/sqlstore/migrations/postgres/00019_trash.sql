-- What people deleted, kept for a while so that it can be undone. total is the sum of size over all that came into the owner's
-- trash up to this row, so that "the latest so many octets" is a range of an index.

-- +goose Up
CREATE TABLE trash (
    owner_id      BIGINT NOT NULL,
    id            BIGINT NOT NULL,
    calendar_id   BIGINT NOT NULL,
    slug          TEXT COLLATE "C" NOT NULL,
    calendar_name TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    uid           TEXT COLLATE "C" NOT NULL,
    component     TEXT COLLATE "C" NOT NULL,
    by_id         BIGINT NOT NULL,
    deleted       BIGINT NOT NULL,
    total         BIGINT NOT NULL,
    ics           BYTEA NOT NULL,
    PRIMARY KEY (owner_id, id)
);
CREATE INDEX trash_deleted ON trash (owner_id, deleted, id);
CREATE INDEX trash_total ON trash (owner_id, total);
CREATE INDEX trash_old ON trash (deleted);

-- +goose Down
DROP TABLE trash;
