"""Small column expressions that several formats share."""

from __future__ import annotations

import polars as pl

_HEX = {f"%{code:02X}": chr(code) for code in range(32, 127)} | {f"%{code:02x}": chr(code) for code in range(32, 127)}
_TRACE = r"(?i)\b([0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"


def present(text: pl.Expr) -> pl.Expr:
    """`text`, or null where a log says "nothing": empty or a lone dash."""
    return pl.when((text != "-") & (text != "")).then(text)


def nulls(height: int) -> pl.Series:
    """A String column of nothing."""
    return pl.select(pl.repeat(None, height, dtype=pl.String)).to_series()


def present_in(text: pl.Series) -> pl.Series:
    """`present` of a column."""
    return text.alias("text").to_frame().select(present(pl.col("text"))).to_series()


def number(text: pl.Expr) -> pl.Expr:
    """A finite float, or null."""
    value = text.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def number_in(text: pl.Series) -> pl.Series:
    """`number` of a column; where every text is plainly one, at once."""
    plain = text.cast(pl.Float64, strict=False)
    if plain.null_count() == text.null_count() and plain.is_finite().all():
        return plain
    return text.alias("text").to_frame().select(number(pl.col("text"))).to_series().alias(text.name)


def integer_in(text: pl.Series, kind: type[pl.DataType] = pl.Int64) -> pl.Series:
    """`integer` of a column; where every text is plainly one, at once."""
    plain = text.cast(kind, strict=False)
    if plain.null_count() == text.null_count():
        return plain
    return text.alias("text").to_frame().select(integer(pl.col("text"), kind)).to_series().alias(text.name)


def integer(text: pl.Expr, kind: type[pl.DataType] = pl.Int64) -> pl.Expr:
    """A whole number, or null; `3.0` counts as whole."""
    whole = text.str.strip_chars().cast(kind, strict=False)
    return pl.coalesce(whole, number(text).cast(kind, strict=False))


def milliseconds(seconds: pl.Expr) -> pl.Expr:
    """Seconds as milliseconds, without the dust of binary fractions (to the nanosecond)."""
    return (seconds * 1000).round(6)


def trace(text: pl.Expr) -> pl.Expr:
    """The first id of 32 hex digits or UUID in `text`, as written, or null."""
    return text.str.extract(_TRACE)


def unquoted_url(text: pl.Expr) -> pl.Expr:
    """`text` with the percent codes of printable ASCII decoded."""
    return text.str.replace_many(_HEX)


def share(head: pl.Series, pattern: str) -> float:
    """The share of lines that match `pattern`."""
    return float(head.str.contains(pattern).sum() or 0) / max(head.len(), 1)


def patched(frame: pl.DataFrame, rows: pl.Series, with_: pl.DataFrame) -> pl.DataFrame:
    """`frame` with the columns of `with_`, a row for each true of `rows`, in those rows."""
    index = rows.arg_true()
    return frame.with_columns(frame[name].scatter(index, with_[name]) for name in with_.columns)
