"""What the Overview and the Registry know of a deployed model, read from the views in one consistent moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.panes._details import Record

if TYPE_CHECKING:
    import duckdb

    from engine.room import Room

HISTORY = timedelta(hours=2)
"""How much of the accuracy's course is drawn, up to its newest minute. Minutes whose accuracy is of fewer than 20
predictions say nothing and are left out."""

TREND_MINUTES = 12
"""How many of the newest minutes of predictions are read."""

_NOW = """SELECT * FROM performance_now WHERE environment = ?
ORDER BY CASE state WHEN 'FIRING' THEN 0 WHEN 'WATCH' THEN 1 ELSE 2 END, model"""
_WINDOWS = """SELECT model, version, "window", n, tp, fp, fn, tn, accuracy, accuracy_low, accuracy_high, label_delay_s
FROM performance WHERE environment = ? AND "window" = 'last_1000'"""
_HISTORY = """SELECT model, minute, arg_max(accuracy, n) AS accuracy FROM accuracy_history
WHERE environment = ?1 AND n >= 20
    AND minute > (SELECT max(minute) FROM accuracy_history WHERE environment = ?1) - ?2
GROUP BY ALL ORDER BY model, minute"""
_MINUTES = """SELECT model, minute, sum(predictions) AS predictions FROM predictions_per_minute
WHERE environment = ?1 AND minute > (SELECT max(minute) FROM predictions_per_minute WHERE environment = ?1) - ?2
GROUP BY ALL ORDER BY model, minute"""
_ESTIMATES = """SELECT model, ts, value, low, high, warnings FROM estimates_now
WHERE environment = ? AND metric = 'accuracy' AND value IS NOT NULL"""
_DEPLOYMENTS = """SELECT model, version, config_revision, kind, started_ts FROM deployments
WHERE environment = ? ORDER BY id"""
_FINDINGS = """SELECT ts, prediction_id, model, version, subject, window_start, window_end, score, threshold, reason,
evidence, features, truth FROM findings WHERE environment = ? ORDER BY ts DESC LIMIT 40"""
_ALERTS = """SELECT id, ts, severity, model, to_state, from_state, actor, summary, note FROM alert_history
WHERE (environment = ? OR environment IS NULL) AND severity <> 'info'
    AND to_state IN ('firing', 'resolved', 'acknowledged')
ORDER BY id DESC LIMIT 20"""
_HELD = ("judgements", "labelled_predictions", "performance")
_ALL = (_NOW, _WINDOWS, _HISTORY, _MINUTES, _DEPLOYMENTS, _ESTIMATES, _FINDINGS, _ALERTS)


@dataclass(frozen=True, slots=True)
class Standing:
    """A deployed model and how it does: `now` is its row of `performance_now`, `window` its last 1000 of `performance`.

    `history` is its accuracy by minute, `per_minute` its predictions in each of the newest minutes (None: not yet
    known), `changes` the deployments of its model there, oldest first, `estimate` its accuracy without labels as the
    newest look wrote it down (empty: there was none).
    """

    now: Record
    window: Record = field(default_factory=dict)
    history: Sequence[tuple[datetime, float]] = ()
    per_minute: Sequence[float | None] = ()
    changes: Sequence[Record] = ()
    estimate: Record = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.now["model"])


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the Overview shows, as of `at`."""

    at: datetime
    standings: Sequence[Standing]
    findings: Sequence[Record]
    alerts: Sequence[Record]


def read_overview(room: Room, environment: str) -> Overview:
    """The models of `environment`, their course, and the newest findings and alerts."""
    with room.reader.connect(" ".join([*_ALL, *_HELD])) as connection:
        for view in _HELD:  # the views share these: worked out once, they cost a third
            connection.execute(f'CREATE TEMP TABLE "{view}" AS SELECT * FROM "{view}"')
        now = _rows(connection, _NOW, environment)
        windows = {(r["model"], r["version"]): r for r in _rows(connection, _WINDOWS, environment)}
        history = _by_model(_rows(connection, _HISTORY, environment, HISTORY))
        minutes = _by_model(_rows(connection, _MINUTES, environment, timedelta(minutes=TREND_MINUTES)))
        changes = _by_model(_rows(connection, _DEPLOYMENTS, environment))
        estimates = {r["model"]: r for r in _rows(connection, _ESTIMATES, environment)}
        findings = _rows(connection, _FINDINGS, environment)
        alerts = _rows(connection, _ALERTS, environment)
    newest = max((r["minute"] for rows in minutes.values() for r in rows), default=None)
    return Overview(
        room.clock(),
        tuple(
            Standing(
                row,
                windows.get((row["model"], row["version"]), {}),
                [(r["minute"], r["accuracy"]) for r in history.get(row["model"], ())],
                _filled(minutes.get(row["model"], ()), newest),
                changes.get(row["model"], ()),
                estimates.get(row["model"], {}),
            )
            for row in now
        ),
        findings,
        alerts,
    )


def _filled(rows: Sequence[Record], newest: datetime | None) -> list[float | None]:
    """Predictions in each of the newest minutes, oldest first; a minute without any before the first is unknown."""
    if newest is None:
        return []
    known = {r["minute"]: float(r["predictions"]) for r in rows}
    first = min(known, default=newest)
    minutes = [newest - timedelta(minutes=i) for i in reversed(range(TREND_MINUTES))]
    return [known.get(m, None if m < first else 0.0) for m in minutes]


def _by_model(rows: Sequence[Record]) -> dict[str, list[Record]]:
    out: dict[str, list[Record]] = {}
    for row in rows:
        out.setdefault(row["model"], []).append(row)
    return out


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, *params: object) -> list[dict[str, Any]]:
    from storage.sql import to_frame

    return to_frame(connection.sql(sql, params=list(params))).to_dicts()
