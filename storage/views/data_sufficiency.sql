-- Whether there are labels enough to judge and to tune what runs now: matured ones of the last hour, day and in all,
-- the rarer class, and how many more are needed (tuning: 100 labels, 30 of each class; degradation: 300).
WITH m AS (
    SELECT model, version, environment, ts, truth, max(ts) OVER (PARTITION BY model, environment) AS newest
    FROM matured_predictions
), counted AS (
    SELECT model, version, environment, count(*) AS labels, count(*) FILTER (truth) AS positives,
        count(*) FILTER (NOT truth) AS negatives, count(*) FILTER (ts > newest - INTERVAL 1 HOUR) AS labels_1h,
        count(*) FILTER (ts > newest - INTERVAL 1 DAY) AS labels_1d, max(ts) AS matured_until
    FROM m GROUP BY ALL
), covered AS (
    SELECT model, version, environment, sum(predictions) AS predictions, sum(labelled) / sum(predictions) AS coverage
    FROM label_cohorts GROUP BY ALL
)
SELECT d.model, d.version, d.environment, coalesce(c.labels, 0) AS labels, coalesce(c.positives, 0) AS positives,
    coalesce(c.negatives, 0) AS negatives, coalesce(c.labels_1h, 0) AS labels_1h, coalesce(c.labels_1d, 0) AS labels_1d,
    CAST(coalesce(v.predictions, 0) AS BIGINT) AS predictions, v.coverage, c.matured_until,
    greatest(0, 100 - coalesce(c.labels, 0), 30 - coalesce(c.positives, 0), 30 - coalesce(c.negatives, 0))
        AS needed_to_tune,
    greatest(0, 300 - coalesce(c.labels, 0)) AS needed_to_judge,
    needed_to_tune = 0 AND needed_to_judge = 0 AS is_sufficient
FROM deployment d
LEFT JOIN counted c ON c.model = d.model AND c.version = d.version AND c.environment = d.environment
LEFT JOIN covered v ON v.model = d.model AND v.version = d.version AND v.environment = d.environment
WHERE d.status = 'active' ORDER BY d.environment, d.model
