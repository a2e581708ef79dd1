-- The event log, newest first: who changed what, when and from where.
SELECT seq, CAST(ts AS TIMESTAMPTZ) AS ts, actor, origin, host, kind, subject, body FROM event ORDER BY seq DESC
