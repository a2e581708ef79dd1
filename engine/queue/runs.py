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
_FLOATS = ("execution_ms", "wait_ms", "memory_mb", "cpu_ms", "payload_kb", "retry_count")
HIGHEST = 1e30
"""What is larger no log can mean; it is taken for this, which single precision still holds."""
FIGURES = (*_FLOATS, "failed")
"""What is kept of the runs that only are somebody's past, beside their times, type, queue and worker."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs in order of their end: arrays for the arithmetic, all of one length, and what people read of those asked."""

    frame: pl.DataFrame
    """Of the runs of which a verdict is wanted: subject, window_start, window_end and the cleaned columns."""
    figures: dict[str, Floats]
    """FIGURES of all runs, NaN where missing."""
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
        figures = {name: column[row:] for name, column in self.figures.items()}
        return Runs(
            self.frame, figures, start_us, end_us, job_type, queue, worker, self.first - row, self.near - row
        )  # fmt: skip

    def row_at(self, offset_us: int) -> Ints:
        """For each run, the first row that ended at or after `offset_us` from its own end (negative is earlier)."""
        if offset_us not in self.reach:
            self.reach[offset_us] = np.searchsorted(self.end_us, self.end_us + offset_us, "left")
        return self.reach[offset_us]


def has_failed() -> pl.Expr:
    """Whether the status says that this run failed, be it for good or to be tried again; null without a status."""
    return pl.col("status").str.contains("(?i)fail|retr|releas|error|exception|dead|time.?out|killed|oom|abort|crash")


def cleaned(events: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of table jobs that matter, narrow, with what cannot be (NaN, negative time, zero memory) made null.

    A negative wait is clock skew and becomes 0 (Nextflow traces show -371 ms). A peak memory or a CPU time of exactly 0
    is a counter that nobody filled. Texts become categories and figures single precision: a million runs are 80 MB.
    """
    named = {name: pl.col(name).cast(pl.Float64) for name in _FLOATS}
    known: dict[str, pl.Expr] = {name: pl.when(value.is_finite()).then(value) for name, value in named.items()}
    known |= {name: known[name].clip(0.0) for name in ("wait_ms", "retry_count")}
    known |= {name: pl.when(named[name] >= 0).then(known[name]) for name in ("execution_ms", "payload_kb")}
    known |= {name: pl.when(named[name] > 0).then(known[name]) for name in ("memory_mb", "cpu_ms")}
    lasted_us = (known["execution_ms"].fill_null(0.0).clip(0.0, SPAN_US / 1000.0) * 1000.0).cast(pl.Int64)
    unnamed = pl.format("{}@{}", pl.col("job_type").fill_null("job"), pl.col("ts").dt.timestamp("us"))
    return events.filter(pl.col("ts").is_not_null()).select(
        pl.coalesce("job_id", unnamed).alias("subject"),
        (pl.col("ts") - pl.duration(microseconds=lasted_us)).alias("window_start"),
        pl.col("ts").alias("window_end"),
        *(pl.col(name).cast(pl.Categorical) for name in _TEXTS),
        *(value.clip(upper_bound=HIGHEST).cast(pl.Float32).alias(name) for name, value in known.items()),
        has_failed().alias("failed"),
    )


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """By end, then by everything else, without doubles; the costly order only where ends and subjects tie."""
    frame = frame.sort("window_end", "subject", maintain_order=True)
    tied = (frame["window_end"] == frame["window_end"].shift(1)) & (frame["subject"] == frame["subject"].shift(1))
    if tied.any():
        texts = (pl.col(name).cast(pl.String) for name in _TEXTS)
        frame = frame.sort("window_end", "subject", "window_start", *texts, *_FLOATS, nulls_last=True)
        frame = frame.unique(["subject", "window_start", "window_end"], keep="first", maintain_order=True)
    return frame


def _codes(values: pl.Series) -> Ints:
    return values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def clean(frame: pl.DataFrame, since: datetime | None = None) -> Runs:
    """The `cleaned` runs (any order, perhaps with doubles) in order of their end.

    Verdicts are wanted of runs that ended at `since` or later.
    """
    frame = _ordered(frame)
    end_us = frame["window_end"].dt.timestamp("us").to_numpy()
    since_us = round(since.timestamp() * 1e6) if since is not None else None
    first, near = (
        (0, 0) if since_us is None else (int(n) for n in np.searchsorted(end_us, (since_us, since_us - NEAR_US)))
    )
    figures = {name: frame[name].cast(pl.Float32).fill_null(float("nan")).to_numpy() for name in FIGURES}
    asked = frame if since is None else frame.filter(pl.col("window_end") >= since)
    start_us = frame["window_start"].dt.timestamp("us").to_numpy()
    job_type, queue, worker = (_codes(frame[name]) for name in ("job_type", "queue", "worker"))
    return Runs(asked, figures, start_us, end_us, job_type, queue, worker, first, near)
