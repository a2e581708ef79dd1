-- Every setting that a deployment changed against the one before it, newest first: what, from, to, by whom and why.
WITH ordered AS (
    SELECT d.id, d.model, d.environment, d.version, d.kind, d.actor, d.reason, CAST(d.started_ts AS TIMESTAMPTZ) AS ts,
        c.body, lag(c.body) OVER w AS body_before, lag(d.version) OVER w AS version_before
    FROM deployment d JOIN config_revision c ON c.model = d.model AND c.revision = d.config_revision
    WINDOW w AS (PARTITION BY d.model, d.environment ORDER BY d.id)
), keyed AS (
    SELECT *, unnest(list_distinct(list_concat(json_keys(body), json_keys(body_before)))) AS setting
    FROM ordered WHERE body_before IS NOT NULL
), changed AS (
    SELECT id, ts, model, environment, kind, actor, reason, setting,
        json_extract_string(body_before, '$."' || setting || '"') AS before,
        json_extract_string(body, '$."' || setting || '"') AS after
    FROM keyed
    UNION ALL
    SELECT id, ts, model, environment, kind, actor, reason, 'version', version_before, version
    FROM ordered WHERE version_before IS NOT NULL
)
SELECT * FROM changed WHERE before IS DISTINCT FROM after ORDER BY id DESC, setting
