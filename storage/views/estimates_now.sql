-- The newest estimate without labels (CBPE) of each metric of what runs now, with its band; `warnings` says why it should
-- not be believed.
SELECT CAST(e.ts AS TIMESTAMPTZ) AS ts, e.model, e.environment, d.version, e.metric, e.value, e.low, e.high, e.n, e.realised,
    e.calibration, e.is_calibrated_band = 1 AS is_calibrated_band, e.warnings, e.deployment_id
FROM estimate_check e
JOIN deployment d ON d.id = e.deployment_id AND d.status = 'active'
QUALIFY row_number() OVER (PARTITION BY e.deployment_id, e.metric ORDER BY e.id DESC) = 1
ORDER BY e.environment, e.model, e.metric
