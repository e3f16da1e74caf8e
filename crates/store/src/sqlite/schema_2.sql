-- Version 2: rooms have parts and a due time, and can be forgotten.

-- A forgotten room keeps its row, so that its epochs go on.
ALTER TABLE room ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- Milliseconds of the wall clock; NULL when nothing is due.
ALTER TABLE room ADD COLUMN due INTEGER;

-- Of the rooms that something is due in only, so that a start reads no others.
CREATE INDEX room_by_due ON room (due) WHERE due IS NOT NULL;

CREATE TABLE room_part (
    room INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (room, kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX name_by_room ON name (room);

-- Gets its one row when the first name or record is removed: an empty store
-- without it is a new one. Rooms need no such trace, they keep their rows.
CREATE TABLE emptied (
    id INTEGER PRIMARY KEY CHECK (id = 1)
) STRICT;
