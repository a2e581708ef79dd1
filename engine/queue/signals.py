"""From clean runs to the features of queue-anomaly: one row a run, every figure null where the log does not say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from engine.queue.baseline import Scale, Usual, by_type, deviation, moment, start, week
from engine.queue.runs import Floats, Ints, Runs
from engine.queue.windows import grouped
from engine.queue.workers import Nearby, counted, pooled, rising

TIME_C, MEMORY_C, CPU_C = 20.0, 16.0, 50.0
"""Milliseconds, megabytes, milliseconds added before the logarithm: differences below them are of no interest."""
WAIT_C = (500.0, 10_000.0)
"""A wait is measured against the type's usual time in these bounds (ms), as in bounded slowdown (Feitelson 1998)."""
TIME, MEMORY, WAIT = Scale(0.35, 1.1), Scale(0.15, 0.7), Scale(0.6, 2.0)
LATE, SHARE, CPU = 0.3, 0.1, 0.05
"""The least spread of a wait, of the CPU's share and of CPU time in the week's comparison, in logarithms."""
LATE_Z = 3.0
"""A run counts as late in its queue's backlog from this many spreads of the week on."""
KNOWN_RUNS = 5
"""Fewer earlier runs of the type give no opinion on a worker or a queue."""

MINUTE_US = 60_000_000
MOMENT = Nearby(before=8, after=4, back_us=5 * MINUTE_US, settle_us=MINUTE_US)
SERIES = Nearby(before=8, after=5, back_us=360 * MINUTE_US, settle_us=MINUTE_US)
PAST = Nearby(before=1_000_000_000, after=0, back_us=7 * 1440 * MINUTE_US, settle_us=0)

FEATURES = pl.Schema(
    {
        "job_type": pl.String, "queue": pl.String, "worker": pl.String, "status": pl.String,
        "execution_ms": pl.Float64, "wait_ms": pl.Float64, "memory_mb": pl.Float64, "cpu_ms": pl.Float64,
        "retry_count": pl.Float64, "payload_kb": pl.Float64, "hour": pl.Int8, "failed": pl.Boolean,
        "time_z": pl.Float64, "time_fence": pl.Float64, "time_usual_ms": pl.Float64, "time_spread": pl.Float64,
        "memory_z": pl.Float64, "memory_fence": pl.Float64, "memory_usual_mb": pl.Float64, "memory_spread": pl.Float64,
        "wait_z": pl.Float64, "wait_fence": pl.Float64, "wait_usual_ms": pl.Float64, "wait_spread": pl.Float64,
        "late_z": pl.Float64, "late_fence": pl.Float64, "queue_late": pl.Float64, "queue_runs": pl.Int64,
        "retry_usual": pl.Float64, "cpu_share": pl.Float64, "cpu_share_usual": pl.Float64,
        "worker_stall_z": pl.Float64, "worker_cpu_z": pl.Float64, "worker_time_z": pl.Float64, "worker_runs": pl.Int64,
        "leak_z": pl.Float64, "leak_rise": pl.Float64,
        "failed_recent": pl.Float64, "failed_runs": pl.Int64, "failed_usual": pl.Float64, "runs": pl.Int64,
    }
)  # fmt: skip

Columns = dict[str, Floats | Ints]


@dataclass(frozen=True, slots=True)
class _Figures:
    """The figures of all runs as the detector compares them: logarithms, NaN where missing."""

    time: Floats
    memory: Floats
    cpu: Floats
    share: Floats
    """CPU time as a share of wall time."""
    size: Floats
    retries: Floats
    failed: Floats


def _figures(runs: Runs) -> _Figures:
    execution, cpu = runs.column("execution_ms"), np.log(runs.column("cpu_ms") + CPU_C)
    failed = runs.frame.select(has_failed().cast(pl.Float64).fill_null(float("nan")).alias("failed"))["failed"]
    return _Figures(
        np.log(execution + TIME_C),
        np.log(runs.column("memory_mb") + MEMORY_C),
        cpu,
        cpu - np.log(np.maximum(execution, 1.0)),
        np.log(runs.column("payload_kb") + 1.0),
        runs.column("retry_count"),
        failed.to_numpy(),
    )


def has_failed() -> pl.Expr:
    """Whether the status says that this run failed, be it for good or to be tried again; null without a status."""
    return pl.col("status").str.contains("(?i)fail|retr|releas|error|exception|dead|time.?out|killed|oom|abort|crash")


def _steady(values: Floats, usual: Usual, floor: float) -> Floats:
    """Deviation from the week's median in the week's interquartile spread; NaN under KNOWN_RUNS runs.

    No correction for long tails: it feeds means over many runs, where the middle of the distribution matters.
    """
    spread = np.maximum((usual.high - usual.low) / 1.349, floor) * np.sqrt(1.0 + 4.0 / np.maximum(usual.runs, 1))
    return np.where(usual.runs >= KNOWN_RUNS, (values - usual.middle) / spread, np.nan)


