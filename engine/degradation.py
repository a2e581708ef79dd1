"""Has a model grown worse since it was deployed? Size and certainty must both say so.

    ok        nothing
    watch     the e-detector has crossed: the metric fell under the baseline, by however little. Nobody is told
    degraded  watch, and over the last 1,000 labels the metric is 5 % or more (relative) under the baseline
    no_data   no baseline yet, or too few labels

The baseline is frozen when a pair is deployed: from a validation set that was given with it, from the version's earlier
labels, from those of the version that ran before it, else from its first labels. Only matured labels count, in the
order of event time. With the default of one false alarm in 30 days the plain rule (5 % under, last 100) raised 347
alarms on 14.5 days of a real stream, this one 1.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.actor import Actor
from engine.deployment import SELECT, Deployment, from_row
from engine.evidence import evidence, gains, metric, run_length, trials
from engine.intervals import wilson
from engine.review import evened
from storage.audit import append
from storage.clock import Clock, rfc3339, utc_now
from storage.ledger import Ledger
from storage.sql import Reader

METRICS = ("accuracy", "f1")
DROP = 0.05
"""Relative; the specification's 5 %."""
WINDOW = 1_000
MEMORY = 250_000
"""As far back the e-detector looks; one that starts later keeps its promise, and a look stays cheap."""
FIRST_LABELS = 300
"""A baseline from fewer labels, or a verdict on fewer, would be a guess."""
EXACT_BASELINE = 20_000
"""A baseline from fewer labels is uncertain itself: the e-detector is held against its lower limit."""
FALSE_ALARM_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """A metric as it was when a pair was deployed, a share of `n` labelled items that count for it (`evidence.trials`).

    `source` is validation, history, predecessor or first_labels.
    """

    metric: str
    value: float
    n: int
    source: str

    @property
    def level(self) -> float:
        """What the e-detector holds the metric against."""
        low = self.value if self.n >= EXACT_BASELINE else wilson(self.value * self.n, self.n).low
        return min(max(low, 0.001), 0.999)


@dataclass(frozen=True, slots=True)
class Check:
    """One look: the level, the numbers behind it, and in words what decided."""

    metric: str
    level: str
    baseline: Baseline | None
    value: float | None
    value_high: float | None
    n: int
    labels: int
    evidence: float | None
    run_length: float | None
    detail: str

    @property
    def drop_relative(self) -> float | None:
        """How far under the baseline the metric is: 0.05 is 5 %."""
        if self.baseline is None or self.value is None or self.baseline.value == 0.0:
            return None
        return 1.0 - self.value / self.baseline.value


def judge(name: str, items: pl.DataFrame, baseline: Baseline | None,
          false_alarm_days: float = FALSE_ALARM_DAYS) -> Check:  # fmt: skip
    """The verdict on metric `name` over `items` (ts, flagged, truth; oldest first, since the baseline)."""
    n = min(items.height, WINDOW)
    if baseline is None:
        need = max(0, FIRST_LABELS - items.height)
        words = f"no baseline yet: {need} more labels freeze it"
        return Check(name, "no_data", None, None, None, n, items.height, None, None, words)
    recent = items.tail(MEMORY)
    flagged, truth = recent["flagged"].to_numpy(), recent["truth"].to_numpy()
    value = metric(name, flagged[-WINDOW:], truth[-WINDOW:])
    if value is None or items.height < FIRST_LABELS:
        words = f"{items.height} labels since the baseline, {FIRST_LABELS} are needed"
        return Check(name, "no_data", baseline, value, None, n, items.height, None, None, words)
    length = run_length(labels_per_day(items), false_alarm_days)
    found = float(evidence(gains(name, flagged, truth, baseline.level), length)[-1])
    share_of = trials(name, flagged[-WINDOW:], truth[-WINDOW:])
    high = wilson(value * share_of, share_of).high
    big = value <= baseline.value * (1.0 - DROP) and (n == WINDOW or high < baseline.value)
    level = "ok" if found < 0.0 else "degraded" if big else "watch"
    words = f"{name} {value:.3f} over {n} labels, baseline {baseline.value:.3f} of {baseline.n} ({baseline.source})"
    return Check(name, level, baseline, value, high, n, items.height, found, length, words)


