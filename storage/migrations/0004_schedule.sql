-- When the periodic jobs are due, so that every process can tell, whoever runs them.

CREATE TABLE job_schedule (
    job         TEXT PRIMARY KEY,
    every_s     REAL NOT NULL,
    timeout_s   REAL NOT NULL,
    catches_up  INTEGER NOT NULL,           -- 1: a slot missed for long is made up for once
    about       TEXT NOT NULL,
    updated_ts  TEXT NOT NULL
) STRICT;

CREATE TABLE silence (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    rule         TEXT,                      -- null: any
    model        TEXT,
    environment  TEXT,
    until_ts     TEXT NOT NULL,
    actor        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    created_ts   TEXT NOT NULL
) STRICT;
