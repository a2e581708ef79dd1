-- What landed: commits, segments, sources and how far the detectors have judged.

CREATE TABLE landing_commit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    ts          TEXT NOT NULL,
    kind        TEXT NOT NULL          -- land | judge | label | compact | retain | forget | rebuild
) STRICT;

CREATE TABLE source (
    id          INTEGER PRIMARY KEY,
    path        TEXT NOT NULL,                -- the name that its rows carry: where it was first seen
    place       TEXT NOT NULL,                -- where it was last seen; differs once it was rotated
    generation  INTEGER NOT NULL DEFAULT 0,   -- counts the files that have lived under this path
    device      INTEGER,
    inode       INTEGER,
    head        BLOB NOT NULL,                -- hash of the first bytes, uncompressed, and how many (at most 1,024);
    head_bytes  INTEGER NOT NULL,             -- covers more as the file grows
    marker      BLOB NOT NULL DEFAULT x'',    -- hash of the bytes before the offset
    marker_bytes INTEGER NOT NULL DEFAULT 0,
    format      TEXT,
    byte_offset INTEGER NOT NULL DEFAULT 0,   -- uncompressed bytes landed for good
    provisional_offset INTEGER,               -- where the unfinished last record ended that has landed for now
    provisional_commit INTEGER,               -- the commit that holds it; what replaces it supersedes its segments
    byte_size   INTEGER NOT NULL DEFAULT 0,   -- uncompressed bytes when last seen (an archive: when it was read)
    file_size   INTEGER NOT NULL DEFAULT 0,   -- size and time of change on disk when last seen: an archive that
    file_mtime_ns INTEGER NOT NULL DEFAULT 0, -- has both unchanged is not read again
    row_count   INTEGER NOT NULL DEFAULT 0,
    state       TEXT NOT NULL DEFAULT 'live', -- live | rotated | done | damaged | gone
    first_ts    TEXT NOT NULL,
    updated_ts  TEXT NOT NULL,
    UNIQUE (path, generation)
) STRICT;

CREATE INDEX source_inode ON source (device, inode);
CREATE INDEX source_head ON source (head);

CREATE TABLE gap (                            -- bytes that were gone before they could be read, as far as is known
    id           INTEGER PRIMARY KEY,
    source_id    INTEGER NOT NULL REFERENCES source (id),
    ts           TEXT NOT NULL,
    start_offset INTEGER NOT NULL,
    byte_count   INTEGER,                     -- at least so many; null: unknown, perhaps none
    reason       TEXT NOT NULL
) STRICT;

CREATE TABLE segment (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    made_by        INTEGER NOT NULL REFERENCES landing_commit (id),
    commit_id      INTEGER NOT NULL,          -- the newest commit whose rows it holds: made_by, or an older one if merged
    table_name     TEXT NOT NULL,
    path           TEXT NOT NULL UNIQUE,      -- below the lake
    row_count      INTEGER NOT NULL,
    byte_count     INTEGER NOT NULL,
    min_ts         TEXT,
    max_ts         TEXT,
    checksum       TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    redacted       INTEGER NOT NULL DEFAULT 0, -- 1: rows were taken out (forget), so it is never landed again from the log
    superseded_by  INTEGER REFERENCES landing_commit (id),
    superseded_ts  TEXT
) STRICT;

CREATE INDEX segment_live ON segment (table_name, max_ts) WHERE superseded_by IS NULL;
CREATE INDEX segment_dead ON segment (superseded_ts) WHERE superseded_by IS NOT NULL;
CREATE INDEX segment_commit ON segment (commit_id);
CREATE INDEX segment_made_by ON segment (made_by);
CREATE INDEX segment_superseded_by ON segment (superseded_by);

CREATE TABLE landed (                         -- which bytes of which source the rows of a segment came from
    segment_id   INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    source_id    INTEGER NOT NULL REFERENCES source (id),
    start_offset INTEGER NOT NULL,
    end_offset   INTEGER NOT NULL,
    PRIMARY KEY (segment_id, source_id, start_offset)
) STRICT, WITHOUT ROWID;

CREATE INDEX landed_source ON landed (source_id, start_offset);

CREATE TABLE watermark (
    model          TEXT NOT NULL,
    environment    TEXT NOT NULL,
    commit_id      INTEGER NOT NULL,          -- the newest commit whose rows were seen
    judged_through TEXT,                      -- event time up to which verdicts are final
    updated_ts     TEXT NOT NULL,
    PRIMARY KEY (model, environment)
) STRICT;