def walk(name: str, items: pl.DataFrame, baseline: Baseline,
         false_alarm_days: float = FALSE_ALARM_DAYS) -> npt.NDArray[np.float64]:  # fmt: skip
    """The evidence after each item that the metric fell under the baseline; 0 or more is an alarm."""
    flagged, truth = items["flagged"].to_numpy(), items["truth"].to_numpy()
    return evidence(gains(name, flagged, truth, baseline.level), run_length(labels_per_day(items), false_alarm_days))


def replay(name: str, items: pl.DataFrame, baseline: Baseline, every: int,
           false_alarm_days: float = FALSE_ALARM_DAYS) -> pl.DataFrame:  # fmt: skip
    """What looks after every `every` labels would have found: `labels`, `ts`, `value`, `evidence`, `level`."""
    flagged, truth = items["flagged"].to_numpy(), items["truth"].to_numpy()
    found = walk(name, items, baseline, false_alarm_days)
    ends = range(max(every, FIRST_LABELS), items.height + 1, every)
    values = [metric(name, flagged[max(0, end - WINDOW) : end], truth[max(0, end - WINDOW) : end]) for end in ends]
    at = [end - 1 for end in ends]
    looks = pl.DataFrame({
        "labels": list(ends), "ts": items["ts"].gather(at),
        "value": pl.Series(values, dtype=pl.Float64), "evidence": found[at],
    })  # fmt: skip
    small = pl.col("value") <= baseline.value * (1.0 - DROP)
    return looks.with_columns(
        pl.when(pl.col("evidence") < 0.0).then(pl.lit("ok"))
        .when(small).then(pl.lit("degraded")).otherwise(pl.lit("watch")).alias("level")
    )  # fmt: skip


def check(reader: Reader, ledger: Ledger, actor: Actor, clock: Clock = utc_now, *,
          false_alarm_days: float = FALSE_ALARM_DAYS,
          writes: bool = True) -> list[tuple[Deployment, Check]]:  # fmt: skip
    """Look at every active deployment once, freeze baselines that are due, and write down what was found.

    Without `writes` nothing is frozen or written down.
    """
    with ledger.read() as connection:
        active = [from_row(row) for row in connection.execute(f"{SELECT} WHERE d.status = 'active' ORDER BY d.id")]
    found = []
    for deployment in active:
        items = matured(reader, deployment)
        earlier: tuple[str, pl.DataFrame] | None = None
        for name in METRICS:
            with ledger.read() as connection:
                baseline = frozen(connection, deployment, name)
            if baseline is None:
                earlier = _earlier(reader, deployment) if earlier is None else earlier
                baseline = _first_baseline(name, earlier, items)
                if baseline is not None and writes:
                    freeze(ledger, deployment, baseline, actor, clock)
            since = FIRST_LABELS if baseline is not None and baseline.source == "first_labels" else 0
            found.append((deployment, judge(name, items.slice(since), baseline, false_alarm_days), items))
    if writes:
        now = clock()
        with ledger.write() as connection:
            for deployment, done, items in found:
                newest = items["ts"].max()
                _record(connection, deployment, done, newest if isinstance(newest, datetime) else None, now)
    return [(deployment, done) for deployment, done, _ in found]


def matured(reader: Reader, deployment: Deployment) -> pl.DataFrame:
    """The matured labelled predictions of a deployment's pair, oldest first and as if drawn evenly."""
    found = reader.query(
        "SELECT ts, score, flagged, truth, propensity, prediction_id FROM matured_predictions"
        " WHERE model = $1 AND version = $2 AND environment = $3 AND coalesce(config_revision, $4) = $4"
        " ORDER BY ts, prediction_id",
        [deployment.model, deployment.version, deployment.environment, deployment.config_revision],
    )
    return evened(found)


