"""From clean runs to the features of queue-anomaly: one row a run, every figure null where the log does not say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.queue.baseline import WEEK_US, Line, Past, Reach, equals, moment, past, reach, slopes, week
from engine.queue.deviation import Scale, Usual, deviation, steady
from engine.queue.runs import Floats, Ints, Runs
from engine.queue.windows import Order, grouped
from engine.queue.workers import Nearby, company, rising

TIME_C, MEMORY_C, CPU_C = 20.0, 16.0, 50.0
"""Milliseconds, megabytes, milliseconds added before the logarithm: differences below them are of no interest."""
WAIT_C = (500.0, 10_000.0)
"""A wait is measured in multiples of the run's own time, in these bounds (ms), as bounded slowdown is."""
TIME, MEMORY, WAIT = Scale(0.32, 1.0), Scale(0.23, 0.8), Scale(0.6, 1.4)
"""Floors and first guesses of the spreads of logarithms: waits differ by orders of magnitude, memory hardly at all.

At three spreads a memory peak that is less than double the usual one is never off."""
LATE, SHARE, CPU = 0.3, 0.1, 0.05
"""The least spread of a wait, of the CPU's share and of CPU time in the week's comparison, in logarithms."""
LATE_Z = 3.0
"""A run counts as late in its queue's backlog, or slow with its type, from this many spreads of the week on."""
EARLIER_US = 30_000_000
"""A backlog is held against what was usual when the run was enqueued, at least half a minute before its end."""
KNOWN_RUNS = 5
"""Fewer earlier runs of the type give no opinion on a worker or a queue."""
SETTLED_RUNS = 20
"""Fewer earlier runs do not say that all of a type is slow."""

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
MOMENT = Nearby(before=8, after=4, back_us=5 * MINUTE_US, settle_us=MINUTE_US)
WORKER = Nearby(before=6, after=4, back_us=5 * MINUTE_US, settle_us=MINUTE_US)
ALL = Nearby(before=16, after=8, back_us=5 * MINUTE_US, settle_us=MINUTE_US)
PEERS = 0.5
"""This part of what all workers' runs of the moment share is not held against the one: a busy machine stalls all."""
TOGETHER = 0.2
"""The correlation assumed between runs of a worker in a moment: ten of them weigh as much as three and a half."""
CPU_WEIGHT = 0.5
"""Missing CPU time is weaker evidence than a stall, for inputs differ, too."""
SERIES = Nearby(before=8, after=5, back_us=360 * MINUTE_US, settle_us=MINUTE_US)
PAST = Nearby(before=1_000_000_000, after=0, back_us=WEEK_US, settle_us=0)

FEATURES = pl.Schema(
    {
        "job_type": pl.String, "queue": pl.String, "worker": pl.String, "status": pl.String,
        "execution_ms": pl.Float32, "wait_ms": pl.Float32, "memory_mb": pl.Float32, "cpu_ms": pl.Float32,
        "retry_count": pl.Float32, "payload_kb": pl.Float32, "hour": pl.Int8, "failed": pl.Boolean,
        "time_z": pl.Float32, "time_fence": pl.Float32, "time_usual_ms": pl.Float32, "time_spread": pl.Float32,
        "slow_z": pl.Float32, "slow_usual_ms": pl.Float32, "slow_runs": pl.Float32, "slow_of": pl.Int64,
        "memory_z": pl.Float32, "memory_fence": pl.Float32, "memory_usual_mb": pl.Float32, "memory_spread": pl.Float32,
        "wait_z": pl.Float32, "wait_fence": pl.Float32, "wait_usual_ms": pl.Float32, "wait_spread": pl.Float32,
        "late_z": pl.Float32, "late_fence": pl.Float32, "late_usual_ms": pl.Float32,
        "queue_late": pl.Float32, "queue_runs": pl.Int64,
        "retry_usual": pl.Float32, "cpu_share": pl.Float32, "cpu_share_usual": pl.Float32,
        "worker_z": pl.Float32, "worker_runs": pl.Int64,
        "leak_z": pl.Float32, "leak_rise": pl.Float32,
        "failed_recent": pl.Float32, "failed_usual": pl.Float32,
        "retried_recent": pl.Float32, "retried_usual": pl.Float32,
        "series_runs": pl.Int64, "worker_failed_recent": pl.Float32, "worker_failed_usual": pl.Float32,
        "worker_series_runs": pl.Int64, "runs": pl.Int64,
    }
)  # fmt: skip

Columns = dict[str, npt.NDArray[np.floating] | Ints]


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

    def tail(self, row: int) -> _Figures:
        """The figures of the runs from `row` on."""
        names = ("time", "memory", "cpu", "share", "size", "retries", "failed")
        return _Figures(*(getattr(self, name)[row:] for name in names))


