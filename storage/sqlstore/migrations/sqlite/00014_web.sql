-- What the web pages keep: who is signed in, passwords of single programs, and how people want their pages.

-- +goose Up
CREATE TABLE sessions (
    owner_id   INTEGER NOT NULL,
    credential INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    hash       TEXT NOT NULL PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    agent      TEXT NOT NULL,
    remote     TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_owner ON sessions (owner_id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE app_passwords (
    owner_id INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    used     INTEGER NOT NULL,
    hash     TEXT NOT NULL PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    label    TEXT NOT NULL
) STRICT;
CREATE INDEX app_passwords_owner ON app_passwords (owner_id);

CREATE TABLE settings (
    owner_id INTEGER NOT NULL,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (owner_id, name)
) STRICT, WITHOUT ROWID;