def freeze(ledger: Ledger, deployment: Deployment, baseline: Baseline, actor: Actor,
           clock: Clock = utc_now) -> None:  # fmt: skip
    """Freeze a baseline for a deployment, e.g. from a validation set; one that is frozen stays."""
    ts = rfc3339(clock())
    with ledger.write() as connection:
        done = connection.execute(
            "INSERT INTO baseline VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (deployment.id, baseline.metric, baseline.value, baseline.n, baseline.source, ts),
        )
        if done.rowcount:
            body = {"deployment": deployment.id, "metric": baseline.metric, "value": baseline.value, "n": baseline.n,
                    "source": baseline.source}  # fmt: skip
            append(connection, actor, ts=ts, kind="baseline.changed", subject=str(deployment), body=body)


def frozen(connection: sqlite3.Connection, deployment: Deployment, name: str) -> Baseline | None:
    """The baseline that was frozen for a deployment, or for the deployment whose pair it brought back."""
    for number in (deployment.id, deployment.of_id):
        row = connection.execute(
            "SELECT * FROM baseline WHERE deployment_id = ? AND metric = ?", (number, name)
        ).fetchone()
        if row is not None:
            return Baseline(name, row["value"], row["n"], row["source"])
    return None


def _first_baseline(name: str, earlier: tuple[str, pl.DataFrame], items: pl.DataFrame) -> Baseline | None:
    """The baseline that can be frozen now: of `earlier` labels, else of the first of `items`."""
    source, of = earlier if earlier[1].height >= FIRST_LABELS else ("first_labels", items[:FIRST_LABELS])
    flagged, truth = of["flagged"].to_numpy(), of["truth"].to_numpy()
    value = metric(name, flagged, truth)
    if of.height < FIRST_LABELS or value is None:
        return None
    return Baseline(name, value, round(trials(name, flagged, truth)), source)


def _earlier(reader: Reader, deployment: Deployment) -> tuple[str, pl.DataFrame]:
    """Labels from before a deployment, with where they are from.

    `history`: what the same version said elsewhere or with other settings, as the threshold now would have judged it.
    `predecessor`: of a version that is new here, what ran here before it, as it judged: a release that is worse than
    the one before has degraded.
    """
    place = [deployment.model, deployment.version, deployment.environment, deployment.config_revision]
    own = reader.query(
        "SELECT ts, score >= $5 AS flagged, truth FROM matured_predictions WHERE model = $1 AND version = $2"
        " AND score IS NOT NULL AND (environment <> $3 OR coalesce(config_revision, $4) <> $4)"
        " QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY environment) = 1 ORDER BY ts",
        [*place, deployment.threshold],
    )
    if own.height >= FIRST_LABELS:
        return "history", own
    before = reader.query(
        "SELECT p.ts, p.flagged, p.truth FROM matured_predictions p JOIN ("
        "  SELECT version, config_revision FROM deployment WHERE model = $1 AND environment = $3 AND id < $5"
        "  AND version <> $2 ORDER BY id DESC LIMIT 1) d ON p.version = d.version"
        " AND coalesce(p.config_revision, d.config_revision) = d.config_revision"
        " WHERE p.model = $1 AND p.environment = $3 AND $4 IS NOT NULL ORDER BY p.ts",
        [*place, deployment.id],
    )
    return "predecessor", before


def labels_per_day(items: pl.DataFrame) -> float:
    """How many of `items` come in a day, over their span of time and at least over an hour."""
    span = items.select((pl.col("ts").max() - pl.col("ts").min()).dt.total_seconds()).item() or 0
    return items.height / max(span, 3_600) * 86_400.0


def _record(connection: sqlite3.Connection, deployment: Deployment, done: Check, newest: datetime | None,
            now: datetime) -> None:  # fmt: skip
    base = done.baseline
    connection.execute(
        "INSERT INTO degradation_check (ts, model, environment, deployment_id, metric, level, baseline, baseline_n,"
        " value, value_high, n, labels, drop_relative, evidence, run_length, matured_until, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (rfc3339(now), deployment.model, deployment.environment, deployment.id, done.metric, done.level,
         base and base.value, base and base.n, done.value, done.value_high, done.n, done.labels, done.drop_relative,
         done.evidence, done.run_length, rfc3339(newest) if newest else None, done.detail),
    )  # fmt: skip
