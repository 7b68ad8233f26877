-- What the JSON API keeps: tokens of programs, answers to requests that may come twice, and which object a deletion was of.

-- +goose Up
CREATE TABLE api_tokens (
    owner_id INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    used     INTEGER NOT NULL,
    hash     TEXT NOT NULL PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    label    TEXT NOT NULL,
    scopes   TEXT NOT NULL
) STRICT;
CREATE INDEX api_tokens_owner ON api_tokens (owner_id);

CREATE TABLE api_requests (
    owner_id INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    lease    INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    key      TEXT NOT NULL,
    request  TEXT NOT NULL,
    ref      TEXT NOT NULL,
    answer   BLOB NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT;
CREATE INDEX api_requests_created ON api_requests (created);

ALTER TABLE tombstones ADD COLUMN object_id INTEGER NOT NULL DEFAULT 0;
