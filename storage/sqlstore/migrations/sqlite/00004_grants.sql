-- What owners grant to others: found by the home it is in, and by whom it is granted to.

-- +goose Up
CREATE TABLE grants (
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    grantee_id  INTEGER NOT NULL,
    privileges  INTEGER NOT NULL,
    PRIMARY KEY (owner_id, calendar_id, grantee_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE granted (
    grantee_id  INTEGER NOT NULL,
    owner_id    INTEGER NOT NULL,
    calendar_id INTEGER NOT NULL,
    privileges  INTEGER NOT NULL,
    PRIMARY KEY (grantee_id, owner_id, calendar_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_grantee ON grants (grantee_id);
CREATE INDEX granted_owner ON granted (owner_id, calendar_id);