def _figures(runs: Runs) -> _Figures:
    of = runs.figures
    cpu = np.log(of["cpu_ms"] + CPU_C)
    return _Figures(
        np.log(of["execution_ms"] + TIME_C),
        np.log(of["memory_mb"] + MEMORY_C),
        cpu,
        cpu - np.log(np.maximum(of["execution_ms"], 1.0)),
        np.log(of["payload_kb"] + 1.0),
        of["retry_count"],
        of["failed"],
    )


def _worker(runs: Runs, of: _Figures, weekly: dict[str, Usual], plain: dict[str, Floats]) -> Columns:
    """What the worker's runs of the moment share: a stalled CPU, CPU time that is missing, rising memory.

    Where CPU time is not logged, the run's time speaks for the stall. `plain` time and memory are without the part
    that the payload explains.
    """
    order = grouped(runs.worker)
    share = -steady(of.share, weekly["share"], SHARE, KNOWN_RUNS)
    slow = steady(plain["time"], weekly["time"], TIME.floor, KNOWN_RUNS)
    stall, idle = np.where(np.isnan(share), slow, share), -steady(of.cpu, weekly["cpu"], CPU, KNOWN_RUNS)
    near = company(runs, order, runs.worker, WORKER)
    everyone = np.zeros(len(stall), np.int64)
    total, count = company(runs, grouped(everyone), everyone, ALL).pooled(stall)
    common = PEERS * np.maximum(total / (count + 1), 0.0)
    stalled, count = near.pooled(stall)
    missing, _ = near.pooled(idle)
    unit = np.sqrt(np.maximum(count + TOGETHER * count**2, 1.0))
    together = np.fmax((stalled - common * count) / unit, CPU_WEIGHT * missing / unit)
    own = np.nan_to_num(np.fmax(stall, CPU_WEIGHT * idle))
    rise, leak = rising(plain["memory"] - weekly["memory"].middle, runs, order, DAY_US)
    return {
        "worker_z": np.where(count > 0, together * np.clip(0.6 + 0.4 * own, 0.5, 1.0), np.nan)[runs.first :],
        "worker_runs": count[runs.first :],
        "leak_z": np.where(runs.worker[runs.first :] >= 0, leak, np.nan), "leak_rise": np.expm1(rise),
    }  # fmt: skip


def _waits(runs: Runs, size: Floats, within: Reach, known: Ints) -> Columns:
    """Waits against those of its equals (starvation), and against the queue's week (backlog)."""
    waited = runs.figures["wait_ms"]
    unit = np.clip(np.nan_to_num(runs.figures["execution_ms"]), *WAIT_C)
    wait = np.log1p(waited / unit)
    queue = np.where(runs.queue >= 0, runs.queue, runs.queue.max(initial=0) + 2 + runs.job_type)
    enqueued = runs.start_us - (np.nan_to_num(waited).astype(np.float64) * 1000.0).clip(0.0, WEEK_US).astype(np.int64)
    behind = past(runs, queue, np.minimum(enqueued, runs.end_us - EARLIER_US))
    usual = week(behind, {"wait": wait})["wait"]
    now, own = runs.tail(runs.near), slice(runs.first - runs.near, None)
    late = steady(wait[runs.near :], usual, LATE, KNOWN_RUNS)
    flags = np.where(np.isnan(late), np.nan, late >= LATE_Z)
    others, count = company(now, grouped(queue[runs.near :]), queue[runs.near :], MOMENT).counted(flags)
    fence = deviation(wait[runs.near :], usual, WAIT, known).fence
    wait_own, unit, known = wait[runs.first :], unit[runs.first :], known[own]
    together = deviation(wait_own, equals(within, wait, size), WAIT, known)
    return {
        "wait_z": together.z, "wait_fence": together.fence,
        "wait_usual_ms": np.expm1(together.usual) * unit, "wait_spread": together.spread,
        "late_z": late[own], "late_fence": fence[own], "late_usual_ms": np.expm1(usual.middle[own]) * unit,
        "queue_late": others[own], "queue_runs": count[own],
    }  # fmt: skip


def _sustained(runs: Runs, weekly: dict[str, Usual], plain_time: Floats) -> Columns:
    """How much slower than in its type's week the run was, and how many of the runs around it were slow as well."""
    slow = steady(plain_time, weekly["time"], TIME.floor, SETTLED_RUNS)
    flags = np.where(np.isnan(slow), np.nan, slow >= LATE_Z).astype(np.float32)
    everyone = np.zeros(len(slow), np.int64)
    count, of = company(runs, grouped(runs.job_type), everyone, SERIES).counted(flags)
    usual_ms, own = np.exp(weekly["time"].middle) - TIME_C, slice(runs.first, None)
    return {"slow_z": slow[own], "slow_usual_ms": usual_ms[own], "slow_runs": count[own], "slow_of": of[own]}


