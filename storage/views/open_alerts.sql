-- Alerts that are not over, the firing and severe first, mere information last: what, since when, the value against its limit, who has it.
SELECT id, rule, severity, model, environment, subject, state, value, limit_value, n, summary,
    CAST(pending_ts AS TIMESTAMPTZ) AS pending_ts, CAST(fired_ts AS TIMESTAMPTZ) AS fired_ts,
    CAST(evaluated_ts AS TIMESTAMPTZ) AS evaluated_ts, acknowledged_by,
    CAST(acknowledged_until AS TIMESTAMPTZ) AS acknowledged_until, silenced_by,
    CAST(silenced_until AS TIMESTAMPTZ) AS silenced_until, is_flapping = 1 AS is_flapping, notices, verdict
FROM alert
WHERE state IN ('pending', 'firing', 'recovering')
ORDER BY severity = 'info', state = 'pending', CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, id DESC
