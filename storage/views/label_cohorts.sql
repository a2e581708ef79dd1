-- Predictions by version, environment and hour of event time, and how far their labels have come. A cohort is mature
-- when 9 in 10 have a label, or when it is older than 19 in 20 labels were at their coming.
WITH delays AS (
    SELECT model, environment, quantile_cont(greatest(epoch(label_ts - ts), 0), 0.95) AS p95_s, max(label_ts) AS newest
    FROM labelled_predictions GROUP BY ALL
), hours AS (
    SELECT j.model, j.version, j.environment, date_trunc('hour', j.ts) AS hour, count(*) AS predictions,
        count(l.truth) AS labelled, median(epoch(l.label_ts - l.ts)) AS delay_s
    FROM judgements j
    LEFT JOIN labelled_predictions l ON l.environment = j.environment AND l.prediction_id = j.prediction_id
    GROUP BY ALL
)
SELECT h.*, labelled / predictions AS coverage,
    coalesce(labelled >= 0.9 * predictions
        OR h.hour + INTERVAL 1 HOUR + to_seconds(d.p95_s) <= d.newest, false) AS is_mature
FROM hours h LEFT JOIN delays d ON d.model = h.model AND d.environment = h.environment
ORDER BY h.model, h.environment, h.version, h.hour
