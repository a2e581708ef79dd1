"""Parents: the query that may feed a loop, told by its order, its rows and its names."""

from __future__ import annotations

import polars as pl

from engine.n1.loops import PERIOD, crowded
from engine.n1.rows import COUNTS, ENDS_ONE, ROWS_MANY, ROWS_ONE, has
from engine.n1.statements import related, understand

MOST_SOURCES = 64
"""Earlier templates of a request that are looked at as a loop's parent, the nearest first."""


def fed(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`found` with `parent`, the template of the query that most likely feeds it, and `relation` (`related`), or
    nulls.

    A parent came before, may return many rows, is another template, and ran at most half as often as what it feeds. In
    a session without trace ids, where strangers stand side by side, it must also fit by name or stand right before.
    The surest relation wins, then the nearest. `found` is as `engine.n1.loops.understood` gives it; validations and
    repetitions of the same values have no parent.
    """
    asked = found.filter((pl.col("shape") != "validation") & ((pl.col("distinct") > 1) | pl.col("distinct").is_null()))
    pairs = (
        asked.lazy()
        .select("loop", "unit", "first", "n", "traced", pl.col("template").alias("child"))
        .join(_sources(rows, asked).lazy(), on="unit")
        .filter((pl.col("at") < pl.col("first")) & (pl.col("parent") != pl.col("child")))
        .filter(pl.col("times") * 2 <= pl.col("n"))
        .collect()
    )
    if crowded(pairs, "loop", MOST_SOURCES):
        nearest = pairs.sort("loop", "at", descending=[False, True])
        pairs = nearest.filter(pl.int_range(pl.len()).over("loop") < MOST_SOURCES)
    kinds = pairs.select("child", "parent").unique()
    known = [_relation(child, parent) for child, parent in kinds.select(pl.all().cast(pl.String)).iter_rows()]
    kinds = kinds.with_columns(
        pl.Series("relation", [relation for relation, _ in known], dtype=pl.Int8),
        pl.Series("proof", [proof for _, proof in known], dtype=pl.Int8),
    )
    close = pl.col("first") - pl.col("at") <= PERIOD
    best = (
        pairs.join(kinds, on=["child", "parent"])
        .filter((pl.col("proof") <= pl.col("shown")) & (pl.col("traced") | (pl.col("relation") >= 2) | close))
        .sort("loop", "relation", "at", descending=[False, True, True])
        .unique("loop", keep="first", maintain_order=True)
        .select("loop", "parent", "relation")
    )
    return found.join(best, on="loop", how="left")


def _sources(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Every template of the units in `found`: where it came first (`at`), how many `times`, and what its rows have
    `shown` of returning several.

    0: one row, or asked for one; 1: no number of rows, and a parameter that may be a limit of one; 2: no sign of one
    row; 3: several rows, as the log says.
    """
    shown = (
        pl.when(has(ROWS_MANY)).then(3).when(has(ROWS_ONE)).then(0).when(has(ENDS_ONE)).then(1).otherwise(2)
    )  # fmt: skip
    return (
        rows.lazy()
        .filter(has(COUNTS))
        .join(found.lazy().select("unit").unique(), on="unit", how="semi")
        .group_by("unit", pl.col("template").alias("parent"))
        .agg(pl.col("pos").min().alias("at"), pl.len().alias("times"), shown.cast(pl.Int8).max().alias("shown"))
        .collect()
    )


def _relation(child: str, parent: str) -> tuple[int, int]:
    """The relation of two templates, and what must be `shown` of the parent's rows before it counts as one.

    A list needs no more than no proof against it, a list with a bound limit no sign of one row, and what looks like
    one row needs several in the log; what is no query is never a parent.
    """
    source = understand(parent)
    proof = 4 if source.shape in ("none", "call") else 3 if not source.many else 2 if source.asks_limit else 1
    return related(understand(child), source), proof
