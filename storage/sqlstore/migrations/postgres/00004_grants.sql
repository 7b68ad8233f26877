-- What owners grant to others: found by the home it is in, and by whom it is granted to.

-- +goose Up
CREATE TABLE grants (
    owner_id    BIGINT NOT NULL,
    calendar_id BIGINT NOT NULL,
    grantee_id  BIGINT NOT NULL,
    privileges  BIGINT NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, grantee_id)
);

CREATE TABLE granted (
    grantee_id  BIGINT NOT NULL,
    owner_id    BIGINT NOT NULL,
    calendar_id BIGINT NOT NULL,
    privileges  BIGINT NOT NULL,
    PRIMARY KEY (grantee_id, owner_id, calendar_id)
);
CREATE INDEX grants_grantee ON grants (grantee_id);
CREATE INDEX granted_owner ON granted (owner_id, calendar_id);
