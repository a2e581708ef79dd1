"""How sure a loop is N+1: a logistic over a few features that a person can check by hand.

z = BIAS + sum(weight * feature),  p = 1 / (1 + exp(-z)),  a trace's score = the highest p of its loops

Where the weights are from: a prior set by hand from what the peers count and their users complain of, then maximum a
posteriori over labelled traces of five projects, see docs/detectors/n1-detector.md. The loop of the highest p stood
for its trace. `stray`, `writes`, `settings` and `few_veiled` are prior alone: the public sets hold too few of such
cases.
"""

from __future__ import annotations

import re

import polars as pl

FEW = 5
"""Different values from which a loop needs no further proof; Sentry, perf-sentinel, Scout and AppMap start about
here."""

BIAS = -4.8
WEIGHTS: dict[str, float] = {
    "doublings": 1.2,
    "long": 2.2,
    "adjacent": 1.7,
    "few_share": 4.0,
    "few_veiled": -1.5,
    "orphan": -0.9,
    "stray": -5.0,
    "by_name": -3.5,
    "settings": -1.5,
    "writes": -2.0,
}
"""What each feature (`measured`) adds to z."""

MAX_DOUBLINGS = 5.0
"""More than 32 repeats are no surer than 32."""
NO_LOOP = 0.008
"""Score of a trace without any repetition: the logistic of BIAS."""

_SETTINGS = (
    r"(?i)(^|[._])(setting|config|configuration|preference|option|feature|flag|flipper|toggle|translation|locale|parameter|"
    r"param|registry|variable)[a-z_]*s?$"
)


def holds_settings(table: str) -> bool:
    """Whether a table's name says that it holds settings, translations or the like."""
    return re.search(_SETTINGS, table) is not None


def repeats() -> pl.Expr:
    """Different values of a loop; where none were logged, its statements less one, for one row may have been asked
    twice.
    """
    return pl.coalesce(pl.col("distinct"), pl.col("n").cast(pl.Int64) - 1).cast(pl.Float64)


def measured() -> dict[str, pl.Expr]:
    """The features of a loop, over the columns of `engine.n1.loops` and `unit_n`, the statements of its request.

    doublings: log2 of the repeats. long: FEW or more. adjacent: share of turns within a loop's period. few_share: of
    few repeats (three, or two with a parent) the share of the request that is repeated look-ups by id, for the list of
    a polymorphic relation has several loops. few_veiled: few, and no values logged. orphan: no parent. stray: nor a
    trace id, so it may be many requests that ask once each. by_name: not asked by an id. settings: a table of settings.
    writes: changes of data a turn, at most 1. All loops of a request must be among the rows.
    """
    few, by_name = repeats() < FEW, pl.col("key_kind").is_in(["natural", "none"])
    orphan = pl.col("relation").is_null()
    looked_up = pl.when((repeats() >= 2) & ~by_name).then("n").otherwise(0).sum().over("unit")
    seen = pl.max_horizontal(looked_up, "n") / pl.col("unit_n")
    return {
        "doublings": repeats().log(2).clip(0.0, MAX_DOUBLINGS),
        "long": (~few).cast(pl.Float64),
        "adjacent": pl.col("near") / (pl.col("n") - 1),
        "few_share": pl.when(few & (repeats() >= pl.when(orphan).then(3).otherwise(2))).then(seen).otherwise(0.0),
        "few_veiled": (few & pl.col("distinct").is_null()).cast(pl.Float64),
        "orphan": orphan.cast(pl.Float64),
        "stray": (orphan & ~pl.col("traced")).cast(pl.Float64),
        "by_name": by_name.cast(pl.Float64),
        "settings": pl.col("table").str.contains(_SETTINGS).cast(pl.Float64),
        "writes": (pl.col("written") / (pl.col("n") - 1)).clip(0.0, 1.0),
    }


def probability() -> pl.Expr:
    """p of a loop over its features; a validation, and one value asked again and again, are no loop at all."""
    z = pl.lit(BIAS) + pl.sum_horizontal(weight * pl.col(name) for name, weight in WEIGHTS.items())
    loop = (pl.col("shape") != "validation") & (repeats() >= 2)
    return pl.when(loop).then(1.0 / (1.0 + (-z).exp())).otherwise(NO_LOOP)
