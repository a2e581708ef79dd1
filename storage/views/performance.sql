-- How well each version does in each environment over its last 100, last 1000 and all matured labelled predictions, by event
-- time; `waiting` are labelled and not matured yet. A ratio without a denominator is null. Labels that were drawn with a
-- propensity count 1 / propensity in the ratios, the counts are plain. The intervals are Wilson's, 95 %, for one look, over
-- as many even labels as the drawn ones are worth (`n_even`, Kish).
WITH judged AS MATERIALIZED (
    SELECT model, version, environment, ts, prediction_id, score, flagged, analysis_ms, truth, label_ts, is_mature, weight
    FROM predictions_with_maturity
), newest AS (
    SELECT model, version, environment, max(ts) AS ts FROM judged GROUP BY ALL
), totals AS (
    SELECT j.model, j.version, j.environment, count(*) AS predictions, count(*) FILTER (j.flagged) AS flagged,
        any_value(n.ts) AS newest_ts, count(*) FILTER (j.ts > n.ts - INTERVAL 5 MINUTE) / 5.0 AS predictions_per_min,
        count(j.truth) FILTER (NOT j.is_mature) AS waiting
    FROM judged j JOIN newest n ON n.model = j.model AND n.version = j.version AND n.environment = j.environment
    GROUP BY ALL
), windows AS (
    SELECT * FROM (VALUES ('last_100', 100), ('last_1000', 1000), ('all', NULL)) AS w("window", size)
), truths AS (
    SELECT * EXCLUDE (is_mature) FROM judged WHERE truth IS NOT NULL AND is_mature
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
        coalesce(sum(r.weight) FILTER (r.flagged AND r.truth), 0) AS wtp,
        coalesce(sum(r.weight) FILTER (r.flagged AND NOT r.truth), 0) AS wfp,
        coalesce(sum(r.weight) FILTER (NOT r.flagged AND r.truth), 0) AS wfn,
        coalesce(sum(r.weight) FILTER (NOT r.flagged AND NOT r.truth), 0) AS wtn,
        sum(r.weight) * sum(r.weight) / sum(r.weight * r.weight) AS n_even,
        sum(r.weight * r.score) / sum(r.weight) FILTER (r.score IS NOT NULL) AS mean_confidence,
        quantile_cont(r.analysis_ms, [0.5, 0.95, 0.99]) AS latency, min(r.ts) AS first_ts, max(r.ts) AS last_ts,
        max(r.label_ts) AS label_ts, median(greatest(epoch(r.label_ts - r.ts), 0)) AS label_delay_s
    FROM chosen r
    GROUP BY ALL
), shared AS (
    SELECT *, (wtp + wtn) / nullif(wtp + wfp + wfn + wtn, 0) AS accuracy FROM counted
)
SELECT
    t.model, t.version, t.environment, w."window", coalesce(c.n, 0) AS n, coalesce(tp, 0) AS tp,
    coalesce(fp, 0) AS fp, coalesce(fn, 0) AS fn, coalesce(tn, 0) AS tn,
    accuracy,
    wtp / nullif(wtp + wfp, 0) AS "precision",
    wtp / nullif(wtp + wfn, 0) AS recall,
    2 * wtp / nullif(2 * wtp + wfp + wfn, 0) AS f1,
    wfp / nullif(wfp + wtn, 0) AS fpr,
    mean_confidence, latency[1] AS latency_p50_ms, latency[2] AS latency_p95_ms, latency[3] AS latency_p99_ms,
    t.predictions, t.flagged, first_ts, last_ts,
    (wtp / nullif(wtp + wfn, 0) + wtn / nullif(wtn + wfp, 0)) / 2 AS balanced_accuracy,
    (wtp * wtn - wfp * wfn) / nullif(sqrt((wtp + wfp) * (wtp + wfn) * (wtn + wfp) * (wtn + wfn)), 0) AS mcc,
    (wtp + wfn) / nullif(wtp + wfp + wfn + wtn, 0) AS prevalence,
    (accuracy + 1.92072941 / n_even - 1.959964 * sqrt(accuracy * (1 - accuracy) / n_even + 0.96036471 / n_even / n_even))
        / (1 + 3.84145882 / n_even) AS accuracy_low,
    CASE WHEN accuracy = 1 THEN 1.0 ELSE (accuracy + 1.92072941 / n_even
        + 1.959964 * sqrt(accuracy * (1 - accuracy) / n_even + 0.96036471 / n_even / n_even)) / (1 + 3.84145882 / n_even) END
        AS accuracy_high,
    label_ts, label_delay_s, t.newest_ts, t.predictions_per_min, t.waiting, n_even
FROM totals t CROSS JOIN windows w
LEFT JOIN shared c ON c.model = t.model AND c.version = t.version AND c.environment = t.environment
    AND c."window" = w."window"
ORDER BY t.model, t.environment, t.version, coalesce(w.size, 1000000000)
