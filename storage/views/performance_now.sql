-- What runs now and how it does, one row an active deployment. `acc100` and `acc1000` are of the running version;
-- FIRING: an alert fires for it, WATCH: under its limit or an alert pending, NO DATA: no matured label. `waiting` labels
-- are not matured yet.
WITH perf AS (
    SELECT model, version, environment,
        max(newest_ts) AS last_ts, max(predictions_per_min) AS per_min, max(n) FILTER ("window" = 'all') AS n, max(predictions) AS predictions, max(flagged) AS flagged,
        max(accuracy) FILTER ("window" = 'last_100') AS acc100, max(accuracy) FILTER ("window" = 'last_1000') AS acc1000,
        max(accuracy_high) FILTER ("window" = 'last_100') AS acc100_high,
        max(f1) FILTER ("window" = 'last_1000') AS f1, max(fpr) FILTER ("window" = 'last_1000') AS fpr,
        max(waiting) AS waiting, max(label_delay_s) FILTER ("window" = 'last_1000') AS label_delay_s
    FROM performance GROUP BY ALL
), alarms AS (
    SELECT model, environment, max(state IN ('firing', 'recovering')) AS firing, max(state = 'pending') AS pending
    FROM alert WHERE state IN ('pending', 'firing', 'recovering') AND severity <> 'info' AND model IS NOT NULL
        AND rule <> 'critical_pattern_detected' -- what a model found says nothing against the model
    GROUP BY ALL
)
SELECT
    d.model, d.version, d.environment, d.config_revision,
    CAST(json_extract(c.body, '$.threshold') AS DOUBLE) AS threshold,
    CAST(d.started_ts AS TIMESTAMPTZ) AS deployed_ts, d.actor AS deployed_by, coalesce(p.n, 0) AS n,
    p.acc100, p.acc1000, m.alert_accuracy AS accuracy_limit, p.f1, p.fpr,
    CASE
        WHEN coalesce(a.firing, false) THEN 'FIRING'
        WHEN coalesce(p.n, 0) = 0 THEN 'NO DATA'
        WHEN coalesce(a.pending, false) OR p.acc100 < m.alert_accuracy OR p.acc1000 < m.alert_accuracy THEN 'WATCH'
        ELSE 'OK'
    END AS state,
    coalesce(p.predictions, 0) AS predictions, coalesce(p.flagged, 0) AS flagged,
    coalesce(p.per_min, 0) AS predictions_per_min, p.last_ts, p.acc100_high, d.id AS deployment_id, m.alert_severity AS severity,
    coalesce(p.waiting, 0) AS waiting, p.label_delay_s
FROM deployment d
JOIN config_revision c ON c.model = d.model AND c.revision = d.config_revision
JOIN model m ON m.name = d.model
LEFT JOIN perf p ON p.model = d.model AND p.version = d.version AND p.environment = d.environment
LEFT JOIN alarms a ON a.model = d.model AND a.environment = d.environment
WHERE d.status = 'active'
ORDER BY d.environment, d.model
