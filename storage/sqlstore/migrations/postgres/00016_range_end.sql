-- +goose Up
-- With the end in the index, a row that began in time but ended before the window is passed over without being fetched:
-- in an old calendar that is four of five.
DROP INDEX objects_range;
CREATE INDEX objects_range ON objects (owner_id, calendar_id, class, first_start, last_end);

-- +goose Down
DROP INDEX objects_range;
CREATE INDEX objects_range ON objects (owner_id, calendar_id, class, first_start);
