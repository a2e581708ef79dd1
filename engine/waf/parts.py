"""A part of the evidence: what kind, how much it weighs, in which words, and the requests that show it."""

from __future__ import annotations

import polars as pl

MINUTE = pl.Datetime("us", "UTC")
PART = pl.Struct({"kind": pl.String, "weight": pl.Float64, "words": pl.String, "requests": pl.List(pl.String)})
"""`weight` is the probability that the client attacks in this minute, were this part all that is known."""
_PARTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "client": pl.String, "minute": MINUTE, "excusable": pl.Boolean, "part": PART,
}  # fmt: skip
PARTS = pl.Schema(_PARTS)
"""One row a part; `excusable` where an honest robot may show it too."""
SHOWN = 5
"""Requests shown for a part at most."""


def part(kind: str, weight: pl.Expr, words: pl.Expr) -> pl.Expr:
    """A PART from a frame with a `requests` column."""
    return pl.struct(
        pl.lit(kind).alias("kind"), weight.cast(pl.Float64).alias("weight"), words.alias("words"), pl.col("requests")
    ).cast(PART)


def as_parts(frame: pl.DataFrame, part: pl.Expr, *, excusable: bool = False) -> pl.DataFrame:
    """PARTS from a frame with `client`, `minute` and what `part` reads."""
    rows = frame.select("client", "minute", pl.lit(excusable).alias("excusable"), part.alias("part"))
    return rows.cast(PARTS)
