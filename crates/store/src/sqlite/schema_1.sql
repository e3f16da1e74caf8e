-- Version 1. Ids are 64-bit patterns kept as signed integers.

CREATE TABLE name (
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    room      INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- Apart from its body, so that counting chat does not rewrite the body.
CREATE TABLE room (
    id         INTEGER PRIMARY KEY,
    epoch      INTEGER NOT NULL,
    chat_count INTEGER NOT NULL
) STRICT;

CREATE TABLE room_body (
    room INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE chat (
    room  INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    key   TEXT NOT NULL,
    at    INTEGER NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (room, epoch, seq, key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX chat_by_key ON chat (room, key);
