"""Statements for bench/detect.py, and what a person would type: digits to `?`, count by trace and text."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

PLAIN = "a plain group-by count"
PART = 250_000
"""Statements a part; parts follow each other in time."""
A_TRACE = 25
"""Statements of one trace."""
TEMPLATES = 200


def events(part: int, rows: int) -> pl.DataFrame:
    """Traces of 25 statements from 200 templates, 1,000 a second, a fifth of the traces with a loop of twelve.

    A third of the statements have their values in the text, a third bound, a third compare strings and lists.
    """
    from storage.schema import QUERIES

    rng = np.random.default_rng(part)
    traces = max(rows // A_TRACE, 1)
    first = part * PART // A_TRACE
    trace, place = np.repeat(np.arange(traces), A_TRACE), np.tile(np.arange(A_TRACE), traces)
    looping = (rng.random(traces) < 0.2)[trace] & (place > 5) & (place < 18)
    kind = np.where(looping, trace % TEMPLATES // 3 * 3, rng.integers(0, TEMPLATES, len(trace)))
    start = pl.lit(datetime(2026, 3, 2, 9, tzinfo=UTC)).dt.cast_time_unit("us")
    asked = pl.LazyFrame(
        {"t": trace + first, "k": kind, "v": rng.integers(1, 10**6, len(trace)), "ms": rng.exponential(0.8, len(trace)),
         "us": (trace + first).astype(np.int64) * 25_000 + place * 900 + rng.integers(0, 300, len(trace))}
    )  # fmt: skip
    texts = (
        'SELECT "t{}"."id", "t{}"."name", "t{}"."created_at" FROM "t{}" WHERE "t{}"."owner_id" = {} ORDER BY "t{}"."n"',
        'SELECT * FROM "t{}" WHERE "t{}"."id" = $1 LIMIT $2',
        'SELECT count(*) FROM "t{}" JOIN u ON u.id = "t{}".u_id WHERE "t{}"."kind" = \'x{}\' AND u.z IN (1, 2, 3)',
    )
    sql = (
        pl.when(pl.col("k") % 3 == 0).then(pl.format(texts[0], "k", "k", "k", "k", "k", "v", "k"))
        .when(pl.col("k") % 3 == 1).then(pl.format(texts[1], "k", "k"))
        .otherwise(pl.format(texts[2], "k", "k", "k", "v"))
    )  # fmt: skip
    return QUERIES.conform(
        asked.select(
            (start + pl.duration(microseconds="us")).alias("ts"), pl.lit("postgresql.log").alias("source"),
            ((pl.int_range(pl.len()) + first * A_TRACE) * 180).alias("byte_offset"),
            pl.format("{}{}", pl.col("t").hash(1), pl.col("t").hash(2)).str.slice(0, 32).alias("trace_id"),
            sql.alias("sql"), pl.col("ms").alias("duration_ms"),
            pl.when(pl.col("k") % 3 == 1).then(pl.format('["{}", "1"]', "v")).alias("params"),
        ).collect()
    )  # fmt: skip


def plain(frame: pl.DataFrame) -> int:
    """Traces with five or more of one statement, digits aside."""
    folded = pl.col("sql").str.replace_all(r"\d+", "?")
    counted = frame.lazy().group_by("trace_id", folded).len().filter(pl.col("len") >= 5)
    return int(counted.select(pl.col("trace_id").n_unique()).collect(engine="streaming").item())


def subjects(frame: pl.DataFrame) -> int:
    """How many traces there are."""
    return frame["trace_id"].n_unique()
