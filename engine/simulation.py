"""What the rules would have told over the past: the real rules, life and notices, on a clock that runs through it.

The rules about a model's accuracy are given, at each look, what its labelled predictions up to then say; the others
answer by their own `history` (`engine/rule_history.py`). A ledger in a temporary folder takes the real one's place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl

from engine import alerts, degradation, notices
from engine.actor import Actor
from engine.alert_rules import Rule, Seen, default_rules, seen
from engine.channel import Channel, Notice, Routing
from engine.evidence import evidence, gains, metric, run_length
from storage.ledger import Ledger

ACCURACY, DEGRADED = "model_accuracy_below_threshold", "model_performance_degraded"
SIMULATED = (ACCURACY, DEGRADED)
"""The rules that are answered from a stream of labelled predictions."""
_SIMULATOR = Actor("simulation", "scheduler", "simulation")
Answer = tuple[datetime, Seen]
"""What a rule said of one cause, and when."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A model's labelled predictions (ts, flagged, truth; oldest first), its accuracy limit, and its baseline.

    Without a baseline the first 300 items are it.
    """

    model: str
    items: pl.DataFrame
    accuracy_limit: float
    baseline: degradation.Baseline | None = None
    severity: str = "warning"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Alerts that fired, and notices that went out at once (`told`) or wait for the digest, by day, rule and model."""

    by_day: pl.DataFrame
    days: float
    fired: int
    told: int
    held_back: int

    @property
    def told_per_day(self) -> float:
        """Notices a day that are not mere information."""
        return self.told / self.days if self.days else 0.0


class _Pager(Channel):
    """Stands for everybody who is told."""

    name = "pager"
    title = "the simulation's pager"
    settings_type = Routing

    def send(self, notice: Notice) -> None:
        """Nothing is sent."""


def simulate(streams: Sequence[Stream], *, rules: Sequence[Rule] | None = None,
             step: timedelta = timedelta(minutes=15), others: Iterable[Answer] = ()) -> Outcome:  # fmt: skip
    """Run the rules over the streams, a look every `step` of event time, with what `others` answered elsewhere."""
    known = {rule.name: rule for rule in (default_rules() if rules is None else rules)}
    said = [*others, *(answer for stream in streams for answer in _heard(answers(stream, step), known))]
    said.sort(key=lambda answer: answer[0])
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "simulation.sqlite3")
        with ledger.read() as connection:
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
        for moment, group in groupby(said, key=lambda answer: answer[0]):
            _look(ledger, [found for _, found in group], known, moment)
        outcome = _outcome(ledger, (said[-1][0] - said[0][0]) / timedelta(days=1) if said else 0.0)
        ledger.close()
    return outcome


def _heard(looks: pl.DataFrame, known: dict[str, Rule]) -> list[Answer]:
    return [(row["ts"], seen(known[row["rule"]], row)) for row in looks.iter_rows(named=True) if row["rule"] in known]


def answers(stream: Stream, step: timedelta) -> pl.DataFrame:
    """What the simulated rules' queries would have answered at each look: rule, ts, model, bad, clear, value, ..."""
    items = stream.items.sort("ts", maintain_order=True)
    baseline = stream.baseline
    if baseline is None:
        first = items[: degradation.FIRST_LABELS]
        value = metric("accuracy", first["flagged"].to_numpy(), first["truth"].to_numpy()) or 0.0
        baseline = degradation.Baseline("accuracy", value, first.height, "first_labels")
        items = items[degradation.FIRST_LABELS :]
    right = (pl.col("flagged") == pl.col("truth")).cast(pl.Float64)
    known = items.with_columns(
        pl.int_range(1, pl.len() + 1).alias("n"),
        right.rolling_mean(100, min_samples=1).alias("acc100"),
        right.rolling_mean(1_000, min_samples=1).alias("acc1000"),
        pl.Series("evidence", degradation.walk("accuracy", items, baseline)),
        pl.Series("under_limit", _under(items, stream.accuracy_limit)),
        pl.col("ts").dt.truncate(step).alias("slot"),
    )
    looks = known.group_by("slot", maintain_order=True).last().filter(pl.col("n") >= 20)
    named = looks.select(
        pl.lit(stream.model).alias("model"), pl.lit("production").alias("environment"),
        pl.lit(stream.severity).alias("severity"), (pl.col("slot") + step).alias("ts"), "n", "acc100", "acc1000",
        "evidence", "under_limit",
    )  # fmt: skip
    return pl.concat([_under_limit(named, stream.accuracy_limit), _worse_than(named, baseline.value)])


