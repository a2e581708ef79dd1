"""Leaky buckets over whole columns: how full each client's bucket is at each of its requests, without a loop.

A bucket gains 1 a counted request and leaks 1 every `leak_s` seconds, never below empty. With i the request's number
and t its time, the level is Lindley's recursion in closed form: x_i - min(x_j, j <= i) + 1 with x = i - t / leak_s.
The minimum looks back MEMORY at most, so a level depends on nothing older, whatever else is in the frame.
Parameters of the buckets: CrowdSec's HTTP scenarios (hub commit b03cb59, MIT).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from engine.waf.events import MEMORY, REPEAT
from engine.waf.parts import MINUTE, SHOWN

_WIDE_US = int(MEMORY.total_seconds() * 1e6) + 1_000_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """One behaviour that is told by its rate: what counts, how much is allowed, and what it is called."""

    name: str
    """Short, e.g. `probing`."""
    words: str
    """With `{}` for the requests counted in the minute; what the person on call reads."""
    counts: pl.Expr
    """Which requests count."""
    capacity: float
    leak_s: float
    weight: float
    """The probability that a client whose bucket overflows attacks, everything else unknown."""
    distinct: str | None = "target"
    """Only values of this column that the client has not shown within REPEAT count; None counts every request."""
    per: tuple[str, ...] = ()
    """A bucket of its own for each value of these columns."""
    excusable: bool = False
    """An honest robot may do this too."""


_LEVELS: dict[str, pl.DataType | type[pl.DataType]] = {
    "client": pl.String, "minute": MINUTE, "name": pl.String, "level": pl.Float64, "capacity": pl.Float64,
    "count": pl.UInt32, "requests": pl.List(pl.String),
}  # fmt: skip
LEVELS = pl.Schema(_LEVELS)
"""The fullest a client's bucket got in a minute (`level`, 1 a request), and the requests that filled it then."""


def compressed_time(frame: pl.DataFrame, keys: list[str]) -> pl.Series:
    """Time for rolling windows over `frame` (sorted by `keys`, `ts`) in one pass: groups never share a window.

    Gaps longer than a window shrink to just over one, so the numbers stay small.
    """
    same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys)
    gap = pl.col("ts").diff().dt.total_microseconds()
    step = pl.when(same).then(gap.clip(0, _WIDE_US)).otherwise(pl.lit(_WIDE_US))
    return frame.select(step.fill_null(_WIDE_US).cum_sum().cast(pl.Datetime("us")).alias("at"))["at"]


def fresh(frame: pl.DataFrame, keys: list[str], value: str) -> pl.DataFrame:
    """Rows whose `value` the group of `keys` has not shown within REPEAT before."""
    ordered = frame.sort(*keys, value, "ts", "n", nulls_last=True)
    same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in [*keys, value])
    seen = (same & (pl.col("ts").diff() <= REPEAT)).fill_null(False)
    return ordered.filter(~seen)


def levels(events: pl.DataFrame, bucket: Bucket) -> pl.DataFrame:
    """`bucket`'s LEVELS for every client and minute in which something was counted."""
    keys = ["client", *bucket.per]
    counted = events.filter(bucket.counts)
    if counted.is_empty():
        return pl.DataFrame(schema=LEVELS)
    columns = dict.fromkeys(["n", "ts", "minute", "target", *keys, *([bucket.distinct] if bucket.distinct else [])])
    counted = counted.select(list(columns))
    if bucket.distinct:
        counted = fresh(counted, keys, bucket.distinct)
    counted = counted.sort(*keys, "ts", "n")
    spent = pl.int_range(pl.len()) - pl.col("ts").dt.epoch("us") / (bucket.leak_s * 1e6)
    level = pl.col("x") - pl.col("x").rolling_min_by("at", MEMORY, closed="both") + 1.0
    return (
        counted.with_columns(spent.alias("x"), compressed_time(counted, keys).alias("at"))
        .with_columns(level.alias("level"))
        .group_by("client", "minute", maintain_order=True)
        .agg(
            pl.lit(bucket.name).first().alias("name"),
            pl.col("level").max(),
            pl.lit(bucket.capacity).first().alias("capacity"),
            pl.len().alias("count"),
            _shown(),
        )
        .select(pl.col(name).cast(kind) for name, kind in LEVELS.items())
    )


def _shown() -> pl.Expr:
    return pl.col("target").unique(maintain_order=True).head(SHOWN).alias("requests")


def rolling_count(events: pl.DataFrame, counts: pl.Expr, *, distinct: str | None) -> pl.DataFrame:
    """`client`, `minute`, `count`, `requests`: how often `counts` held within MEMORY, at the minute's fullest."""
    columns = dict.fromkeys(["n", "ts", "minute", "target", "client", *([distinct] if distinct else [])])
    counted = events.filter(counts).select(list(columns))
    if counted.is_empty():
        return pl.DataFrame(schema={name: LEVELS[name] for name in ("client", "minute", "count", "requests")})
    if distinct:
        counted = fresh(counted, ["client"], distinct)
    counted = counted.sort("client", "ts", "n").with_columns(pl.lit(1, dtype=pl.Int64).alias("one"))
    return (
        counted.with_columns(compressed_time(counted, ["client"]).alias("at"))
        .with_columns(pl.col("one").rolling_sum_by("at", MEMORY, closed="both").alias("count"))
        .group_by("client", "minute", maintain_order=True)
        .agg(pl.col("count").max().cast(pl.UInt32), _shown())
    )