def _mean(z: Floats, group: Ints, end_us: Ints) -> tuple[Floats, Ints]:
    """The mean of `z` over the group's moment, shrunk towards zero by one run; NaN where there is none."""
    total, count = pooled(z, group, end_us, MOMENT)
    return np.where(count > 0, total / (count + 1), np.nan), count


def _worker(runs: Runs, of: _Figures, weekly: dict[str, Usual], time_z: Floats, effect: Floats) -> Columns:
    """What the worker's runs of the moment share: a stalled CPU, CPU time that is missing, slowness, rising memory."""
    stall, count = _mean(-_steady(of.share, weekly["share"], SHARE), runs.worker, runs.end_us)
    idle, _ = _mean(-_steady(of.cpu, weekly["cpu"], CPU), runs.worker, runs.end_us)
    slow, timed = _mean(time_z, runs.worker, runs.end_us)
    leak, rise = rising(of.memory - effect - weekly["memory"].middle, runs.worker, runs.end_us, PAST.back_us)
    return {
        "worker_stall_z": stall, "worker_cpu_z": idle, "worker_time_z": slow, "worker_runs": np.maximum(count, timed),
        "leak_z": leak, "leak_rise": np.expm1(rise),
    }  # fmt: skip


def _waits(runs: Runs, usual_ms: Floats, known: Ints, settle_us: int) -> Columns:
    """Waits against those who started with it and who ended before (starvation), and the queue's week (backlog)."""
    waited = runs.column("wait_ms")
    unit = np.clip(np.where(np.isnan(usual_ms), runs.column("execution_ms"), usual_ms), *WAIT_C)
    unit = np.where(np.isnan(unit), WAIT_C[0], unit)
    wait = np.log1p(waited / unit)
    together = deviation(wait, start(runs, wait, settle_us), WAIT, known)
    around = moment(runs, by_type(runs), {"wait": wait}, np.full(len(wait), np.nan), settle_us)["wait"]
    before = deviation(wait, around, WAIT, known)
    queue = np.where(runs.queue >= 0, runs.queue, -2 - runs.job_type)
    usual = week(runs, grouped(queue), {"wait": wait})["wait"]
    late = _steady(wait, usual, LATE)
    others, count = counted(np.where(np.isnan(late), np.nan, late >= LATE_Z), queue, runs.end_us, MOMENT)
    return {
        "wait_z": np.fmin(together.z, 3.0 * before.z), "wait_fence": np.fmin(together.fence, 3.0 * before.fence),
        "wait_usual_ms": np.expm1(together.usual) * unit, "wait_spread": together.spread,
        "late_z": late, "late_fence": deviation(wait, usual, WAIT, known).fence, "queue_late": others, "queue_runs": count,
    }  # fmt: skip


def _failures(runs: Runs, failed: Floats) -> Columns:
    """Failures among the runs of the type around each run, and the rate of the week before them."""
    around, near = counted(failed, runs.job_type, runs.end_us, SERIES)
    lately, last = counted(failed, runs.job_type, runs.end_us, replace(SERIES, after=0))
    past, known = counted(failed, runs.job_type, runs.end_us, PAST)
    usual = (past - lately + 0.5) / (known - last + 10.0)
    return {"failed_recent": around, "failed_runs": near, "failed_usual": usual}


def signals(runs: Runs, settle_us: int) -> pl.DataFrame:
    """The features of `runs`: subject, window_start, window_end and FEATURES."""
    of, order = _figures(runs), by_type(runs)
    _, known = counted(np.ones(len(of.time)), np.abs(runs.job_type), runs.end_us, PAST)
    weekly = week(runs, order, {"time": of.time, "memory": of.memory, "share": of.share, "cpu": of.cpu,
                                "retries": of.retries})  # fmt: skip
    local = moment(runs, order, {"time": of.time, "memory": of.memory}, of.size, settle_us)
    by_time = deviation(of.time, local["time"], TIME, known)
    by_memory = deviation(of.memory, local["memory"], MEMORY, known)
    columns: Columns = {
        "time_z": by_time.z, "time_fence": by_time.fence, "time_usual_ms": np.exp(by_time.usual) - TIME_C,
        "time_spread": by_time.spread,
        "memory_z": by_memory.z, "memory_fence": by_memory.fence, "memory_usual_mb": np.exp(by_memory.usual) - MEMORY_C,
        "memory_spread": by_memory.spread,
        **_waits(runs, np.exp(weekly["time"].middle) - TIME_C, known, settle_us),
        "retry_usual": weekly["retries"].p90,
        "cpu_share": np.exp(of.share), "cpu_share_usual": np.exp(weekly["share"].middle),
        **_worker(runs, of, weekly, by_time.z, local["memory"].effect), **_failures(runs, of.failed), "runs": by_time.runs,
    }  # fmt: skip
    frame = runs.frame.with_columns(
        pl.col("window_end").dt.hour().alias("hour"), has_failed().alias("failed"),
        *(pl.Series(name, values).fill_nan(None) if values.dtype.kind == "f" else pl.Series(name, values)
          for name, values in columns.items()),
    )  # fmt: skip
    return frame.select("subject", "window_start", "window_end", *(pl.col(n).cast(t) for n, t in FEATURES.items()))
