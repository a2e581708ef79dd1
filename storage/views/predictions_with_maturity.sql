-- Judgements with the truth where it is known, and whether it may be judged by now (`is_mature`): 9 in 10 of its hour
-- (of its version and environment) have a label, or it is older than 19 in 20 labels were at their coming. What is labelled early
-- is not like what is labelled late. `weight` is 1 / propensity: for how many predictions a label stands that was drawn; in an
-- hour that is labelled all but whole each stands for itself, and the propensity says nothing (null).
WITH judged AS MATERIALIZED (
    SELECT ts, prediction_id, model, version, environment, config_revision, subject, score, threshold, flagged,
        analysis_ms, truth, label_ts, propensity
    FROM predictions_with_truth
), delays AS (
    SELECT model, environment, quantile_cont(greatest(epoch(label_ts - ts), 0), 0.95) FILTER (truth IS NOT NULL) AS p95_s,
        greatest(max(ts), max(label_ts)) AS newest
    FROM judged GROUP BY ALL
), hours AS (
    SELECT model, version, environment, date_trunc('hour', ts) AS hour, count(truth) >= 0.9 * count(*) AS is_covered
    FROM judged GROUP BY ALL
)
SELECT j.* REPLACE (CASE WHEN h.is_covered THEN NULL ELSE j.propensity END AS propensity), h.is_covered OR coalesce(j.ts + to_seconds(d.p95_s) <= d.newest, false) AS is_mature,
    CASE WHEN h.is_covered THEN 1.0 ELSE 1.0 / greatest(coalesce(j.propensity, 1.0), 0.001) END AS weight
FROM judged j
JOIN delays d ON d.model = j.model AND d.environment = j.environment
JOIN hours h ON h.model = j.model AND h.version = j.version AND h.environment = j.environment
    AND h.hour = date_trunc('hour', j.ts)
