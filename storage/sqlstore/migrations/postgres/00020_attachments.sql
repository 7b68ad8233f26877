-- Managed attachments (RFC 8607). hash is '' while the octets are coming in; unused is since when no object refers to it, 0 while one
-- does. The octets are in pieces of one size, so that none is held whole and a range is found.

-- +goose Up
CREATE TABLE attachments (
    owner_id BIGINT NOT NULL,
    id       BIGINT NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    name     TEXT NOT NULL,
    type     TEXT NOT NULL,
    size     BIGINT NOT NULL,
    hash     TEXT NOT NULL,
    created  BIGINT NOT NULL,
    unused   BIGINT NOT NULL,
    PRIMARY KEY (owner_id, id)
);
CREATE INDEX attachments_unused ON attachments (unused) WHERE unused <> 0;

CREATE TABLE attachment_chunks (
    owner_id      BIGINT NOT NULL,
    attachment_id BIGINT NOT NULL,
    n             BIGINT NOT NULL,
    octets        BYTEA NOT NULL,
    PRIMARY KEY (owner_id, attachment_id, n)
);

-- Which objects refer to which.
CREATE TABLE attachment_uses (
    owner_id      BIGINT NOT NULL,
    object_id     BIGINT NOT NULL,
    attachment_id BIGINT NOT NULL,
    PRIMARY KEY (owner_id, object_id, attachment_id)
);
CREATE INDEX attachment_uses_of ON attachment_uses (owner_id, attachment_id, object_id);

-- Files are compressed already, and a piece is read whole.
ALTER TABLE attachment_chunks ALTER COLUMN octets SET STORAGE EXTERNAL;

-- +goose Down
DROP TABLE attachment_uses;
DROP TABLE attachment_chunks;
DROP TABLE attachments;
