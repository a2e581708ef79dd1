-- Every run of a periodic job and every slot that had none, newest first.
SELECT id, job, CAST(slot_ts AS TIMESTAMPTZ) AS slot_ts, outcome, trigger_kind, CAST(started_ts AS TIMESTAMPTZ) AS started_ts,
    CAST(ended_ts AS TIMESTAMPTZ) AS ended_ts, duration_s, late_s, error, output, actor, host, pid
FROM job_run ORDER BY id DESC
