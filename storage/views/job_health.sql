-- The periodic jobs: how the last run went, failures in a row (slots that had no run do not count), and how many of the
-- runs of the last day succeeded.
WITH ended AS (
    SELECT job, id, outcome, CAST(ended_ts AS TIMESTAMPTZ) AS ended_ts, error, duration_s,
        outcome <> 'success' AS failed
    FROM job_run WHERE outcome IN ('success', 'failure', 'timeout')
), newest AS (
    SELECT * FROM ended QUALIFY row_number() OVER (PARTITION BY job ORDER BY id DESC) = 1
), good AS (
    SELECT job, max(id) FILTER (NOT failed) AS id, max(ended_ts) FILTER (NOT failed) AS ended_ts FROM ended GROUP BY job
), counted AS (
    SELECT e.job, count(*) FILTER (e.failed AND e.id > coalesce(g.id, 0)) AS consecutive_failures,
        count(*) FILTER (e.ended_ts > n.ended_ts - INTERVAL 1 DAY) AS runs_24h,
        count(*) FILTER (NOT e.failed AND e.ended_ts > n.ended_ts - INTERVAL 1 DAY) AS successes_24h
    FROM ended e JOIN good g USING (job) JOIN newest n ON n.job = e.job GROUP BY ALL
), gone AS (
    SELECT job, count(*) FILTER (outcome = 'missed') AS missed, count(*) FILTER (outcome = 'skipped_overlap') AS skipped,
        max(outcome = 'running') AS is_running, max(CAST(slot_ts AS TIMESTAMPTZ)) AS last_slot_ts
    FROM job_run GROUP BY job
)
SELECT s.job, s.about, s.every_s, coalesce(g.is_running, false) AS is_running, n.outcome AS last_outcome,
    n.ended_ts AS last_ended_ts, n.duration_s AS last_duration_s, n.error AS last_error, o.ended_ts AS last_success_ts,
    coalesce(c.consecutive_failures, 0) AS consecutive_failures, coalesce(c.runs_24h, 0) AS runs_24h,
    coalesce(c.successes_24h, 0) AS successes_24h,
    c.successes_24h / nullif(c.runs_24h, 0) AS success_rate_24h, coalesce(g.missed, 0) AS missed,
    coalesce(g.skipped, 0) AS skipped, g.last_slot_ts, g.last_slot_ts + to_seconds(s.every_s) AS next_slot_ts,
    CAST(k.paused_until AS TIMESTAMPTZ) AS paused_until, k.paused_by
FROM job_schedule s
LEFT JOIN newest n ON n.job = s.job
LEFT JOIN good o ON o.job = s.job
LEFT JOIN counted c ON c.job = s.job
LEFT JOIN gone g ON g.job = s.job
LEFT JOIN job_control k ON k.job = s.job
ORDER BY s.every_s, s.job
