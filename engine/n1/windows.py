"""Rows put in order and cut: into a subject's windows, and a session's windows into requests.

A subject's window ends where it is silent for `settle`; one that would last `span` is cut at whole multiples of
`span`. A session without trace ids holds many requests in a row; one ends where it is silent for `idle`. The order in
which rows were read never matters."""

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
    """`starts`, and one more wherever a window of `span` or longer passes a multiple of `span` since the epoch.

    Such a multiple is the same for whoever looks at the last minutes alone, the time since a session began is not.
    """
    starts: npt.NDArray[np.bool_] = rows["starts"].to_numpy().copy()
    ts = rows["ts"].to_physical().to_numpy()
    limit = span // timedelta(microseconds=1)
    begin = np.flatnonzero(starts)
    end = np.append(begin[1:], len(starts))[: len(begin)]
    long = np.repeat(ts[end - 1] - ts[begin] >= limit, end - begin)
    block = ts // limit
    starts[1:] |= long[1:] & (block[1:] != block[:-1])
    return starts
