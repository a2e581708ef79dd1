"""What application logs share: a time, a level, perhaps a logger, then the message and its further lines."""

from __future__ import annotations

import polars as pl

from storage.format import Context
from storage.formats import _json, _times
from storage.formats._cells import trace

STAMP = r"\[?(?:\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z\b|UTC\b|[+-]\d\d:?\d\d\b))?)\]?"
"""A date and time of day, in brackets or not."""

LEVEL = r"(?i)\b(trace|debug|info|information|notice|warn|warning|error|err|critical|crit|fatal|alert|emerg|severe)\b"

_LEVELS = {"warning": "warn", "err": "error", "information": "info", "crit": "critical", "severe": "error"}
_ANSI = r"\x1b\[[0-9;?]*[ -/]*[@-~]"


def plain(text: pl.Expr) -> pl.Expr:
    """`text` without terminal colours."""
    return text.str.replace_all(_ANSI, "")


def level(text: pl.Expr) -> pl.Expr:
    """The first level named in `text`, lower case, under its shortest usual name."""
    return text.str.extract(LEVEL).str.to_lowercase().replace(_LEVELS)


def time_of(text: pl.Series, context: Context) -> pl.Series:
    """The first date and time in `text`."""
    return _times.iso(text.str.extract(f"({STAMP})").str.strip_chars("[]"), context)


def python_value(text: pl.Series) -> pl.Series:
    """A Python or Ruby literal of parameters as JSON, where a few replacements make it so, else as one JSON string."""
    frame = text.alias("text").to_frame()
    swaps = {"(": "[", ",)": "]", ")": "]", "'": '"', "None": "null", "nil": "null", "True": "true", "False": "false"}
    guess = frame.select(pl.col("text").str.replace_many(swaps, leftmost=True)).to_series()
    valid = _json.is_valid(guess)
    quoted = _json.quoted(pl.col("text"))
    return frame.select(pl.when(valid).then(guess).otherwise(quoted).alias("params")).to_series()


def log_rows(rows: pl.DataFrame, logger: pl.Expr, message: pl.Expr, context: pl.Expr | None = None) -> pl.DataFrame:
    """`rows` (byte_offset, ts, level) as rows of `logs`, a trace id taken from the message's front."""
    return rows.select(
        "byte_offset", "ts", "level", logger.alias("logger"), message.alias("message"),
        trace(message.str.head(200)).alias("trace_id"),
        (pl.lit(None, dtype=pl.String) if context is None else context).alias("context"),
    )  # fmt: skip
