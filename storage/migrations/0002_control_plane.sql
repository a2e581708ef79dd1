-- Model operations: models, versions, environments, configurations, deployments, approvals, alerts, jobs, the event log.
-- Times are RFC 3339 text in UTC. What must never change is held by triggers, what must be unique by indexes.

CREATE TABLE event (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    ts         TEXT NOT NULL,
    actor      TEXT NOT NULL,
    origin     TEXT NOT NULL,              -- cli | console | scheduler
    host       TEXT NOT NULL,
    kind       TEXT NOT NULL,              -- deployment.created, config.changed, alert.fired, ...
    subject    TEXT NOT NULL,
    body       TEXT NOT NULL,              -- canonical JSON
    prev_hash  TEXT NOT NULL,
    hash       TEXT NOT NULL               -- sha256 of prev_hash and the row in canonical JSON
) STRICT;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

CREATE TABLE model (
    name            TEXT PRIMARY KEY,
    kind            TEXT NOT NULL,          -- detector: judged here | external: its predictions land from outside
    title           TEXT NOT NULL,
    primary_metric  TEXT NOT NULL DEFAULT 'f1',
    alert_accuracy  REAL NOT NULL,
    alert_severity  TEXT NOT NULL,
    threshold_low   REAL NOT NULL,
    threshold_high  REAL NOT NULL,
    threshold_step  REAL NOT NULL,
    created_ts      TEXT NOT NULL,
    updated_ts      TEXT NOT NULL,
    row_version     INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE model_version (
    model       TEXT NOT NULL REFERENCES model (name),
    version     TEXT NOT NULL,
    sha256      TEXT,                       -- of the detector's source; null for an external model
    size_bytes  INTEGER,
    defaults    TEXT NOT NULL,              -- the settings it was registered with, canonical JSON
    created_ts  TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    PRIMARY KEY (model, version)
) STRICT;

CREATE TRIGGER model_version_is_never_changed BEFORE UPDATE ON model_version
BEGIN SELECT RAISE(ABORT, 'a registered version is immutable'); END;
CREATE TRIGGER model_version_is_never_deleted BEFORE DELETE ON model_version
BEGIN SELECT RAISE(ABORT, 'a registered version is immutable'); END;

CREATE TABLE version_transition (
    from_state  TEXT NOT NULL,
    to_state    TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT;

INSERT INTO version_transition VALUES
    ('registered', 'validated'), ('registered', 'staging'), ('registered', 'production'), ('registered', 'rejected'),
    ('registered', 'archived'), ('validated', 'staging'), ('validated', 'production'), ('validated', 'rejected'),
    ('validated', 'archived'), ('staging', 'production'), ('staging', 'validated'), ('staging', 'rejected'),
    ('staging', 'archived'), ('production', 'validated'), ('production', 'staging'), ('archived', 'staging'),
    ('archived', 'validated');

CREATE TABLE version_state (
    model        TEXT NOT NULL,
    version      TEXT NOT NULL,
    state        TEXT NOT NULL,
    since_ts     TEXT NOT NULL,
    row_version  INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (model, version),
    FOREIGN KEY (model, version) REFERENCES model_version (model, version)
) STRICT;

CREATE TRIGGER version_state_follows_the_transitions BEFORE UPDATE OF state ON version_state
WHEN OLD.state <> NEW.state AND NOT EXISTS (
    SELECT 1 FROM version_transition WHERE from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'no such transition of a version'); END;

CREATE TABLE environment (
    name          TEXT PRIMARY KEY,
    is_protected  INTEGER NOT NULL DEFAULT 0,   -- 1: changes need a second person
    row_version   INTEGER NOT NULL DEFAULT 1
) STRICT;

INSERT INTO environment (name) VALUES ('staging'), ('production');

CREATE TABLE config_revision (
    model       TEXT NOT NULL REFERENCES model (name),
    revision    INTEGER NOT NULL,           -- counts per model, from 1
    body        TEXT NOT NULL,              -- canonical JSON, every setting
    sha256      TEXT NOT NULL,
    parent      INTEGER,
    created_ts  TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    reason      TEXT NOT NULL,
    PRIMARY KEY (model, revision)
) STRICT;

CREATE TRIGGER config_revision_is_never_changed BEFORE UPDATE ON config_revision
BEGIN SELECT RAISE(ABORT, 'a config revision is immutable'); END;
CREATE TRIGGER config_revision_is_never_deleted BEFORE DELETE ON config_revision
BEGIN SELECT RAISE(ABORT, 'a config revision is immutable'); END;

CREATE TABLE approval (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    action        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    diff_sha256   TEXT NOT NULL,            -- what exactly was asked for; any other change is not covered
    diff          TEXT NOT NULL,
    requested_by  TEXT NOT NULL,
    requested_ts  TEXT NOT NULL,
    expires_ts    TEXT NOT NULL,
    decision      TEXT,                     -- approved | rejected
    decided_by    TEXT,
    decided_ts    TEXT,
    used_ts       TEXT,
    comment       TEXT,
    CHECK (decided_by IS NULL OR decided_by <> requested_by)
) STRICT;

CREATE TABLE deployment (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    model            TEXT NOT NULL,
    environment      TEXT NOT NULL REFERENCES environment (name),
    version          TEXT NOT NULL,
    config_revision  INTEGER NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('deploy', 'config', 'rollback', 'tune', 'revert')),
    of_id            INTEGER REFERENCES deployment (id),   -- rollback: the deployment whose pair came back
    actor            TEXT NOT NULL,
    origin           TEXT NOT NULL,
    host             TEXT NOT NULL,
    reason           TEXT NOT NULL,
    approval_id      INTEGER REFERENCES approval (id),
    started_ts       TEXT NOT NULL,
    ended_ts         TEXT,
    status           TEXT NOT NULL CHECK (status IN ('active', 'ended')),
    row_version      INTEGER NOT NULL DEFAULT 1,
    FOREIGN KEY (model, version) REFERENCES model_version (model, version),
    FOREIGN KEY (model, config_revision) REFERENCES config_revision (model, revision)
) STRICT;

CREATE UNIQUE INDEX deployment_active ON deployment (model, environment) WHERE status = 'active';
CREATE INDEX deployment_history ON deployment (model, environment, id);

CREATE TRIGGER deployment_only_ends BEFORE UPDATE ON deployment
WHEN OLD.status = 'ended' OR NEW.model <> OLD.model OR NEW.environment <> OLD.environment
    OR NEW.version <> OLD.version OR NEW.config_revision <> OLD.config_revision OR NEW.kind <> OLD.kind
    OR NEW.of_id IS NOT OLD.of_id OR NEW.actor <> OLD.actor OR NEW.reason <> OLD.reason
    OR NEW.started_ts <> OLD.started_ts
BEGIN SELECT RAISE(ABORT, 'a deployment can only be ended'); END;
CREATE TRIGGER deployment_is_never_deleted BEFORE DELETE ON deployment
BEGIN SELECT RAISE(ABORT, 'the history of deployments is never deleted'); END;

CREATE TABLE alert (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    dedup_key      TEXT NOT NULL,           -- sha256 of the rule and its identity labels, 16 hex digits
    rule           TEXT NOT NULL,
    severity       TEXT NOT NULL,           -- info | warning | critical
    model          TEXT,
    environment    TEXT,
    subject        TEXT NOT NULL,           -- the identity labels as words
    state          TEXT NOT NULL,           -- pending | firing | recovering | resolved | expired
    value          REAL,
    limit_value    REAL,
    n              INTEGER,
    summary        TEXT NOT NULL,
    pending_ts     TEXT NOT NULL,
    fired_ts       TEXT,
    recovering_ts  TEXT,
    resolved_ts    TEXT,
    evaluated_ts   TEXT NOT NULL,
    evaluations    INTEGER NOT NULL DEFAULT 1,   -- in a row with the condition as the state says
    acknowledged_by     TEXT,
    acknowledged_ts     TEXT,
    acknowledged_until  TEXT,
    silenced_by    TEXT,
    silenced_until TEXT,
    recent         TEXT NOT NULL DEFAULT '',     -- the last 21 evaluations, oldest first, 1 bad 0 fine
    is_flapping    INTEGER NOT NULL DEFAULT 0,
    notices        INTEGER NOT NULL DEFAULT 0,
    noticed_ts     TEXT,
    verdict        TEXT,                    -- confirmed | false_alarm | inconclusive, by verify-degradation
    row_version    INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE UNIQUE INDEX alert_open ON alert (dedup_key) WHERE state IN ('pending', 'firing', 'recovering');
CREATE INDEX alert_by_time ON alert (pending_ts);

CREATE TABLE alert_change (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id    INTEGER NOT NULL REFERENCES alert (id),
    ts          TEXT NOT NULL,
    from_state  TEXT,
    to_state    TEXT NOT NULL,              -- a state, or acknowledged | silenced | verified | noticed
    actor       TEXT NOT NULL,
    value       REAL,
    note        TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX alert_change_of ON alert_change (alert_id, id);

CREATE TABLE baseline (
    deployment_id  INTEGER NOT NULL REFERENCES deployment (id),
    metric         TEXT NOT NULL,
    value          REAL NOT NULL,
    n              INTEGER NOT NULL,
    source         TEXT NOT NULL,           -- validation | history | first_labels
    frozen_ts      TEXT NOT NULL,
    PRIMARY KEY (deployment_id, metric)
) STRICT;

CREATE TABLE tuning_run (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    ts               TEXT NOT NULL,
    model            TEXT NOT NULL,
    environment      TEXT NOT NULL,
    deployment_id    INTEGER REFERENCES deployment (id),
    window_from      TEXT,
    window_to        TEXT,
    n                INTEGER NOT NULL,
    n_positive       INTEGER NOT NULL,
    objective        TEXT NOT NULL,
    current_threshold  REAL NOT NULL,
    best_threshold   REAL,
    exact_threshold  REAL,
    current_metric   REAL,
    best_metric      REAL,
    apparent_gain    REAL,                  -- relative, on the data it was chosen on
    crossfit_gain    REAL,                  -- relative, on data it was not chosen on
    gain_low         REAL,                  -- 5 % quantile of the paired bootstrap
    gates            TEXT NOT NULL,         -- JSON: gate -> {ok, why}
    curve            TEXT NOT NULL,         -- JSON: the grid's thresholds and metrics
    verdict          TEXT NOT NULL,         -- applied | proposed | no_improvement | inconclusive | infeasible | blocked
    detail           TEXT NOT NULL,
    applied_deployment_id  INTEGER REFERENCES deployment (id),
    check_verdict    TEXT,                  -- kept | reverted | watching
    check_detail     TEXT,
    realised_gain    REAL
) STRICT;

CREATE INDEX tuning_run_of ON tuning_run (model, environment, id);

CREATE TABLE job_run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    job           TEXT NOT NULL,
    slot_ts       TEXT NOT NULL,
    started_ts    TEXT,
    ended_ts      TEXT,
    outcome       TEXT NOT NULL,            -- running | success | failure | timeout | missed | skipped_overlap | cancelled
    trigger_kind  TEXT NOT NULL,            -- scheduled | catchup | manual | backfill
    late_s        REAL,
    duration_s    REAL,
    error         TEXT,
    output        TEXT,                     -- JSON
    actor         TEXT NOT NULL,
    host          TEXT NOT NULL,
    pid           INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX job_run_slot ON job_run (job, slot_ts) WHERE trigger_kind IN ('scheduled', 'catchup');
CREATE INDEX job_run_of ON job_run (job, id);

CREATE TABLE job_control (
    job           TEXT PRIMARY KEY,
    paused_by     TEXT,
    paused_until  TEXT,
    reason        TEXT,
    row_version   INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    notice_key    TEXT NOT NULL,            -- dedup key and transition: the same notice is never queued twice
    channel       TEXT NOT NULL,
    alert_id      INTEGER REFERENCES alert (id),
    severity      TEXT NOT NULL,
    body          TEXT NOT NULL,            -- JSON of the notice
    created_ts    TEXT NOT NULL,
    next_ts       TEXT NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    state         TEXT NOT NULL DEFAULT 'queued',   -- queued | sending | delivered | dead | digest
    claimed_by    TEXT,
    claimed_ts    TEXT,
    delivered_ts  TEXT,
    last_error    TEXT,
    UNIQUE (notice_key, channel)
) STRICT;

CREATE INDEX outbox_due ON outbox (state, next_ts);

CREATE TABLE cache_count (
    cache    TEXT NOT NULL,
    minute   TEXT NOT NULL,
    hits     INTEGER NOT NULL,
    misses   INTEGER NOT NULL,
    PRIMARY KEY (cache, minute)
) STRICT;
