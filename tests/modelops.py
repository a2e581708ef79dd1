"""What the tests of model operations share: a home, a clock that is set by hand, a model that runs elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from engine.actor import Actor
from engine.registry import Card, Registry
from storage.home import Home
from storage.lake import Lake
from storage.ledger import Ledger
from storage.sql import Reader

MARA = Actor("mara", "cli", "web-3")
IDRIS = Actor("idris", "console", "web-3")
JOB = Actor("watchroom", "scheduler", "web-3")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **by: float) -> datetime:
        """Move the clock by a timedelta's keywords; returns the new time."""
        self.now += timedelta(**by)
        return self.now


@dataclass
class Room:
    """A home with a registry that mara uses."""

    lake: Lake
    ledger: Ledger
    reader: Reader
    registry: Registry
    clock: HandClock

    def as_user(self, actor: Actor) -> Registry:
        """The same registry as somebody else uses it."""
        return Registry(self.ledger, actor, self.clock)


def card(name: str = "census", version: str = "1.0.0", threshold: float = 0.5) -> Card:
    """A model that runs elsewhere: alert under 0.85, tuned between 0.5 and 0.9."""
    return Card(name, version, "external", "is employed", 0.85, "warning", 0.5, 0.9, 0.05,
                {"threshold": threshold, "limit": 120})  # fmt: skip


def room(path: Path, *, deployed: bool = True) -> Room:
    """A new home; with `deployed` the model census 1.0.0 runs in production."""
    clock = HandClock()
    lake = Lake.open(Home(path / "home"), clock)
    made = Room(lake, lake.ledger, Reader(lake), Registry(lake.ledger, MARA, clock), clock)
    if deployed:
        made.registry.register_card(card(), reason="first")
        made.registry.deploy("census", "1.0.0", "production", reason="first", expected=0)
    return made


def predictions(rows: Sequence[tuple[float, float]], *, model: str = "census", version: str = "1.0.0",
                environment: str = "production", threshold: float = 0.5, first: int = 0) -> pl.DataFrame:  # fmt: skip
    """Predictions from (minutes after START, score), subjects s0, s1, ... counted from `first`."""
    at = [START + timedelta(minutes=minute) for minute, _ in rows]
    return pl.DataFrame({
        "ts": at, "prediction_id": [f"{model}-{version}-{first + i}" for i in range(len(rows))],
        "subject": [f"s{first + i}" for i in range(len(rows))], "window_start": at, "window_end": at,
        "score": [score for _, score in rows],
    }).with_columns(
        pl.lit(model).alias("model"), pl.lit(version).alias("version"), pl.lit(environment).alias("environment"),
        pl.lit(1).alias("config_revision"), pl.lit(threshold).alias("threshold"),
        (pl.col("score") >= threshold).alias("flagged"), pl.lit(4.0).alias("analysis_ms"),
        pl.lit("run").alias("run_id"),
    )  # fmt: skip


def labels(truths: Sequence[bool | None], *, model: str = "census", first: int = 0, minute: float = 60.0,
           window_start: datetime | None = None) -> pl.DataFrame:  # fmt: skip
    """Labels of s0, s1, ... made `minute` minutes after START."""
    return pl.DataFrame(
        {
            "ts": [START + timedelta(minutes=minute)] * len(truths),
            "subject": [f"s{first + i}" for i in range(len(truths))],
            "truth": list(truths),
        },
        schema_overrides={"truth": pl.Boolean},
    ).with_columns(
        pl.lit(model).alias("model"), pl.lit(window_start, dtype=pl.Datetime("us", "UTC")).alias("window_start"),
        pl.lit("mara").alias("actor"),
    )  # fmt: skip
