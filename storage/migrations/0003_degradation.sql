-- What each look at a deployment's metric against its frozen baseline found.

CREATE TABLE degradation_check (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    ts             TEXT NOT NULL,
    model          TEXT NOT NULL,
    environment    TEXT NOT NULL,
    deployment_id  INTEGER NOT NULL REFERENCES deployment (id),
    metric         TEXT NOT NULL,
    level          TEXT NOT NULL,           -- ok | watch | degraded | no_data
    baseline       REAL,
    baseline_n     INTEGER,
    value          REAL,                    -- over the last 1,000 matured labels at most
    value_high     REAL,                    -- Wilson's upper limit of it
    n              INTEGER NOT NULL,        -- labels in that window
    labels         INTEGER NOT NULL,        -- matured labels in all
    drop_relative  REAL,                    -- 0.05 is 5 % under the baseline
    evidence       REAL,                    -- log10; 0 or more says that it fell
    run_length     REAL,                    -- labels between false alarms, on average at least
    matured_until  TEXT,
    detail         TEXT NOT NULL
) STRICT;

CREATE INDEX degradation_check_newest ON degradation_check (model, environment, metric, id);
