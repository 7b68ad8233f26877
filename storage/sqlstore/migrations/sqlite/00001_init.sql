-- The directory: found by name, by address or by group.

-- +goose Up
CREATE TABLE principals (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    created      INTEGER NOT NULL,
    admin        INTEGER NOT NULL,
    name         TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email        TEXT NOT NULL,
    time_zone    TEXT NOT NULL,
    language     TEXT NOT NULL,
    -- name, display name and addresses in lower case, for looking people up
    search       TEXT NOT NULL
) STRICT;

CREATE TABLE addresses (
    address      TEXT NOT NULL PRIMARY KEY,
    principal_id INTEGER NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    position     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX addresses_principal ON addresses (principal_id, position);

CREATE TABLE credentials (
    principal_id INTEGER PRIMARY KEY REFERENCES principals (id) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    hash         TEXT NOT NULL
) STRICT;

CREATE TABLE members (
    group_id  INTEGER NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    member_id INTEGER NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_member ON members (member_id, group_id);

-- Calendar data: owner_id leads every key, and the row of homes is the lock of everything an owner has. There are
-- no foreign keys here: the lock does their work.

CREATE TABLE homes (
    owner_id INTEGER PRIMARY KEY,
    seq      INTEGER NOT NULL
) STRICT;

CREATE TABLE calendars (
    owner_id     INTEGER NOT NULL,
    id           INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    floor        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    objects      INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    transparent  INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    slug         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    color        TEXT NOT NULL,
    sort_order   TEXT NOT NULL,
    components   TEXT NOT NULL,
    time_zone_id TEXT NOT NULL,
    default_slug TEXT NOT NULL,
    time_zone    TEXT NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, slug)
) STRICT;

CREATE TABLE objects (
    owner_id     INTEGER NOT NULL,
    calendar_id  INTEGER NOT NULL,
    id           INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    first_start  INTEGER NOT NULL,
    last_end     INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    modified     INTEGER NOT NULL,
    -- duration class of [first_start, last_end), see range.go
    class        INTEGER NOT NULL,
    busy         INTEGER NOT NULL,
    floating     INTEGER NOT NULL,
    recurring    INTEGER NOT NULL,
    name         TEXT NOT NULL,
    uid          TEXT NOT NULL,
    component    TEXT NOT NULL,
    method       TEXT NOT NULL,
    etag         TEXT NOT NULL,
    schedule_tag TEXT NOT NULL,
    organizer    TEXT NOT NULL,
    zones        TEXT NOT NULL,
    series       BLOB NOT NULL,
    ics          BLOB NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, calendar_id, name),
    UNIQUE (owner_id, uid, calendar_id)
) STRICT;
CREATE INDEX objects_seq ON objects (owner_id, calendar_id, seq);
CREATE INDEX objects_range ON objects (owner_id, calendar_id, class, first_start);

CREATE TABLE inbox_items (
    owner_id     INTEGER NOT NULL,
    calendar_id  INTEGER NOT NULL,
    id           INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    first_start  INTEGER NOT NULL,
    last_end     INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    modified     INTEGER NOT NULL,
    class        INTEGER NOT NULL,
    busy         INTEGER NOT NULL,
    floating     INTEGER NOT NULL,
    recurring    INTEGER NOT NULL,
    name         TEXT NOT NULL,
    uid          TEXT NOT NULL,
    component    TEXT NOT NULL,
    method       TEXT NOT NULL,
    etag         TEXT NOT NULL,
    schedule_tag TEXT NOT NULL,
    organizer    TEXT NOT NULL,
    zones        TEXT NOT NULL,
    series       BLOB NOT NULL,
    ics          BLOB NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, calendar_id, name)
) STRICT;
CREATE INDEX inbox_items_seq ON inbox_items (owner_id, calendar_id, seq);

CREATE TABLE tombstones (
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    name        TEXT NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_seq ON tombstones (owner_id, calendar_id, seq);

CREATE TABLE properties (
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    object_id   INTEGER NOT NULL,
    user_id     INTEGER NOT NULL,
    space       TEXT NOT NULL,
    local       TEXT NOT NULL,
    xml         BLOB NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, object_id, user_id, space, local)
) STRICT, WITHOUT ROWID;

-- Queues. wake_at is when a row may be claimed next: its due time, or the end of its lease.

CREATE TABLE reminders (
    owner_id      INTEGER NOT NULL,
    object_id     INTEGER NOT NULL,
    for_user      INTEGER NOT NULL,
    calendar_id   INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    wake_at       INTEGER NOT NULL,
    fired_through INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    claim         INTEGER NOT NULL,
    alarm         TEXT NOT NULL,
    state         TEXT NOT NULL,
    last_error    TEXT NOT NULL,
    PRIMARY KEY (owner_id, object_id, for_user, alarm)
) STRICT, WITHOUT ROWID;
CREATE INDEX reminders_wake ON reminders (wake_at) WHERE state IN ('ready', 'leased');

CREATE TABLE outbox (
    owner_id   INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    object_id  INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    wake_at    INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    merge_key  TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    uid        TEXT NOT NULL,
    state      TEXT NOT NULL,
    last_error TEXT NOT NULL,
    payload    BLOB NOT NULL,
    PRIMARY KEY (owner_id, id)
) STRICT;
CREATE INDEX outbox_wake ON outbox (wake_at) WHERE state IN ('ready', 'leased');
CREATE UNIQUE INDEX outbox_merge ON outbox (owner_id, merge_key) WHERE merge_key <> '' AND state = 'ready';

CREATE TABLE inbound (
    owner_id INTEGER NOT NULL,
    received INTEGER NOT NULL,
    key      TEXT NOT NULL,
    sender   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    message  BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;

-- Server-wide values: secrets, and numbers such as the database's epoch.

CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
