-- One row is one fact. `body` holds all of it and is never rewritten; the columns beside it are
-- copies for the triggers and for whoever reads with the sqlite3 shell. No JSON function may stand
-- in this schema: SQLite 3.40 refuses them there under trusted_schema=OFF.
CREATE TABLE event (
    seq          INTEGER PRIMARY KEY CHECK (seq >= 1), -- counts all events by one
    instance     TEXT    NOT NULL CHECK (instance <> ''),
    stream       TEXT    NOT NULL CHECK (stream <> ''), -- an upgrade or an operation
    stream_seq   INTEGER NOT NULL CHECK (stream_seq >= 1), -- counts a stream's events by one
    type         TEXT    NOT NULL,
    type_version INTEGER NOT NULL CHECK (type_version >= 1), -- of the shape of the body's data
    fence_number INTEGER NOT NULL CHECK (fence_number >= 1),
    prev         BLOB    NOT NULL CHECK (length(prev) = 32), -- leaf of the event before
    body         BLOB    NOT NULL CHECK (length(body) > 0), -- UTF-8 JSON, sorted keys
    leaf         BLOB    NOT NULL UNIQUE CHECK (length(leaf) = 32), -- SHA-256(0x00 || body)
    UNIQUE (stream, stream_seq)
) STRICT;

CREATE INDEX event_by_instance ON event (instance, fence_number);

-- Also what stops INSERT OR REPLACE, which fires no delete trigger by default.
CREATE TRIGGER event_follows_the_last BEFORE INSERT ON event
WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM event), 0)
BEGIN SELECT RAISE(ABORT, 'an event must follow the last one of the log'); END;

CREATE TRIGGER event_follows_its_stream BEFORE INSERT ON event
WHEN NEW.stream_seq <>
    1 + coalesce((SELECT max(stream_seq) FROM event WHERE stream = NEW.stream), 0)
BEGIN SELECT RAISE(ABORT, 'an event must follow the last one of its stream'); END;

CREATE TRIGGER event_is_chained BEFORE INSERT ON event
WHEN NEW.prev <> coalesce((SELECT leaf FROM event WHERE seq = NEW.seq - 1), zeroblob(32))
BEGIN SELECT RAISE(ABORT, 'an event must name the leaf of the one before it'); END;

CREATE TRIGGER event_is_new BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM event WHERE leaf = NEW.leaf)
BEGIN SELECT RAISE(ABORT, 'the event is in the log already'); END;

CREATE TRIGGER event_writer_is_current BEFORE INSERT ON event
WHEN NEW.fence_number < coalesce(
    (SELECT max(fence_number) FROM event WHERE instance = NEW.instance), 0)
BEGIN SELECT RAISE(ABORT, 'a newer run has taken the instance over'); END;

CREATE TRIGGER event_is_never_updated BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