def _shares(runs: Runs, weekly: dict[str, Usual]) -> Columns:
    """CPU time as a part of wall time, of the run and usually, for people: without what is added before logarithms."""
    usual_ms = np.maximum(np.exp(weekly["time"].middle) - TIME_C, 1.0)
    share = runs.figures["cpu_ms"] / np.maximum(runs.figures["execution_ms"], 1.0)
    usual = np.maximum(np.exp(weekly["share"].middle) - CPU_C / usual_ms, 0.0)
    return {"cpu_share": share[runs.first :], "cpu_share_usual": usual[runs.first :]}


def _series(runs: Runs, order: Order, group: Ints, counts: dict[str, Floats]) -> Columns:
    """Of each count: the sum over the group's runs around each run, and the mean over the week before those."""
    around, lately, whole = (company(runs, order, group, n) for n in (SERIES, replace(SERIES, after=0), PAST))
    columns: Columns = {}
    for name, values in counts.items():
        columns[f"{name}_recent"], columns["series_runs"] = around.counted(values)
        (late, last), (before, count) = lately.counted(values), whole.counted(values)
        columns[f"{name}_usual"] = (before - late + 0.5) / (count - last + 10.0)
    return {name: values[runs.first - runs.near :] for name, values in columns.items()}


def _outcomes(runs: Runs, order: Order, of: _Figures) -> Columns:
    """Failures and retries in series, of the type and on the worker."""
    everyone = np.zeros(len(of.failed), np.int64)
    retried = np.where(np.isnan(of.retries), np.nan, of.retries > 0).astype(np.float32)
    by_type = _series(runs, order, everyone, {"retried": retried, "failed": of.failed})
    by_worker = _series(runs, grouped(runs.worker), runs.worker, {"failed": of.failed})
    return by_type | {f"worker_{name}": values for name, values in by_worker.items()}


def _own(runs: Runs, of: _Figures, behind: Past, settle_us: int) -> Columns:
    """What is told of each run of which a verdict is wanted; the weeks behind those that stand near them as well."""
    _, known = company(runs, behind.order, np.zeros(len(of.time), np.int64), PAST).counted(np.zeros_like(of.time))
    weekly = week(behind, {"time": of.time, "memory": of.memory, "share": of.share, "cpu": of.cpu,
                           "retries": of.retries, "size": of.size})  # fmt: skip
    slope = slopes(behind, {"time": of.time, "memory": of.memory}, of.size)
    within, usual_size = reach(runs, behind.order, settle_us), np.nan_to_num(weekly["size"].middle)
    own, first = slice(runs.first - runs.near, None), runs.first
    by_time, by_memory = (
        deviation(
            value[first:], moment(within, value, Line(slope[name][own], usual_size[own], of.size)), scale, known[own]
        )
        for name, value, scale in (("time", of.time, TIME), ("memory", of.memory, MEMORY))
    )
    now, figures = runs.tail(runs.near), of.tail(runs.near)
    size = np.where(np.isnan(figures.size), usual_size, figures.size)
    plain = {name: (value - slope[name] * (size - usual_size)).astype(np.float32)
             for name, value in (("time", figures.time), ("memory", figures.memory))}  # fmt: skip
    return {
        "time_z": by_time.z, "time_fence": by_time.fence, "time_usual_ms": np.exp(by_time.usual) - TIME_C,
        "time_spread": by_time.spread,
        "memory_z": by_memory.z, "memory_fence": by_memory.fence, "memory_usual_mb": np.exp(by_memory.usual) - MEMORY_C,
        "memory_spread": by_memory.spread, "runs": by_time.runs,
        "retry_usual": weekly["retries"].p90[own],
        **_waits(runs, of.size, within, known),
        **_shares(now, weekly), **_sustained(now, weekly, plain["time"]), **_worker(now, figures, weekly, plain),
    }  # fmt: skip


def signals(runs: Runs, settle_us: int) -> pl.DataFrame:
    """The features of those `runs` of which a verdict is wanted: subject, window_start, window_end and FEATURES."""
    if runs.frame.is_empty():
        return runs.frame.select("subject", "window_start", "window_end").with_columns(
            pl.lit(None, dtype=kind).alias(name) for name, kind in FEATURES.items()
        )
    of, behind = _figures(runs), past(runs, runs.job_type)
    columns = _own(runs, of, behind, settle_us) | _outcomes(runs, behind.order, of)
    frame = runs.frame.with_columns(
        pl.col("window_end").dt.hour().alias("hour"),
        *(pl.Series(name, values).fill_nan(None) if values.dtype.kind == "f" else pl.Series(name, values)
          for name, values in columns.items()),
    )  # fmt: skip
    rounded = (pl.col(n).cast(t).round(4) if t.is_float() else pl.col(n).cast(t) for n, t in FEATURES.items())
    return frame.select("subject", "window_start", "window_end", *rounded)
