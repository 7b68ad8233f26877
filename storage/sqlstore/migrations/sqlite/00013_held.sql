-- What a mail that waits is about, so that lists show it without reading the mail, and its message, so that it can be carried out.

-- +goose Up
ALTER TABLE inbound ADD COLUMN object_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbound ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE inbound ADD COLUMN calendar BLOB NOT NULL DEFAULT x'';