_ANSWER = ("ts", "model", "environment", "severity", "n")


def _under_limit(looks: pl.DataFrame, limit: float) -> pl.DataFrame:
    """The rule of the accuracy limit at each look."""
    low = (pl.col("acc100") < limit) & (pl.col("acc1000") < limit) & (pl.col("under_limit") >= 0.0)
    return looks.select(
        pl.lit(ACCURACY).alias("rule"), *_ANSWER, low.alias("bad"), (pl.col("acc100") >= limit + 0.01).alias("clear"),
        pl.col("acc100").alias("value"), pl.lit(limit).alias("limit_value"),
    )  # fmt: skip


def _worse_than(looks: pl.DataFrame, base: float) -> pl.DataFrame:
    """The rule of degradation against the baseline at each look: worse at two in a row."""
    worse = (
        (pl.col("evidence") >= 0.0) & (pl.col("acc1000") <= base * (1.0 - degradation.DROP))
        & (pl.col("n") >= degradation.FIRST_LABELS)
    )  # fmt: skip
    twice = worse & worse.shift(1, fill_value=False)
    return looks.select(
        pl.lit(DEGRADED).alias("rule"), *_ANSWER, twice.alias("bad"),
        (~worse & (pl.col("acc1000") >= base * 0.975)).alias("clear"), pl.col("acc1000").alias("value"),
        pl.lit(base).alias("limit_value"),
    )  # fmt: skip


def _under(items: pl.DataFrame, limit: float) -> pl.Series:
    """The evidence after each item that the accuracy is under its limit; 0 or more is an alarm."""
    gained = gains("accuracy", items["flagged"].to_numpy(), items["truth"].to_numpy(), limit)
    length = run_length(degradation.labels_per_day(items), degradation.FALSE_ALARM_DAYS)
    return pl.Series(evidence(gained, length))


def _look(ledger: Ledger, found: Sequence[Seen], rules: dict[str, Rule], moment: datetime) -> None:
    with ledger.write() as connection:
        changes = alerts.settle(connection, found, rules.values(), _SIMULATOR, moment)
        states = {change.alert.id: change.to_state for change in changes}
        over = [(change.to_state, change.alert) for change in changes if not change.alert.is_open]
        still = [(states.get(alert.id, ""), alert) for alert in alerts.open_alerts(connection)]
        notices.tell(connection, [*over, *still], rules, [_Pager(Routing())], moment)


def _outcome(ledger: Ledger, days: float) -> Outcome:
    with ledger.read() as connection:
        fired = connection.execute(
            "SELECT c.ts, a.rule, a.model FROM alert_change c JOIN alert a ON a.id = c.alert_id"
            " WHERE c.to_state = 'firing' AND coalesce(c.from_state, '') <> 'recovering'"
        ).fetchall()
        sent = connection.execute(
            "SELECT o.created_ts, a.rule, a.model, o.state FROM outbox o JOIN alert a ON a.id = o.alert_id"
            " WHERE json_extract(o.body, '$.kind') <> 'resolved'"
        ).fetchall()
    schema = {"ts": pl.String, "rule": pl.String, "model": pl.String, "what": pl.String}
    rows = [(*row, "fired") for row in map(tuple, fired)]
    rows += [(r[0], r[1], r[2], "held_back" if r[3] == "digest" else "told") for r in map(tuple, sent)]
    happened = pl.DataFrame(rows, schema=schema, orient="row")
    by_day = (
        happened.with_columns(pl.col("ts").str.slice(0, 10).alias("day"))
        .group_by("day", "rule", "model")
        .agg(*((pl.col("what") == what).sum().alias(what) for what in ("fired", "told", "held_back")))
        .sort("day", "rule", "model")
    )
    counts = [int(by_day[name].sum()) for name in ("fired", "told", "held_back")]
    return Outcome(by_day, days, *counts)
