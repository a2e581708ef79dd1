"""Was an alarm true? Decided with labels that came after it: on the labels that raised it, every alarm looks true."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import polars as pl

from engine import alerts
from engine.actor import Actor
from engine.alert_life import Alert
from engine.degradation import DROP, Baseline, frozen
from engine.deployment import Deployment, active
from engine.evidence import metric
from engine.intervals import wilson
from storage.clock import Clock, rfc3339, utc_now
from storage.errors import UsageError
from storage.ledger import Ledger
from storage.sql import Reader

RULE = "model_performance_degraded"
LEAST = 400
"""Labels after an alarm before anything is said about it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """confirmed, false_alarm, inconclusive, no_labels, superseded or no_alarm; with the numbers behind it."""

    model: str
    environment: str
    verdict: str
    alert_id: int | None
    baseline: float | None
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_needed: int
    detail: str


def decide(items: pl.DataFrame, baseline: Baseline) -> tuple[str, float | None, float, float, int]:
    """Verdict, value, low, high and labels needed on accuracy of `items` (flagged, truth) that came after an alarm."""
    limit = baseline.value * (1.0 - DROP)
    need = max(LEAST, sample_size(baseline.value, limit))
    value = metric("accuracy", items["flagged"].to_numpy(), items["truth"].to_numpy())
    if value is None:
        return "no_labels", None, 0.0, 1.0, need
    one_sided = wilson(value * items.height, items.height, 0.90)
    enough = items.height >= need
    if enough and value <= limit and one_sided.high < baseline.value:
        verdict = "confirmed"
    elif enough and one_sided.low > limit:
        verdict = "false_alarm"
    else:
        verdict = "inconclusive"
    return verdict, value, one_sided.low, one_sided.high, need


def sample_size(p0: float, p1: float, alpha: float = 0.05, power: float = 0.90) -> int:
    """How many labels tell share `p0` from `p1`, one-sided (normal approximation, e.g. Fleiss 1981)."""
    if p0 == p1:
        raise ValueError("the shares are the same")
    a, b = NormalDist().inv_cdf(1.0 - alpha), NormalDist().inv_cdf(power)
    return ceil(((a * sqrt(p0 * (1.0 - p0)) + b * sqrt(p1 * (1.0 - p1))) / (p0 - p1)) ** 2)


def verify(reader: Reader, ledger: Ledger, model: str, actor: Actor, clock: Clock = utc_now, *,
           environment: str = "production") -> Verdict:  # fmt: skip
    """Judge the newest degradation alarm of a model, and write the verdict to it."""
    verdict = look(reader, ledger, model, environment=environment)
    if verdict.alert_id is not None:
        alerts.verified(ledger, verdict.alert_id, verdict.verdict, actor, clock(), verdict.detail)
    return verdict


def look(reader: Reader, ledger: Ledger, model: str, *, environment: str = "production") -> Verdict:
    """The same judgement, written nowhere."""
    with ledger.read() as connection:
        now = active(connection, model, environment)
        row = connection.execute(
            "SELECT id FROM alert WHERE rule = ? AND model = ? AND environment = ? AND fired_ts IS NOT NULL"
            " ORDER BY id DESC LIMIT 1",
            (RULE, model, environment),
        ).fetchone()
        alarm = alerts.get(connection, row["id"]) if row else None
        seen = _seen(connection, alarm) if alarm else None
        baseline = frozen(connection, now, "accuracy") if now else None
    if now is None:
        raise UsageError(f"{model} is not deployed in {environment}; `watchroom list-models` shows what is")
    if alarm is None or alarm.fired_ts is None:
        return _without(now, "no_alarm", None, "no degradation alarm was ever raised for it")
    if seen is None or seen["deployment_id"] != now.id:
        words = f"a {now.kind} at {now.started_ts:%Y-%m-%d %H:%M} UTC came after it"
        return _without(now, "superseded", alarm.id, words)
    if baseline is None:
        return _without(now, "no_labels", alarm.id, "no baseline is frozen")
    since = seen["matured_until"] or rfc3339(alarm.fired_ts)
    return _judged(now, alarm.id, _after(reader, now, since), baseline)


def _judged(now: Deployment, alarm: int, items: pl.DataFrame, baseline: Baseline) -> Verdict:
    verdict, value, low, high, need = decide(items, baseline)
    short = max(0, need - items.height)
    words = {
        "confirmed": "it is as bad on labels that came later",
        "false_alarm": "labels that came later do not bear it out",
        "no_labels": f"no label came after it yet, {need} are needed",
        "inconclusive": f"{short} more labels are needed" if short else "too close to the limit to tell",
    }[verdict]
    return Verdict(
        now.model, now.environment, verdict, alarm, baseline.value, value, low, high, items.height, need, words
    )


def _without(now: Deployment, verdict: str, alarm: int | None, words: str) -> Verdict:
    return Verdict(now.model, now.environment, verdict, alarm, None, None, None, None, 0, 0, words)


def _seen(connection: sqlite3.Connection, alarm: Alert) -> sqlite3.Row | None:
    """The look that raised an alarm: its deployment, and the event time of the newest label that had a part in it."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT deployment_id, matured_until FROM degradation_check WHERE model = ? AND environment = ? AND ts <= ?"
        " ORDER BY id DESC LIMIT 1",
        (alarm.model, alarm.environment, rfc3339(alarm.fired_ts or alarm.pending_ts)),
    ).fetchone()
    return row


def _after(reader: Reader, now: Deployment, since: str) -> pl.DataFrame:
    return reader.query(
        "SELECT flagged, truth FROM matured_predictions WHERE model = $1 AND version = $2 AND environment = $3"
        " AND coalesce(config_revision, $4) = $4 AND ts > CAST($5 AS TIMESTAMPTZ)",
        [now.model, now.version, now.environment, now.config_revision, since],
    )
