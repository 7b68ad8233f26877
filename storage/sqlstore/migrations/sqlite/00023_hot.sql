-- +goose Up
-- Every change of an object counts it in its calendar's row; no index is to depend on that. Notices are the objects that have no component:
-- not component = '', since SQLite then plans each query with component = ? anew for each value, to see whether the index serves.
DROP INDEX calendars_notices;
CREATE INDEX objects_notices ON objects (modified) WHERE length(component) = 0;

-- +goose Down
DROP INDEX objects_notices;
CREATE INDEX calendars_notices ON calendars (owner_id, id) WHERE kind = 'notification' AND objects > 0;
