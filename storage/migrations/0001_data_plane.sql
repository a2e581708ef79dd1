-- What landed: commits, segments, sources and how far the detectors have judged.

CREATE TABLE landing_commit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    ts          TEXT NOT NULL,
    kind        TEXT NOT NULL          -- land | judge | label | compact | forget
) STRICT;

CREATE TABLE source (
    id          INTEGER PRIMARY KEY,
    path        TEXT NOT NULL,
    generation  INTEGER NOT NULL DEFAULT 0,   -- counts the files that have lived under this path
    device      INTEGER,
    inode       INTEGER,
    head        BLOB,                         -- the first bytes (at most 1,024), uncompressed; grows with the file
    marker      BLOB,                         -- hash of the bytes before the offset
    marker_len  INTEGER NOT NULL DEFAULT 0,
    format      TEXT,
    byte_offset INTEGER NOT NULL DEFAULT 0,   -- uncompressed bytes landed
    state       TEXT NOT NULL DEFAULT 'live', -- live | rotated | done | vanished
    first_ts    TEXT NOT NULL,
    updated_ts  TEXT NOT NULL,
    UNIQUE (path, generation)
) STRICT;

CREATE TABLE segment (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    commit_id      INTEGER NOT NULL REFERENCES landing_commit (id),
    table_name     TEXT NOT NULL,
    path           TEXT NOT NULL UNIQUE,      -- below the lake
    row_count      INTEGER NOT NULL,
    byte_count     INTEGER NOT NULL,
    min_ts         TEXT,
    max_ts         TEXT,
    source_id      INTEGER REFERENCES source (id),
    start_offset   INTEGER,
    end_offset     INTEGER,
    checksum       TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    superseded_by  INTEGER REFERENCES landing_commit (id)
) STRICT;

CREATE INDEX segment_live ON segment (table_name, max_ts) WHERE superseded_by IS NULL;
CREATE INDEX segment_commit ON segment (commit_id);

CREATE TABLE watermark (
    model          TEXT NOT NULL,
    environment    TEXT NOT NULL,
    commit_id      INTEGER NOT NULL,          -- the newest commit whose rows were seen
    judged_through TEXT,                      -- event time up to which verdicts are final
    updated_ts     TEXT NOT NULL,
    PRIMARY KEY (model, environment)
) STRICT;
