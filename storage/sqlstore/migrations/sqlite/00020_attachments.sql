-- Managed attachments (RFC 8607). hash is '' while the octets are coming in; unused is since when no object refers to it, 0 while one
-- does. The octets are in pieces of one size, so that none is held whole and a range is found.

-- +goose Up
CREATE TABLE attachments (
    owner_id INTEGER NOT NULL,
    id       INTEGER NOT NULL,
    key      TEXT NOT NULL,
    name     TEXT NOT NULL,
    type     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    hash     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    unused   INTEGER NOT NULL,
    PRIMARY KEY (owner_id, id)
) STRICT;
CREATE INDEX attachments_unused ON attachments (unused) WHERE unused <> 0;

CREATE TABLE attachment_chunks (
    owner_id      INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    n             INTEGER NOT NULL,
    octets        BLOB NOT NULL,
    PRIMARY KEY (owner_id, attachment_id, n)
) STRICT;

-- Which objects refer to which.
CREATE TABLE attachment_uses (
    owner_id      INTEGER NOT NULL,
    object_id     INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    PRIMARY KEY (owner_id, object_id, attachment_id)
) STRICT;
CREATE INDEX attachment_uses_of ON attachment_uses (owner_id, attachment_id, object_id);

-- +goose Down
DROP TABLE attachment_uses;
DROP TABLE attachment_chunks;
DROP TABLE attachments;
