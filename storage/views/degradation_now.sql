-- The newest look at each metric of what runs now against its frozen baseline. `evidence` of 0 or more says that the
-- metric fell; degraded: it fell, and is 5 % or more under the baseline; `level_before` is of the look before this one.
SELECT k.id, CAST(k.ts AS TIMESTAMPTZ) AS ts, k.model, k.environment, d.version, k.metric, k.level, k.baseline,
    k.baseline_n, k.value, k.value_high, k.n, k.labels, k.drop_relative, k.evidence, k.run_length,
    CAST(k.matured_until AS TIMESTAMPTZ) AS matured_until, k.detail, m.alert_severity AS severity, k.deployment_id,
    k.level_before
FROM (
    SELECT *, lag(level) OVER (PARTITION BY deployment_id, metric ORDER BY id) AS level_before FROM degradation_check
) k
JOIN deployment d ON d.id = k.deployment_id AND d.status = 'active'
JOIN model m ON m.name = k.model
QUALIFY row_number() OVER (PARTITION BY k.model, k.environment, k.metric ORDER BY k.id DESC) = 1
ORDER BY k.environment, k.model, k.metric
