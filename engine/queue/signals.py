"""From clean runs to the features of queue-anomaly: one row a run, every figure null where the log does not say."""

from __future__ import annotations

import numpy as np
import polars as pl

from engine.queue.baseline import Deviation, Usual, by_type, deviation, moment, start, week
from engine.queue.runs import Floats, Ints, Runs
from engine.queue.workers import pooled, recent

TIME_C, MEMORY_C, CPU_C = 20.0, 16.0, 50.0
"""Milliseconds, megabytes, milliseconds added before the logarithm: differences below them are of no interest."""
WAIT_C = (500.0, 10_000.0)
"""A wait is measured against the type's usual time in these bounds (ms), as in bounded slowdown (Feitelson 1998)."""
WORKER_US = 300_000_000
RECENT_RUNS, RECENT_US = 20, 6 * 3_600_000_000
KNOWN_RUNS = 5
"""Fewer earlier runs of the type give no opinion on a worker."""

FEATURES = pl.Schema(
    {
        "job_type": pl.String, "queue": pl.String, "worker": pl.String, "status": pl.String,
        "execution_ms": pl.Float64, "wait_ms": pl.Float64, "memory_mb": pl.Float64, "cpu_ms": pl.Float64,
        "retry_count": pl.Float64, "payload_kb": pl.Float64, "hour": pl.Int8, "failed": pl.Boolean,
        "time_z": pl.Float64, "time_fence": pl.Float64, "time_usual_ms": pl.Float64, "time_spread": pl.Float64,
        "memory_z": pl.Float64, "memory_fence": pl.Float64, "memory_usual_mb": pl.Float64, "memory_spread": pl.Float64,
        "wait_z": pl.Float64, "wait_fence": pl.Float64, "wait_usual_ms": pl.Float64, "wait_spread": pl.Float64,
        "retry_usual": pl.Float64, "cpu_share": pl.Float64, "cpu_share_usual": pl.Float64, "cpu_share_z": pl.Float64,
        "worker_stall_z": pl.Float64, "worker_cpu_z": pl.Float64, "worker_runs": pl.Int64,
        "failed_recent": pl.Float64, "failed_runs": pl.Int64, "failed_usual": pl.Float64,
        "runs": pl.Int64,
    }
)  # fmt: skip


def _log(values: Floats, add: Floats | float) -> Floats:
    return np.log(values + add)


def _share(runs: Runs) -> Floats:
    """CPU time as a share of wall time, as a logarithm."""
    return _log(runs.column("cpu_ms"), CPU_C) - np.log(np.maximum(runs.column("execution_ms"), 1.0))


def _failed() -> pl.Expr:
    """Whether the run's status says that it failed; null without a status."""
    return pl.col("status").str.contains("(?i)fail|error|exception|dead|time.?out|killed|oom|abort|crash")


def _steady(values: Floats, usual: Usual, floor: float) -> Floats:
    """Deviation from the week's median in the week's interquartile spread; NaN under KNOWN_RUNS runs.

    No tail correction: it feeds sums over many runs, where the middle of the distribution matters.
    """
    spread = np.maximum((usual.high - usual.low) / 1.349, floor) * np.sqrt(1.0 + 4.0 / np.maximum(usual.runs, 1))
    return np.where(usual.runs >= KNOWN_RUNS, (values - usual.middle) / spread, np.nan)


def _wait(runs: Runs, usual_ms: Floats) -> Floats:
    wait = runs.column("wait_ms")
    unit = np.clip(np.where(np.isnan(usual_ms), runs.column("execution_ms"), usual_ms), *WAIT_C)
    return np.log1p(wait / np.where(np.isnan(unit), WAIT_C[0], unit))


def _smaller(one: Deviation, other: Deviation, times: float) -> tuple[Floats, Floats]:
    """The z and fence that both baselines grant, the second one `times` over; where it knows nothing, the first."""
    z = np.fmin(one.z, times * other.z)
    return z, np.fmin(one.fence, times * other.fence)


