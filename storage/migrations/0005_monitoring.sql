-- What monitoring writes down beside degradation: estimates without labels, and how often judging succeeded.

CREATE TABLE estimate_check (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    ts                  TEXT NOT NULL,
    model               TEXT NOT NULL,
    environment         TEXT NOT NULL,
    deployment_id       INTEGER NOT NULL REFERENCES deployment (id),
    metric              TEXT NOT NULL,      -- accuracy | precision | recall | f1 | fpr
    value               REAL,               -- null: no prediction, or no denominator
    low                 REAL,
    high                REAL,
    n                   INTEGER NOT NULL,   -- of the newest predictions that it is about
    realised            REAL,               -- of the newest matured chunk, as labels say it
    calibration         TEXT NOT NULL,      -- none | platt | isotonic
    is_calibrated_band  INTEGER NOT NULL,   -- 1: as wide as past estimates were wrong; 0: sampling only
    warnings            TEXT NOT NULL       -- why it should not be believed; empty if it may be
) STRICT;

CREATE INDEX estimate_newest ON estimate_check (deployment_id, metric, id);

CREATE TABLE analysis_count (
    model        TEXT NOT NULL,
    environment  TEXT NOT NULL,
    minute       TEXT NOT NULL,             -- when they ended, cut to the minute
    successes    INTEGER NOT NULL,
    failures     INTEGER NOT NULL,          -- raised an error
    timeouts     INTEGER NOT NULL,          -- came to an end, later than the model's timeout_ms
    PRIMARY KEY (model, environment, minute)
) STRICT;
