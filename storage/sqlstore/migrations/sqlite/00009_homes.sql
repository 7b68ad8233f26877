-- A home is a collection too: up to where the tombstones of its collections may be gone. What Apple's programs call a colour.

-- +goose Up
ALTER TABLE homes ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendars ADD COLUMN color_name TEXT NOT NULL DEFAULT '';
