-- What the web pages keep: who is signed in, passwords of single programs, and how people want their pages.

-- +goose Up
CREATE TABLE sessions (
    owner_id   BIGINT NOT NULL,
    credential BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    used       BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    agent      TEXT NOT NULL,
    remote     TEXT NOT NULL
);
CREATE INDEX sessions_owner ON sessions (owner_id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE app_passwords (
    owner_id BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    used     BIGINT NOT NULL,
    hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL UNIQUE,
    label    TEXT NOT NULL
);
CREATE INDEX app_passwords_owner ON app_passwords (owner_id);

CREATE TABLE settings (
    owner_id BIGINT NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (owner_id, name)
);
