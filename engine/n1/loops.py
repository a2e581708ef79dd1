"""Loops: statements of one template and place in the code, repeated within a request, and the query that may feed
them.
"""

from __future__ import annotations

import polars as pl

from engine.n1.rows import CANDIDATE, TRACED, VEILED, has
from engine.n1.statements import understand

PERIOD = 6
"""Statements that one turn of a loop may hold at most and still count as adjacent (Sentry looks at 5, in newer
versions 8)."""
MOST_LOOPS = 12
"""Loops of a request that are looked at, those with the most different values first."""


def repeated(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    """One row a repetition: a unit's statements of one template and caller, `least` or more of them.

    `rows` come from `engine.n1.windows.windowed`. Columns: loop (a number), unit, window, template, caller, n,
    distinct (how many different values; null where none were logged), first (its first `pos`), near (neighbours at
    most PERIOD apart), written (changes of data between its first and last), total_ms and longest_ms, timed
    (statements with a duration), traced (has a trace id).
    """
    place = pl.col("caller").to_physical().hash(0)
    key = (pl.col("unit").cast(pl.UInt64) * 2**32 + pl.col("template").to_physical().cast(pl.UInt64)).hash(0) ^ place
    asked = rows.filter(has(CANDIDATE)).with_columns(key.alias("key"))
    counts = asked.group_by("key").len().filter(pl.col("len") >= least).select("key")
    asked = asked.join(counts.with_row_index("loop"), on="key").sort("loop", "pos")
    turn = (pl.col("loop") == pl.col("loop").shift(1)) & (pl.col("pos").diff() <= PERIOD)
    different = asked.lazy().select("loop", "values").unique().group_by("loop").agg(pl.len().alias("distinct"))
    return (
        asked.lazy()
        .with_columns(turn.fill_null(False).alias("near"))
        .group_by("loop")
        .agg(
            *(pl.col(name).first() for name in ("unit", "window", "template", "caller")),
            pl.len().alias("n"),
            pl.col("pos").first().alias("first"),
            pl.col("near").sum(),
            (pl.col("written").last() - pl.col("written").first()).alias("written"),
            pl.col("ms").sum().alias("total_ms"),
            pl.col("ms").max().alias("longest_ms"),
            pl.col("ms").count().alias("timed"),
            has(VEILED).all().alias("veiled"),
            has(TRACED).any().alias("traced"),
        )
        .join(different, on="loop")
        .with_columns(pl.when(~pl.col("veiled") | (pl.col("distinct") > 1)).then("distinct").alias("distinct"))
        .drop("veiled")
        .collect()
    )


def busiest(found: pl.DataFrame) -> pl.DataFrame:
    """The MOST_LOOPS repetitions of each unit with the most different values, in an order that the input's does not
    change.
    """
    if not crowded(found, "unit", MOST_LOOPS):
        return found
    texts = [pl.col(name).cast(pl.String).alias(f"_{name}") for name in ("template", "caller")]
    order = ["unit", pl.coalesce("distinct", "n"), "n", "_template", "_caller"]
    ranked = found.with_columns(texts).sort(order, descending=[False, True, True, False, False])
    return ranked.filter(pl.int_range(pl.len()).over("unit") < MOST_LOOPS).drop("_template", "_caller")


def crowded(rows: pl.DataFrame, by: str, most: int) -> bool:
    """Whether any group has more than `most` rows; ranking within groups is dear and rarely needed."""
    return bool(rows.group_by(by).len().select((pl.col("len") > most).any()).item())


def understood(found: pl.DataFrame) -> pl.DataFrame:
    """`found` with what its templates are: shape, key, key_kind, table; only those that a loop can repeat."""
    known = found.select("template").unique()
    facts = [understand(text) for text in known["template"].cast(pl.String)]
    known = known.with_columns(
        pl.Series("shape", [f.shape for f in facts], dtype=pl.String),
        pl.Series("key_kind", [f.key_kind for f in facts], dtype=pl.String),
        pl.Series("key", [f.key for f in facts], dtype=pl.String),
        pl.Series("table", [f.table for f in facts], dtype=pl.String),
        pl.Series("_loops", [f.loops or f.shape == "validation" for f in facts], dtype=pl.Boolean),
    )
    return found.join(known.filter("_loops").drop("_loops"), on="template")
