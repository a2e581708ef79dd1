"""Degradation for people: what a look found, one line a deployment, and the incidents of a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

import polars as pl

from engine.degradation import Check
from engine.deployment import Deployment
from engine.verification import look
from storage.ledger import Ledger
from storage.sql import Reader

RANK = {"no_data": 0, "ok": 1, "watch": 2, "degraded": 3}


def worst_of_each(found: Iterable[tuple[Deployment, Check]], reader: Reader, ledger: Ledger) -> list[dict[str, Any]]:
    """A row a deployment: its worst metric first to be named, the others under `metrics`.

    `verdict` says of a deployment that raised an alarm whether later labels confirm it (engine/verification.py).
    """
    rows = []
    for number, group in groupby(found, key=lambda pair: pair[0].id):
        pairs = list(group)
        deployment = pairs[0][0]
        worst = max((check for _, check in pairs), key=lambda c: (RANK[c.level], c.drop_relative or -1.0))
        alarmed = worst.level == "degraded"
        verdict = look(reader, ledger, deployment.model, environment=deployment.environment) if alarmed else None
        rows.append({
            "model": deployment.model, "version": deployment.version, "environment": deployment.environment,
            "level": worst.level, "metric": worst.metric, "value": worst.value,
            "baseline": worst.baseline.value if worst.baseline else None,
            "drop_percent": None if worst.drop_relative is None else round(100 * worst.drop_relative, 2),
            "n": worst.n, "labels": worst.labels, "evidence": worst.evidence,
            "verdict": verdict.verdict if verdict else None, "alert_id": verdict.alert_id if verdict else None,
            "detail": worst.detail, "deployment_id": number,
            "metrics": [asdict(check) for _, check in pairs],
        })  # fmt: skip
    return rows


INCIDENTS = """
WITH looks AS (
    SELECT *, level = 'degraded' AS bad, row_number() OVER line AS place,
        row_number() OVER (PARTITION BY model, environment, version, metric, level = 'degraded' ORDER BY id) AS rank
    FROM degradation_history WHERE ts >= $since
    WINDOW line AS (PARTITION BY model, environment, version, metric ORDER BY id)
), runs AS (
    SELECT model, environment, version, metric, min(ts) AS began, max(ts) AS last_seen, count(*) AS looks,
        max(place) AS last_place, any_value(baseline) AS baseline, min(value) AS worst,
        100 * max(drop_relative) AS drop_percent, list(value ORDER BY id) AS trend
    FROM looks WHERE bad GROUP BY model, environment, version, metric, place - rank
), ends AS (
    SELECT r.*, n.ts AS over, n.level AS then_level FROM runs r
    LEFT JOIN looks n ON n.model = r.model AND n.environment = r.environment AND n.version = r.version
        AND n.metric = r.metric AND n.place = r.last_place + 1
), alarms AS (
    SELECT id, model, environment, CAST(pending_ts AS TIMESTAMPTZ) AS since,
        coalesce(CAST(resolved_ts AS TIMESTAMPTZ), 'infinity') AS until, verdict, state
    FROM alert WHERE rule = 'model_performance_degraded'
)
SELECT e.model, e.version, e.environment, e.metric, e.began, e.over, e.looks, e.baseline, e.worst, e.drop_percent,
    max(a.id) AS alert_id, arg_max(a.verdict, a.id) AS verdict,
    arg_min(d.kind || ' to ' || d.version || ' config ' || d.config_revision || ' by ' || d.actor, d.id) AS answered_by,
    min(d.started_ts) AS answered, any_value(e.trend) AS trend
FROM ends e
LEFT JOIN alarms a ON a.model = e.model AND a.environment = e.environment AND a.since <= e.last_seen
    AND a.until >= e.began
LEFT JOIN deployments d ON d.model = e.model AND d.environment = e.environment AND d.started_ts > e.began
GROUP BY e.model, e.version, e.environment, e.metric, e.began, e.over, e.looks, e.baseline, e.worst, e.drop_percent
ORDER BY e.began DESC, e.model, e.metric
"""
"""Unbroken runs of looks that found a metric degraded; `over` is the first look that did not, null if none yet."""


def incidents(reader: Reader, since: datetime) -> pl.DataFrame:
    """Each time a metric was degraded: from when until when, how far, what alarm, whether true, and what was done."""
    return reader.query(INCIDENTS, {"since": since})


def looks(reader: Reader, since: datetime) -> int:
    """How many looks at a metric there were since then: none found is good news only where somebody looked."""
    return int(reader.query("SELECT count(*) AS n FROM degradation_history WHERE ts >= $1", [since]).item())
