"""Job runs made clean: one row a run in order of its end, times as integers, impossible values as missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float32]
"""Logarithms of figures need no more than seven digits; windows of them are sorted by the million."""
Ints = npt.NDArray[np.int64]

SPAN_US = 86_400_000_000
"""The longest window of a run, in microseconds; a run that says it took longer starts a day before its end."""

NEAR_US = 86_460_000_000
"""A day and a minute: a worker's memory is looked at over a day."""

_TEXTS = ("job_type", "queue", "worker", "status")
_FLOATS = ("execution_ms", "wait_ms", "memory_mb", "cpu_ms", "payload_kb")
COLUMNS = ("ts", "job_id", *_TEXTS, *_FLOATS, "retry_count")
"""What is read of the table jobs."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs in order of their end: `frame` for people, arrays for the arithmetic; all of one length."""

    frame: pl.DataFrame
    """subject, window_start, window_end and the cleaned columns of the table."""
    start_us: Ints
    end_us: Ints
    job_type: Ints
    """A number for each job type; equal numbers are equal types, and nothing else is to be read from them."""
    queue: Ints
    worker: Ints
    """A number for each worker, -1 where the log does not say."""
    first: int = 0
    """The first row that a verdict is wanted of; the rows before it are its past."""
    near: int = 0
    """The first row that may stand beside one of those: nothing looks back further than NEAR_US but for quantiles."""

    reach: dict[int, Ints] = field(default_factory=dict, repr=False)
    """What `row_at` has found, for it is asked often."""

    def tail(self, row: int) -> Runs:
        """The runs from `row` on, by themselves."""
        start_us, end_us, job_type, queue, worker = (
            column[row:] for column in (self.start_us, self.end_us, self.job_type, self.queue, self.worker)
        )
        return Runs(
            self.frame.slice(row), start_us, end_us, job_type, queue, worker, self.first - row, self.near - row
        )  # fmt: skip

    def row_at(self, offset_us: int) -> Ints:
        """For each run, the first row that ended at or after `offset_us` from its own end (negative is earlier)."""
        if offset_us not in self.reach:
            self.reach[offset_us] = np.searchsorted(self.end_us, self.end_us + offset_us, "left")
        return self.reach[offset_us]

    def column(self, name: str) -> Floats:
        """A numeric column as floats, NaN where missing; what is too large for any log to mean is 1e30."""
        return self.frame[name].clip(upper_bound=1e30).cast(pl.Float32).fill_null(float("nan")).to_numpy()


def _finite(name: str) -> pl.Expr:
    value = pl.col(name)
    return pl.when(value.is_finite()).then(value).otherwise(None)


def _cleaned(events: pl.DataFrame) -> pl.DataFrame:
    """The columns that matter, with what cannot be (NaN, negative time, zero memory, zero CPU) made null.

    A negative wait is clock skew and becomes 0 (Nextflow traces show -371 ms). A peak memory or a CPU time of exactly 0
    is a counter that nobody filled.
    """
    frame = events.select("ts", "job_id", *_TEXTS, *(_finite(name) for name in _FLOATS), pl.col("retry_count"))
    frame = frame.filter(pl.col("ts").is_not_null()).with_columns(
        pl.col("wait_ms").clip(0.0),
        pl.col("retry_count").cast(pl.Float64).clip(0.0),
        *(pl.when(pl.col(name) >= 0).then(pl.col(name)).alias(name) for name in ("execution_ms", "payload_kb")),
        *(pl.when(pl.col(name) > 0).then(pl.col(name)).alias(name) for name in ("memory_mb", "cpu_ms")),
    )
    lasted_us = (pl.col("execution_ms").fill_null(0.0).clip(0.0, SPAN_US / 1000.0) * 1000.0).cast(pl.Int64)
    unnamed = pl.format("{}@{}", pl.col("job_type").fill_null("job"), pl.col("ts").dt.timestamp("us"))
    return frame.select(
        pl.coalesce("job_id", unnamed).alias("subject"),
        (pl.col("ts") - pl.duration(microseconds=lasted_us)).alias("window_start"),
        pl.col("ts").alias("window_end"),
        *_TEXTS, *_FLOATS, "retry_count",
    )  # fmt: skip


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """By end, then by everything else, without doubles; the costly order only where ends and subjects tie."""
    frame = frame.sort("window_end", "subject", maintain_order=True)
    tied = (frame["window_end"] == frame["window_end"].shift(1)) & (frame["subject"] == frame["subject"].shift(1))
    if tied.any():
        frame = frame.sort("window_end", "subject", "window_start", *_TEXTS, *_FLOATS, "retry_count", nulls_last=True)
        frame = frame.unique(["subject", "window_start", "window_end"], keep="first", maintain_order=True)
    return frame


def _codes(values: pl.Series, missing: int) -> Ints:
    return values.cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(missing).to_numpy()


def clean(events: pl.DataFrame, since: datetime | None = None) -> Runs:
    """`events` (table jobs, any order, perhaps with doubles) as runs in order of their end.

    Verdicts are wanted of runs that ended at `since` or later.
    """
    frame = _ordered(_cleaned(events))
    end_us = frame["window_end"].dt.timestamp("us").to_numpy()
    since_us = round(since.timestamp() * 1e6) if since is not None else None
    first, near = (
        (0, 0) if since_us is None else (int(n) for n in np.searchsorted(end_us, (since_us, since_us - NEAR_US)))
    )
    return Runs(
        frame,
        frame["window_start"].dt.timestamp("us").to_numpy(),
        end_us,
        _codes(frame["job_type"], -1),
        _codes(frame["queue"], -1),
        _codes(frame["worker"], -1),
        first,
        near,
    )
