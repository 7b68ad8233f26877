-- Webhooks: addresses outside that are told of changes. Whether anybody is told of what is in a home stands in its row, which every
-- change reads anyway.

-- +goose Up
ALTER TABLE homes ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;

-- wake_at is when the first of the deliveries is due, 0 for none; leased is until when somebody is at it.
CREATE TABLE webhooks (
    owner_id      INTEGER NOT NULL,
    id            INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    old_until     INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    failing_since INTEGER NOT NULL,
    last_ok       INTEGER NOT NULL,
    hold          INTEGER NOT NULL,
    wake_at       INTEGER NOT NULL,
    leased        INTEGER NOT NULL,
    claim         INTEGER NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL,
    url           TEXT NOT NULL,
    label         TEXT NOT NULL,
    kinds         TEXT NOT NULL,
    secret        BLOB NOT NULL,
    old_secret    BLOB NOT NULL,
    PRIMARY KEY (owner_id, id)
) STRICT;
CREATE INDEX webhooks_wake ON webhooks (wake_at) WHERE wake_at > 0;

-- owner_id is whose calendar it is; the webhook may be somebody else's with whom it is shared.
CREATE TABLE webhook_watches (
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    hook_owner  INTEGER NOT NULL,
    hook_id     INTEGER NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, hook_owner, hook_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_watches_hook ON webhook_watches (hook_owner, hook_id);

CREATE TABLE webhook_deliveries (
    owner_id       INTEGER NOT NULL,
    hook_id        INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    about_owner    INTEGER NOT NULL,
    about_calendar INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    tried          INTEGER NOT NULL,
    attempt        INTEGER NOT NULL,
    changes        INTEGER NOT NULL,
    test           INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    state          TEXT NOT NULL,
    message        TEXT NOT NULL,
    error          TEXT NOT NULL,
    body           BLOB NOT NULL,
    PRIMARY KEY (owner_id, hook_id, sequence)
) STRICT;
CREATE INDEX webhook_deliveries_ready ON webhook_deliveries (owner_id, hook_id, sequence) WHERE state = 'ready';
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created);
