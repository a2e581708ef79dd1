-- How well each version does in each environment over its last 100, last 1000 and all labelled predictions, by event
-- time. A ratio without a denominator is null. The intervals are Wilson's, 95 %, for one look.
WITH judged AS MATERIALIZED (
    SELECT model, version, environment, ts, prediction_id, score, flagged, analysis_ms, truth, label_ts
    FROM predictions_with_truth
), newest AS (
    SELECT model, version, environment, max(ts) AS ts FROM judged GROUP BY ALL
), totals AS (
    SELECT j.model, j.version, j.environment, count(*) AS predictions, count(*) FILTER (j.flagged) AS flagged,
        any_value(n.ts) AS newest_ts, count(*) FILTER (j.ts > n.ts - INTERVAL 5 MINUTE) / 5.0 AS predictions_per_min
    FROM judged j JOIN newest n ON n.model = j.model AND n.version = j.version AND n.environment = j.environment
    GROUP BY ALL
), windows AS (
    SELECT * FROM (VALUES ('last_100', 100), ('last_1000', 1000), ('all', NULL)) AS w("window", size)
), truths AS (
    SELECT * FROM judged WHERE truth IS NOT NULL
), recent AS (
    SELECT *, row_number() OVER (
        PARTITION BY model, version, environment ORDER BY ts DESC, prediction_id DESC) AS place
    FROM truths QUALIFY place <= 1000
), chosen AS (
    SELECT r.* EXCLUDE (place), w."window" FROM recent r JOIN windows w ON r.place <= w.size
    UNION ALL BY NAME
    SELECT *, 'all' AS "window" FROM truths
), counted AS (
    SELECT r.model, r.version, r.environment, r."window", count(*) AS n,
        count(*) FILTER (r.flagged AND r.truth) AS tp, count(*) FILTER (r.flagged AND NOT r.truth) AS fp,
        count(*) FILTER (NOT r.flagged AND r.truth) AS fn, count(*) FILTER (NOT r.flagged AND NOT r.truth) AS tn,
        avg(r.score) AS mean_confidence,
        quantile_cont(r.analysis_ms, [0.5, 0.95, 0.99]) AS latency, min(r.ts) AS first_ts, max(r.ts) AS last_ts,
        max(r.label_ts) AS label_ts, median(epoch(r.label_ts - r.ts)) AS label_delay_s
    FROM chosen r
    GROUP BY ALL
)
SELECT
    t.model, t.version, t.environment, w."window", coalesce(c.n, 0) AS n, coalesce(tp, 0) AS tp,
    coalesce(fp, 0) AS fp, coalesce(fn, 0) AS fn, coalesce(tn, 0) AS tn,
    (tp + tn) / nullif(n, 0) AS accuracy,
    tp / nullif(tp + fp, 0) AS "precision",
    tp / nullif(tp + fn, 0) AS recall,
    2 * tp / nullif(2 * tp + fp + fn, 0) AS f1,
    fp / nullif(fp + tn, 0) AS fpr,
    mean_confidence, latency[1] AS latency_p50_ms, latency[2] AS latency_p95_ms, latency[3] AS latency_p99_ms,
    t.predictions, t.flagged, first_ts, last_ts,
    (tp / nullif(tp + fn, 0) + tn / nullif(tn + fp, 0)) / 2 AS balanced_accuracy,
    (1.0 * tp * tn - 1.0 * fp * fn)
        / nullif(sqrt(1.0 * (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)), 0) AS mcc,
    (tp + fn) / nullif(n, 0) AS prevalence,
    ((tp + tn) / n + 1.92072941 / n - 1.959964 * sqrt((tp + tn) / n * (fp + fn) / n / n + 0.96036471 / n / n))
        / (1 + 3.84145882 / n) AS accuracy_low,
    ((tp + tn) / n + 1.92072941 / n + 1.959964 * sqrt((tp + tn) / n * (fp + fn) / n / n + 0.96036471 / n / n))
        / (1 + 3.84145882 / n) AS accuracy_high,
    label_ts, label_delay_s, t.newest_ts, t.predictions_per_min
FROM totals t CROSS JOIN windows w
LEFT JOIN counted c ON c.model = t.model AND c.version = t.version AND c.environment = t.environment
    AND c."window" = w."window"
ORDER BY t.model, t.environment, t.version, coalesce(w.size, 1000000000)
