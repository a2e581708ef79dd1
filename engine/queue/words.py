"""Figures in the words of the person on call, as column expressions."""

from __future__ import annotations

import polars as pl


def duration(ms: str | pl.Expr) -> pl.Expr:
    """Milliseconds as `850 ms`, `12.8 s`, `14 min` or `2.5 h`; `?` where unknown."""
    value = pl.col(ms) if isinstance(ms, str) else ms
    return (
        pl.when(value.is_null()).then(pl.lit("?"))
        .when(value < 999.5).then(pl.format("{} ms", value.round(0).cast(pl.Int64, strict=False)))
        .when(value < 120_000.0).then(pl.format("{} s", (value / 1_000.0).round(1)))
        .when(value < 7_200_000.0).then(pl.format("{} min", (value / 60_000.0).round(0).cast(pl.Int64, strict=False)))
        .otherwise(pl.format("{} h", (value / 3_600_000.0).round(1)))
    )  # fmt: skip


def size(mb: str | pl.Expr) -> pl.Expr:
    """Megabytes as `0.8 MB`, `96 MB` or `1.5 GB`; `?` where unknown."""
    value = pl.col(mb) if isinstance(mb, str) else mb
    return (
        pl.when(value.is_null()).then(pl.lit("?"))
        .when(value < 10.0).then(pl.format("{} MB", value.round(1)))
        .when(value < 1_024.0).then(pl.format("{} MB", value.round(0).cast(pl.Int64, strict=False)))
        .otherwise(pl.format("{} GB", (value / 1_024.0).round(1)))
    )  # fmt: skip


def share(part: str | pl.Expr) -> pl.Expr:
    """A fraction as `12 %`, with a decimal under ten; `?` where unknown."""
    value = (pl.col(part) if isinstance(part, str) else part) * 100.0
    return (
        pl.when(value.is_null()).then(pl.lit("?"))
        .when(value < 10.0).then(pl.format("{} %", value.round(1)))
        .otherwise(pl.format("{} %", value.round(0).cast(pl.Int64, strict=False)))
    )  # fmt: skip


def count(value: str | pl.Expr) -> pl.Expr:
    """A whole number; `?` where unknown."""
    number = pl.col(value) if isinstance(value, str) else value
    return number.round(0).cast(pl.Int64, strict=False).cast(pl.String).fill_null("?")