def _worker(
    runs: Runs, weekly: dict[str, Usual], share: Floats, cpu: Floats, settle_us: int
) -> dict[str, Floats | Ints]:
    """Stalled CPU and missing CPU time over the worker's last minutes, as shrunken means of standard deviations."""
    stall, count = pooled(-_steady(share, weekly["share"], 0.1), runs.worker, runs.end_us, WORKER_US, settle_us)
    idle, _ = pooled(-_steady(cpu, weekly["cpu"], 0.05), runs.worker, runs.end_us, WORKER_US, settle_us)
    unknown = count == 0
    return {
        "worker_stall_z": np.where(unknown, np.nan, stall / (count + 1)),
        "worker_cpu_z": np.where(unknown, np.nan, idle / (count + 1)),
        "worker_runs": count,
    }


def signals(runs: Runs, settle_us: int) -> pl.DataFrame:
    """The features of `runs`: subject, window_start, window_end and FEATURES."""
    order = by_type(runs)
    execution, cpu = runs.column("execution_ms"), _log(runs.column("cpu_ms"), CPU_C)
    time, memory, share = _log(execution, TIME_C), _log(runs.column("memory_mb"), MEMORY_C), _share(runs)
    retries = runs.column("retry_count")
    failed = runs.frame.select(_failed().cast(pl.Float64).fill_null(float("nan")).alias("failed"))["failed"].to_numpy()
    weekly = week(runs, order, {"time": time, "share": share, "cpu": cpu, "retries": retries})
    wait = _wait(runs, np.exp(weekly["time"].middle) - TIME_C)
    size = _log(runs.column("payload_kb"), 1.0)
    local = moment(runs, order, {"time": time, "memory": memory}, size, settle_us)
    flat = moment(runs, order, {"wait": wait}, np.full(len(wait), np.nan), settle_us)
    by_time, by_memory = deviation(time, local["time"], 0.1, 0.7), deviation(memory, local["memory"], 0.1, 0.5)
    by_start = deviation(wait, start(runs, wait, settle_us), 0.1, 0.5)
    wait_z, wait_fence = _smaller(by_start, deviation(wait, flat["wait"], 0.1, 0.5), 3.0)
    recent_failed, recent_runs = recent(failed, runs.job_type, runs.end_us, RECENT_RUNS, RECENT_US)
    week_failed, week_runs = recent(failed, runs.job_type, runs.end_us, 1_000_000_000, 7 * 86_400_000_000)
    unit = np.where(wait > 0, runs.column("wait_ms") / np.where(wait > 0, np.expm1(wait), 1.0), np.nan)
    columns: dict[str, Floats | Ints] = {
        "time_z": by_time.z, "time_fence": by_time.fence, "time_usual_ms": np.exp(by_time.usual) - TIME_C,
        "time_spread": by_time.spread,
        "memory_z": by_memory.z, "memory_fence": by_memory.fence, "memory_usual_mb": np.exp(by_memory.usual) - MEMORY_C,
        "memory_spread": by_memory.spread,
        "wait_z": wait_z, "wait_fence": wait_fence, "wait_usual_ms": np.expm1(by_start.usual) * unit,
        "wait_spread": by_start.spread,
        "retry_usual": weekly["retries"].p90, "cpu_share": np.exp(share), "cpu_share_usual": np.exp(weekly["share"].middle),
        "cpu_share_z": _steady(share, weekly["share"], 0.1),
        **_worker(runs, weekly, share, cpu, settle_us),
        "failed_recent": recent_failed, "failed_runs": recent_runs,
        "failed_usual": (week_failed - recent_failed + 0.5) / (week_runs - recent_runs + 10.0),
        "runs": by_time.runs,
    }  # fmt: skip
    frame = runs.frame.with_columns(
        pl.col("window_end").dt.hour().alias("hour"), _failed().alias("failed"),
        *(pl.Series(name, values).fill_nan(None) if values.dtype.kind == "f" else pl.Series(name, values)
          for name, values in columns.items()),
    )  # fmt: skip
    return frame.select("subject", "window_start", "window_end", *(pl.col(n).cast(t) for n, t in FEATURES.items()))
