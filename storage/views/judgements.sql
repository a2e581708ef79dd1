-- Every verdict once, by environment and prediction_id, however often its rows landed; predictions from elsewhere get
-- the environment `production` and the version `unknown` where they name none.
SELECT
    ts, id AS prediction_id, model, coalesce(version, 'unknown') AS version,
    coalesce(environment, 'production') AS environment, config_revision, subject, window_start, window_end, score,
    threshold, coalesce(flagged, score >= threshold) AS flagged, reason, evidence, features, analysis_ms, run_id
FROM (
    SELECT *, coalesce(
        prediction_id,
        md5(concat_ws(chr(31), model, version, subject, coalesce(CAST(window_start AS VARCHAR), CAST(ts AS VARCHAR))))
    ) AS id
    FROM predictions
)
QUALIFY row_number() OVER (
    PARTITION BY coalesce(environment, 'production'), id ORDER BY config_revision DESC NULLS LAST, run_id DESC
) = 1
