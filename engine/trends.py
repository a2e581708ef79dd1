"""Where a model's figures are going: a point a minute, hour, day or week, and whether the later half is another one.

Whether accuracy rose or fell is told by a two-proportion z-test of the later half of the labels against the earlier
half, at 1 %: with less than that a line that goes down says nothing.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from engine.monitor import Step, trends
from storage.sql import Reader

CERTAIN_Z = 2.576
"""Two-sided 1 %."""
FINEST: tuple[tuple[timedelta, Step], ...] = (
    (timedelta(hours=3), "minute"), (timedelta(days=4), "hour"), (timedelta(days=120), "day"),
)  # fmt: skip
"""Up to which span of time a point is a minute, an hour, a day; beyond, a week."""


def step_for(reader: Reader, days: int) -> Step:
    """The step that draws the last `days` of labelled verdicts in a line of at most some 200 points."""
    found = reader.query(
        "SELECT epoch(max(ts)) - epoch(min(ts)) AS span_s FROM labelled_predictions"
        " WHERE ts >= (SELECT max(ts) FROM predictions) - to_days(CAST($1 AS INTEGER))",
        [days],
    )
    length = timedelta(seconds=found["span_s"][0] or 0.0)
    return next((step for limit, step in FINEST if length <= limit), "week")


def lines(reader: Reader, days: int, step: Step | None = None) -> pl.DataFrame:
    """A row a version and environment: labels, accuracy of the earlier and later half, its direction, and `trend`."""
    chosen = step or step_for(reader, days)
    series = ("model", "version", "environment")
    points = trends(reader, days, chosen).with_columns(right=pl.col("accuracy") * pl.col("n"))
    late = pl.col("n").cum_sum().over(series) - pl.col("n") / 2 > pl.col("n").sum().over(series) / 2
    halves = points.with_columns(late=late).group_by(series, maintain_order=True).agg(
        pl.lit(chosen).first().alias("step"), pl.len().alias("points"), pl.col("n").sum(),
        (pl.col("right").sum() / pl.col("n").sum()).alias("accuracy"),
        *(_share(late=side).alias(name) for side, name in ((False, "earlier"), (True, "later"))),
        *(pl.col("n").filter(pl.col("late") == side).sum().alias(f"n_{side}") for side in (False, True)),
        pl.col("f1").last(), pl.col("flag_rate").last(), pl.col("accuracy").alias("trend"),
        pl.col("ts").first().alias("since"), pl.col("ts").last().alias("until"),
    )  # fmt: skip
    spread = (pl.col("accuracy") * (1 - pl.col("accuracy")) * (1 / pl.col("n_False") + 1 / pl.col("n_True"))).sqrt()
    z = pl.when(spread > 0).then((pl.col("later") - pl.col("earlier")) / spread)
    return (
        halves.with_columns((pl.col("later") - pl.col("earlier")).alias("change"), z.alias("z"))
        .with_columns(
            pl.when(pl.col("z") >= CERTAIN_Z).then(pl.lit("rising"))
            .when(pl.col("z") <= -CERTAIN_Z).then(pl.lit("falling"))
            .otherwise(pl.lit("steady")).alias("direction")
        )
        .select(*series, "step", "points", "n", "accuracy", "earlier", "later", "change", "direction", "f1",
                "flag_rate", "trend", "since", "until")
    )  # fmt: skip


def _share(*, late: bool) -> pl.Expr:
    half = pl.col("late") == late
    return pl.when(half.any()).then(pl.col("right").filter(half).sum() / pl.col("n").filter(half).sum())
