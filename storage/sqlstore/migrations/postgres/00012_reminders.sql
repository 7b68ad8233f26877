-- Reminders that it was too late for, and what time zones were when reminders and bounds were computed.

-- +goose Up
CREATE TABLE missed (
    owner_id  BIGINT NOT NULL,
    object_id BIGINT NOT NULL,
    for_user  BIGINT NOT NULL,
    due_at    BIGINT NOT NULL,
    starts    BIGINT NOT NULL,
    ends      BIGINT NOT NULL,
    noted     BIGINT NOT NULL,
    seen      BOOLEAN NOT NULL,
    all_day   BOOLEAN NOT NULL,
    summary   TEXT NOT NULL,
    PRIMARY KEY (owner_id, object_id, for_user, due_at, starts)
);
CREATE INDEX missed_user ON missed (for_user, due_at);
CREATE INDEX missed_noted ON missed (noted);

CREATE TABLE zone_prints (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    print TEXT COLLATE "C" NOT NULL
);
