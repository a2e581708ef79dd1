-- Every deployment with its settings, newest first: what ran where, since when, until when, by whom and why.
SELECT d.id, d.model, d.environment, d.version, d.config_revision, d.kind, d.of_id, d.actor, d.origin, d.host, d.reason,
    CAST(d.started_ts AS TIMESTAMPTZ) AS started_ts, CAST(d.ended_ts AS TIMESTAMPTZ) AS ended_ts, d.status, c.body AS config
FROM deployment d JOIN config_revision c ON c.model = d.model AND c.revision = d.config_revision
ORDER BY d.id DESC
