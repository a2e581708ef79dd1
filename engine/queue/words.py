"""Figures in the words of the person on call, as column expressions."""

from __future__ import annotations

import polars as pl


def _scaled(value: pl.Expr, steps: list[tuple[float, float, str]], last: tuple[float, str]) -> pl.Expr:
    """`value` in the first unit (below, divisor, name) that fits, with at most one decimal; `?` where unknown."""
    divisor, unit = pl.lit(last[0]), pl.lit(last[1])
    for below, by, name in reversed(steps):
        divisor = pl.when(value < below).then(pl.lit(by)).otherwise(divisor)
        unit = pl.when(value < below).then(pl.lit(name)).otherwise(unit)
    figure = (value / divisor).round(1)
    whole = pl.when(figure.abs() >= 100.0).then(figure.round(0)).otherwise(figure)
    return pl.concat_str(whole.cast(pl.String).str.strip_suffix(".0"), unit).fill_null("?")


def _column(value: str | pl.Expr) -> pl.Expr:
    return pl.col(value) if isinstance(value, str) else value


def duration(ms: str | pl.Expr) -> pl.Expr:
    """Milliseconds as `850 ms`, `12.8 s`, `14.3 min` or `2.5 h`; `?` where unknown."""
    steps = [(999.5, 1.0, " ms"), (120_000.0, 1_000.0, " s"), (7_200_000.0, 60_000.0, " min")]
    return _scaled(_column(ms), steps, (3_600_000.0, " h"))


def size(mb: str | pl.Expr) -> pl.Expr:
    """Megabytes as `0.8 MB`, `96 MB` or `1.5 GB`; `?` where unknown."""
    return _scaled(_column(mb), [(1_024.0, 1.0, " MB")], (1_024.0, " GB"))


def share(part: str | pl.Expr) -> pl.Expr:
    """A fraction as `12.3 %`; `?` where unknown."""
    return _scaled(_column(part) * 100.0, [], (1.0, " %"))


def count(value: str | pl.Expr) -> pl.Expr:
    """A whole number; `?` where unknown."""
    return _column(value).round(0).cast(pl.Int64, strict=False).cast(pl.String).fill_null("?")
