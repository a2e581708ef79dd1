"""A day of each model beside the day before: what it judged, how well, and what happened to it."""

from __future__ import annotations

from datetime import date

import polars as pl

from storage.sql import Reader

DAY = """
WITH chosen AS (
    SELECT coalesce(CAST($1 AS DATE), (SELECT CAST(max(ts) AS DATE) FROM judgements)) AS day
), judged AS (
    SELECT j.model, j.version, j.environment, j.ts, j.flagged, j.analysis_ms, l.truth,
        CAST(j.ts AS DATE) = c.day AS today
    FROM judgements j
    CROSS JOIN chosen c
    LEFT JOIN labelled_predictions l ON l.environment = j.environment AND l.prediction_id = j.prediction_id
    WHERE CAST(j.ts AS DATE) IN (c.day, c.day - 1)
), figures AS (
    SELECT model, version, environment, count(*) FILTER (today) AS predictions,
        count(*) FILTER (NOT today) AS predictions_before, count(*) FILTER (today AND flagged) AS flagged,
        count(truth) FILTER (today) AS n, avg(CAST(flagged = truth AS INTEGER)) FILTER (today) AS accuracy,
        avg(CAST(flagged = truth AS INTEGER)) FILTER (NOT today) AS accuracy_before,
        2 * count(*) FILTER (today AND flagged AND truth) / nullif(count(*) FILTER (today AND truth)
            + count(*) FILTER (today AND flagged AND truth IS NOT NULL), 0) AS f1,
        count(*) FILTER (today AND flagged AND NOT truth) / nullif(count(*) FILTER (today AND NOT truth), 0) AS fpr,
        quantile_cont(analysis_ms, 0.95) FILTER (today) AS latency_p95_ms,
        list(date_part('hour', ts)) FILTER (today) AS hours
    FROM judged GROUP BY ALL
), alarms AS (
    SELECT h.model, h.environment, count(*) AS alerts FROM alert_history h CROSS JOIN chosen c
    WHERE h.to_state = 'firing' AND h.from_state IS DISTINCT FROM 'recovering' AND CAST(h.ts AS DATE) = c.day
    GROUP BY ALL
), changes AS (
    SELECT d.model, d.environment, count(*) FILTER (d.kind NOT IN ('tune', 'revert')) AS changes,
        count(*) FILTER (d.kind = 'tune') AS tunings, count(*) FILTER (d.kind = 'revert') AS reverts
    FROM deployments d CROSS JOIN chosen c WHERE CAST(d.started_ts AS DATE) = c.day GROUP BY ALL
)
SELECT c.day, f.model, f.version, f.environment, f.predictions, f.predictions_before, f.flagged, f.n, f.accuracy,
    f.accuracy_before, f.f1, f.fpr, f.latency_p95_ms, coalesce(a.alerts, 0) AS alerts,
    coalesce(x.changes, 0) AS changes, coalesce(x.tunings, 0) AS tunings, coalesce(x.reverts, 0) AS reverts,
    [len(list_filter(f.hours, lambda h: h = hour)) FOR hour IN range(24)] AS trend
FROM figures f
CROSS JOIN chosen c
LEFT JOIN alarms a ON a.model = f.model AND a.environment = f.environment
LEFT JOIN changes x ON x.model = f.model AND x.environment = f.environment
WHERE f.predictions > 0
ORDER BY f.environment, f.model, f.version
"""


def summary(reader: Reader, day: date | None = None) -> pl.DataFrame:
    """A row a version and environment that judged anything on `day` (UTC, event time; default: the newest there is).

    `trend` has the verdicts of each hour of the day; `n` counts those of the day whose truth is known.
    """
    return reader.query(DAY, [day])
