-- Every change of every alert, newest first.
SELECT c.id, CAST(c.ts AS TIMESTAMPTZ) AS ts, c.alert_id, a.rule, a.severity, a.model, a.environment, a.subject,
    c.from_state, c.to_state, c.actor, c.value, a.limit_value, a.n, c.note, a.summary
FROM alert_change c JOIN alert a ON a.id = c.alert_id
ORDER BY c.id DESC
