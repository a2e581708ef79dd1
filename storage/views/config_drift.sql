-- Whether what runs is what was deployed: each active deployment beside the newest verdict of its model. InSync: the
-- verdict carries its version, config revision and threshold; OutOfSync names what differs; Unknown: no verdict yet.
WITH live AS (
    SELECT model, environment, arg_max({'version': version, 'revision': config_revision, 'threshold': threshold}, ts) AS it,
        max(ts) AS ts
    FROM judgements GROUP BY ALL
)
SELECT d.model, d.environment, d.version, d.config_revision, CAST(json_extract(c.body, '$.threshold') AS DOUBLE) AS threshold,
    l.it.version AS live_version, l.it.revision AS live_config_revision, l.it.threshold AS live_threshold, l.ts AS live_ts,
    CASE
        WHEN l.ts IS NULL THEN 'Unknown'
        WHEN l.it.version = d.version AND coalesce(l.it.revision, d.config_revision) = d.config_revision
            AND coalesce(l.it.threshold, CAST(json_extract(c.body, '$.threshold') AS DOUBLE))
                = CAST(json_extract(c.body, '$.threshold') AS DOUBLE) THEN 'InSync'
        ELSE 'OutOfSync'
    END AS state,
    concat_ws(', ',
        CASE WHEN l.it.version <> d.version THEN 'version' END,
        CASE WHEN l.it.revision <> d.config_revision THEN 'config_revision' END,
        CASE WHEN l.it.threshold <> CAST(json_extract(c.body, '$.threshold') AS DOUBLE) THEN 'threshold' END) AS differs
FROM deployment d
JOIN config_revision c ON c.model = d.model AND c.revision = d.config_revision
LEFT JOIN live l ON l.model = d.model AND l.environment = d.environment
WHERE d.status = 'active' ORDER BY d.environment, d.model
