"""Rows put in order and cut: into a subject's windows, and a session's windows into requests.

A subject's window ends where it is silent for `settle`; one that lasts is cut before it reaches `span`. A session
without trace ids holds many requests in a row; one ends where it is silent for `idle`. The order in which rows were
read never matters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.n1.rows import COUNTS, TRACED, WRITES, has

_ORDER = ("ts", "byte_offset", "identity", "values", "ms")
"""What orders a subject's rows, and what two rows must share to be one event that was read twice."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where to cut: silence that ends a window, its longest length, silence that ends a request of a session."""

    settle: timedelta
    span: timedelta
    idle: timedelta


def windowed(rows: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """`rows` (`engine.n1.rows.narrow`) in order and without duplicates, plus `window`, `unit`, `pos` and `written`.

    `window` numbers a subject's windows, `unit` the requests in them (one, where there is a trace id), `pos` counts the
    statements that are no noise, `written` those that change data. All four grow from the first row to the last.
    """
    rows = _ordered(rows)
    same = pl.col("subject").to_physical().diff().fill_null(1) == 0
    gap = pl.when(same).then(pl.col("ts").diff())
    rows = rows.with_columns(gap.alias("gap"), (gap.is_null() | (gap >= cut.settle)).alias("starts"))
    rows = rows.with_columns(pl.Series("starts", _cut_long(rows, cut.span), dtype=pl.Boolean))
    return rows.select(
        pl.exclude("gap", "starts", "byte_offset", "identity"),
        pl.col("starts").cum_sum().alias("window"),
        (pl.col("starts") | (~has(TRACED) & (_silence() >= cut.idle))).cum_sum().alias("unit"),
        has(COUNTS).cum_sum().alias("pos"),
        has(WRITES).cum_sum().alias("written"),
    )


def _silence() -> pl.Expr:
    """Time since the row before in which no statement ran, whether a log's times are those of begins or of ends."""
    busy = pl.max_horizontal(pl.col("ms"), pl.col("ms").shift(1)).fill_null(0.0)
    return pl.col("gap") - pl.duration(microseconds=(busy * 1_000).cast(pl.Int64))


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` by subject, time and offset; where these tie, by the rest of what tells events apart; duplicates
    dropped.
    """
    who = pl.col("subject").to_physical()
    rows = rows.sort(who, "ts", "byte_offset")
    tie = pl.all_horizontal(
        who == who.shift(1), *(pl.col(c).eq_missing(pl.col(c).shift(1)) for c in ("ts", "byte_offset"))
    ).fill_null(False)
    if not rows.select(tie.any()).item():
        return rows
    rows = rows.sort(who, *_ORDER)
    return rows.filter(~(tie & pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).shift(1)) for c in _ORDER)))


def _cut_long(rows: pl.DataFrame, span: timedelta) -> npt.NDArray[np.bool_]:
    """`starts`, and one more at each multiple of two thirds of `span` that a window has lasted a third of it before.

    So no window is longer than `span`, and where one is cut is known from what lies a third of `span` before the cut:
    whoever looks at the last minutes alone, or has not seen the next ones yet, cuts at the same places.
    """
    starts: npt.NDArray[np.bool_] = rows["starts"].to_numpy().copy()
    ts = rows["ts"].to_physical().to_numpy()
    third = span // timedelta(microseconds=1) // 3
    begun = ts[np.maximum.accumulate(np.where(starts, np.arange(len(ts)), 0))]
    multiple = ts // (2 * third)
    crosses = np.zeros(len(ts), np.bool_)
    crosses[1:] = multiple[1:] != multiple[:-1]
    starts |= crosses & (multiple * (2 * third) - begun >= third)
    return starts
