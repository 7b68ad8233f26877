-- +goose Up
-- Every change of an object counts it in its calendar's row, in place (HOT) only while no index says anything about the columns that
-- change, a condition included: calendars_notices did, and so each change wrote the three indexes of calendars anew. Notices are the
-- objects that have no component.
DROP INDEX calendars_notices;
CREATE INDEX objects_notices ON objects (modified) WHERE length(component) = 0;

-- +goose Down
DROP INDEX objects_notices;
CREATE INDEX calendars_notices ON calendars (owner_id, id) WHERE kind = 'notification' AND objects > 0;
