-- What the JSON API keeps: tokens of programs, answers to requests that may come twice, and which object a deletion was of.

-- +goose Up
CREATE TABLE api_tokens (
    owner_id BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    used     BIGINT NOT NULL,
    hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL UNIQUE,
    label    TEXT COLLATE "C" NOT NULL,
    scopes   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX api_tokens_owner ON api_tokens (owner_id);

CREATE TABLE api_requests (
    owner_id BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    lease    BIGINT NOT NULL,
    status   BIGINT NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    request  TEXT COLLATE "C" NOT NULL,
    ref      TEXT COLLATE "C" NOT NULL,
    answer   BYTEA NOT NULL,
    PRIMARY KEY (owner_id, key)
);
CREATE INDEX api_requests_created ON api_requests (created);

ALTER TABLE tombstones ADD COLUMN object_id BIGINT NOT NULL DEFAULT 0;
