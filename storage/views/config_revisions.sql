-- Every config revision of every model, newest first.
SELECT model, revision, body AS config, sha256, parent, CAST(created_ts AS TIMESTAMPTZ) AS created_ts, created_by, reason
FROM config_revision ORDER BY created_ts DESC, model, revision DESC
