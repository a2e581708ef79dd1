-- Every look at a metric against its frozen baseline, newest first.
SELECT k.id, CAST(k.ts AS TIMESTAMPTZ) AS ts, k.model, k.environment, d.version, k.metric, k.level, k.baseline, k.value,
    k.n, k.labels, k.drop_relative, k.evidence, k.detail
FROM degradation_check k JOIN deployment d ON d.id = k.deployment_id
ORDER BY k.id DESC
