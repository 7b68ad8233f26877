-- Webhooks: addresses outside that are told of changes. Whether anybody is told of what is in a home stands in its row, which every
-- change reads anyway.

-- +goose Up
ALTER TABLE homes ADD COLUMN watched BIGINT NOT NULL DEFAULT 0;

-- wake_at is when the first of the deliveries is due, 0 for none; leased is until when somebody is at it.
CREATE TABLE webhooks (
    owner_id      BIGINT NOT NULL,
    id            BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    old_until     BIGINT NOT NULL,
    sequence      BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    failing_since BIGINT NOT NULL,
    last_ok       BIGINT NOT NULL,
    hold          BIGINT NOT NULL,
    wake_at       BIGINT NOT NULL,
    leased        BIGINT NOT NULL,
    claim         BIGINT NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    reason        TEXT COLLATE "C" NOT NULL,
    url           TEXT COLLATE "C" NOT NULL,
    label         TEXT COLLATE "C" NOT NULL,
    kinds         TEXT COLLATE "C" NOT NULL,
    secret        BYTEA NOT NULL,
    old_secret    BYTEA NOT NULL,
    PRIMARY KEY (owner_id, id)
);
CREATE INDEX webhooks_wake ON webhooks (wake_at) WHERE wake_at > 0;

-- owner_id is whose calendar it is; the webhook may be somebody else's with whom it is shared.
CREATE TABLE webhook_watches (
    owner_id    BIGINT NOT NULL,
    calendar_id BIGINT NOT NULL,
    hook_owner  BIGINT NOT NULL,
    hook_id     BIGINT NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, hook_owner, hook_id)
);
CREATE INDEX webhook_watches_hook ON webhook_watches (hook_owner, hook_id);

CREATE TABLE webhook_deliveries (
    owner_id       BIGINT NOT NULL,
    hook_id        BIGINT NOT NULL,
    sequence       BIGINT NOT NULL,
    about_owner    BIGINT NOT NULL,
    about_calendar BIGINT NOT NULL,
    created        BIGINT NOT NULL,
    due_at         BIGINT NOT NULL,
    tried          BIGINT NOT NULL,
    attempt        BIGINT NOT NULL,
    changes        BIGINT NOT NULL,
    test           BIGINT NOT NULL,
    status         BIGINT NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    message        TEXT COLLATE "C" NOT NULL,
    error          TEXT COLLATE "C" NOT NULL,
    body           BYTEA NOT NULL,
    PRIMARY KEY (owner_id, hook_id, sequence)
);
CREATE INDEX webhook_deliveries_ready ON webhook_deliveries (owner_id, hook_id, sequence) WHERE state = 'ready';
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created);
