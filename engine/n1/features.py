"""Features of a trace: how much it asked, what the log told, and the possible loops in it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from engine.n1 import loops, model
from engine.n1.parents import fed
from engine.n1.rows import COUNTS, TRACED, VEILED, has
from storage.schema import TIME

MOST_CHARACTERS = 2_000
"""Characters of a template that are kept."""

_Kinds = dict[str, pl.DataType | type[pl.DataType]]
_LOOP: _Kinds = {
    "template": pl.String, "n": pl.Int64, "distinct": pl.Int64, "parent": pl.String, "relation": pl.Int64,
    "caller": pl.String, "shape": pl.String, "table": pl.String, "key": pl.String, "key_kind": pl.String,
    "wasted_ms": pl.Float64,
}  # fmt: skip
_LOOP.update(dict.fromkeys(model.WEIGHTS, pl.Float64))
_WINDOW: _Kinds = {
    "subject": pl.String, "window_start": TIME, "window_end": TIME, "statements": pl.Int64, "templates": pl.Int64,
    "total_ms": pl.Float64, "with_caller": pl.Float64, "with_values": pl.Float64, "with_duration": pl.Float64,
    "traced": pl.Boolean, "place": pl.String,
}  # fmt: skip
FEATURES = pl.Schema({**_WINDOW, "loops": pl.List(pl.Struct(_LOOP))})
"""`statements` and `templates` leave out noise; `place` is the first call site; `with_*` are shares of statements that
told their call site, values, duration; `total_ms` and a loop's `wasted_ms` (all but its longest statement) are null
where no duration was logged, and whole microseconds, for a sum of floats depends on their order."""


def features(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    """FEATURES of windowed rows (`engine.n1.windows`), one row a window; repetitions of `least` or more become
    `loops`.
    """
    windows = _windows(rows)
    found = loops.busiest(loops.understood(loops.repeated(rows, least)))
    if found.is_empty():
        none = pl.lit([], dtype=FEATURES["loops"]).alias("loops")
        return windows.with_columns(none).select(FEATURES.names())
    told = _measured(rows, fed(rows, found)).group_by("window").agg(pl.struct(list(_LOOP)).alias("loops"))
    return (
        windows.join(told, on="window", how="left", maintain_order="left")
        .with_columns(pl.col("loops").fill_null([]))
        .select(FEATURES.names())
    )


def _windows(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a window, ordered by start and subject: what it holds and what its log told."""
    counts = has(COUNTS)
    return (
        rows.lazy()
        .group_by("window")
        .agg(
            pl.col("subject").first().cast(pl.String),
            pl.col("ts").first().alias("window_start"),
            pl.col("ts").last().alias("window_end"),
            counts.sum().alias("statements"),
            pl.col("template").filter(counts).n_unique().alias("templates"),
            pl.when(pl.col("ms").count() > 0).then(pl.col("ms").sum().round(3)).alias("total_ms"),
            pl.col("caller").is_not_null().mean().alias("with_caller"),
            (~has(VEILED)).mean().alias("with_values"),
            pl.col("ms").is_not_null().mean().alias("with_duration"),
            has(TRACED).any().alias("traced"),
            pl.col("caller").drop_nulls().first().cast(pl.String).alias("place"),
        )
        .with_columns(*_cast(_WINDOW))
        .sort("window_start", "subject")
        .collect()
    )


def _measured(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Loops as told in FEATURES, with their window."""
    sizes = (
        rows.lazy()
        .join(found.lazy().select("unit").unique(), on="unit", how="semi")
        .group_by("unit")
        .agg(has(COUNTS).sum().alias("unit_n"))
        .collect()
    )
    return (
        found.join(sizes, on="unit")
        .with_columns(
            *(expression.alias(name) for name, expression in model.measured().items()),
            pl.when(pl.col("timed") > 0).then((pl.col("total_ms") - pl.col("longest_ms")).round(3)).alias("wasted_ms"),
            *(pl.col(name).cast(pl.String).str.slice(0, MOST_CHARACTERS) for name in ("template", "parent", "caller")),
        )
        .select("window", *_cast(_LOOP))
    )


def _cast(kinds: Mapping[str, pl.DataType | type[pl.DataType]]) -> list[pl.Expr]:
    return [pl.col(name).cast(kind) for name, kind in kinds.items()]
