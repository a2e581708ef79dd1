-- Predictions by version, environment and hour of event time, and how far their labels have come. A cohort is mature
-- when 9 in 10 have a label, or when it is older than 19 in 20 labels were at their coming.
WITH judged AS MATERIALIZED (
    SELECT model, version, environment, ts, truth, label_ts FROM predictions_with_truth
), delays AS (
    SELECT model, environment, quantile_cont(greatest(epoch(label_ts - ts), 0), 0.95) AS p95_s, max(label_ts) AS newest
    FROM judged WHERE truth IS NOT NULL GROUP BY ALL
), hours AS (
    SELECT model, version, environment, date_trunc('hour', ts) AS hour, count(*) AS predictions,
        count(truth) AS labelled, median(epoch(label_ts - ts)) FILTER (truth IS NOT NULL) AS delay_s
    FROM judged GROUP BY ALL
)
SELECT h.*, labelled / predictions AS coverage,
    coalesce(labelled >= 0.9 * predictions
        OR h.hour + INTERVAL 1 HOUR + to_seconds(d.p95_s) <= d.newest, false) AS is_mature
FROM hours h LEFT JOIN delays d ON d.model = h.model AND d.environment = h.environment
ORDER BY h.model, h.environment, h.version, h.hour
