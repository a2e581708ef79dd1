-- Labelled predictions of cohorts whose labels have come: what may be judged without favouring what is labelled early.
WITH judged AS MATERIALIZED (
    SELECT ts, prediction_id, model, version, environment, config_revision, subject, score, threshold, flagged, truth,
        label_ts, propensity
    FROM predictions_with_truth
), delays AS (
    SELECT model, environment, quantile_cont(greatest(epoch(label_ts - ts), 0), 0.95) AS p95_s, max(label_ts) AS newest
    FROM judged WHERE truth IS NOT NULL GROUP BY ALL
), mature AS (
    SELECT j.model, j.version, j.environment, date_trunc('hour', j.ts) AS hour
    FROM judged j JOIN delays d ON d.model = j.model AND d.environment = j.environment
    GROUP BY ALL
    HAVING count(j.truth) >= 0.9 * count(*)
        OR date_trunc('hour', max(j.ts)) + INTERVAL 1 HOUR + to_seconds(max(d.p95_s)) <= max(d.newest)
)
SELECT j.*
FROM judged j
JOIN mature m ON m.model = j.model AND m.version = j.version AND m.environment = j.environment
    AND m.hour = date_trunc('hour', j.ts)
WHERE j.truth IS NOT NULL
