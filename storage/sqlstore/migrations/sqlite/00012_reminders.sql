-- Reminders that it was too late for, and what time zones were when reminders and bounds were computed.

-- +goose Up
CREATE TABLE missed (
    owner_id  INTEGER NOT NULL,
    object_id INTEGER NOT NULL,
    for_user  INTEGER NOT NULL,
    due_at    INTEGER NOT NULL,
    starts    INTEGER NOT NULL,
    ends      INTEGER NOT NULL,
    noted     INTEGER NOT NULL,
    seen      INTEGER NOT NULL,
    all_day   INTEGER NOT NULL,
    summary   TEXT NOT NULL,
    PRIMARY KEY (owner_id, object_id, for_user, due_at, starts)
) STRICT;
CREATE INDEX missed_user ON missed (for_user, due_at);
CREATE INDEX missed_noted ON missed (noted);

CREATE TABLE zone_prints (
    name  TEXT NOT NULL PRIMARY KEY,
    print TEXT NOT NULL
) STRICT;
