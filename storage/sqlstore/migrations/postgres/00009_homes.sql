-- A home is a collection too: up to where the tombstones of its collections may be gone. What Apple's programs call a colour.

-- +goose Up
ALTER TABLE homes ADD COLUMN floor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE calendars ADD COLUMN color_name TEXT COLLATE "C" NOT NULL DEFAULT '';
