"""How a rollout goes: what runs where since when, in whose place, what it has judged, and how well."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from storage.sql import Reader

STATUS = """
WITH ran AS (
    SELECT model, version, environment, max_by(config_revision, id) AS config_revision FROM deployment GROUP BY ALL
), pair AS (
    SELECT j.model, j.version, j.environment, coalesce(j.config_revision, r.config_revision) AS config_revision,
        count(*) AS judged,
        count(*) FILTER (j.flagged) AS flagged,
        count(l.truth) AS n, avg(CAST(l.flagged = l.truth AS INTEGER)) AS accuracy
    FROM judgements j
    LEFT JOIN labelled_predictions l ON l.environment = j.environment AND l.prediction_id = j.prediction_id
    LEFT JOIN ran r ON r.model = j.model AND r.version = j.version AND r.environment = j.environment
    GROUP BY ALL
), line AS (
    SELECT *, lag(version) OVER (PARTITION BY model, environment ORDER BY id) AS before_version,
        lag(config_revision) OVER (PARTITION BY model, environment ORDER BY id) AS before_revision
    FROM deployments
)
SELECT d.model, d.environment, d.version, d.config_revision, d.kind, d.actor, d.reason, d.started_ts AS deployed,
    round(epoch($now::TIMESTAMPTZ - d.started_ts) / 3600, 2) AS age_h, d.before_version, d.before_revision,
    coalesce(p.judged, 0) AS judged, coalesce(p.flagged, 0) AS flagged, coalesce(p.n, 0) AS n, p.accuracy,
    b.accuracy AS accuracy_before, w.accuracy_limit, w.state, g.level, g.detail,
    (SELECT count(*) FROM approval a WHERE a.subject = d.model || ' ' || d.environment AND a.decision IS NULL
        AND CAST(a.expires_ts AS TIMESTAMPTZ) > $now::TIMESTAMPTZ) AS open_approvals
FROM line d
JOIN performance_now w ON w.deployment_id = d.id
LEFT JOIN pair p ON p.model = d.model AND p.version = d.version AND p.environment = d.environment
    AND p.config_revision IS NOT DISTINCT FROM d.config_revision
LEFT JOIN pair b ON b.model = d.model AND b.version = d.before_version AND b.environment = d.environment
    AND b.config_revision IS NOT DISTINCT FROM d.before_revision
LEFT JOIN degradation_now g ON g.deployment_id = d.id AND g.metric = 'accuracy'
WHERE d.status = 'active' AND ($model IS NULL OR d.model = $model)
ORDER BY d.environment, d.model
"""


def status(reader: Reader, now: datetime, model: str | None = None) -> pl.DataFrame:
    """A row an active deployment; `judged`, `n` and `accuracy` are of its own pair of version and config revision.

    Predictions from elsewhere that name no revision count for the newest one that their version ran with.
    """
    return reader.query(STATUS, {"now": now, "model": model})
