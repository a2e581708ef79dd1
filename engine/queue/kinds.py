"""The kinds of anomaly, one function each: how sure, which feature against which baseline, which words."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from engine.queue import words


@dataclass(frozen=True, slots=True)
class Limits:
    """What the detector's settings say: see `engine/detectors/queue_anomaly.py`."""

    min_confidence: float
    points: float
    z: float
    iqr: float
    worker_share: float


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One kind of anomaly, as expressions over the features."""

    kind: str
    """Its type and, after a slash, which of the ways in which that type shows."""
    figure: str
    """Which figure shows it: time, memory, wait or outcome; kinds of one figure are not independent."""
    confidence: pl.Expr
    """0..1, never null."""
    feature: str
    value: pl.Expr
    usual: pl.Expr
    spread: pl.Expr
    runs: pl.Expr
    words: pl.Expr
    shared: bool = False
    """Whether runs that only stand beside the sick one show it as well."""


SINGLE, SHARED = 6, 3
"""How steeply confidence rises with the deviation: a single run's tail falls off fast, a mean over runs does not.

At the sixth power one and a half times the limit is worth 0.92 and half of it 0.015; at the third 0.77 and 0.11.
"""
RETRIES = 1.75
"""This many retries more than the type's usual are at the limit; a retry that fails again counts as one more."""
SHARED_Z = 0.75
"""A worker's runs together need this part of the limit of a single run."""
LATE_Z, LATE_SHARE = 1.6, 0.75
"""A backlog needs a wait at 1.6 times the limit, and this share of the runs around it to be late as well."""
SLOW_Z, SLOW_SHARE = 1.3, 0.75
"""A type that is slow as a whole needs 1.3 times the limit, and three quarters of the runs around it slow as well."""
SPARED = 0.25
"""A run that succeeds amid failures has this part of their confidence."""
RISE = 0.4
"""A leak is a rise of at least two fifths."""
WORKER_FIGURE = "time"
"""A worker shows on the run times and the CPU times of its runs, which are not independent."""


def _confidence(ratio: pl.Expr, limits: Limits, power: int = SINGLE) -> pl.Expr:
    """0..1 from a deviation as a multiple of its limit.

    A deviation at its limit has 50 points out of 100; confidence is 0.5 where the points reach `limits.points`.
    """
    points = min(max(limits.points, 1.0), 99.0)
    odds = ratio.cast(pl.Float64).clip(0.0, 1e3) ** power * ((100.0 - points) / points)
    return (odds / (1.0 + odds)).fill_nan(0.0).fill_null(0.0)


def _least(*ratios: pl.Expr) -> pl.Expr:
    """The smallest of several ratios, all of which must be known: what is unknown counts as no deviation."""
    return pl.min_horizontal(ratio.fill_nan(0.0).fill_null(0.0) for ratio in ratios)


def _ratio(feature: str, limits: Limits) -> pl.Expr:
    """How many times over its limits a feature is: the robust z and Tukey's fence must agree."""
    return _least(pl.col(f"{feature}_z") / limits.z, pl.col(f"{feature}_fence") / limits.iqr)


def anomalies(limits: Limits) -> list[Anomaly]:
    """Every kind of anomaly that the detector knows."""
    return [
        _time(limits), _sustained(limits), _memory(limits), _leak(limits), _starvation(limits), _backlog(limits),
        _retries(limits), _series(limits), _failures(limits, "", "of its type"),
        _failures(limits, "worker_", "on its worker"), _worker(limits),
    ]  # fmt: skip


def _time(limits: Limits) -> Anomaly:
    sized = pl.when(pl.col("payload_kb").is_null()).then(pl.lit("")).otherwise(pl.lit(" for its payload"))
    return Anomaly(
        "execution_time_spike", "time",
        _confidence(_ratio("time", limits), limits),
        "execution_ms", pl.col("execution_ms"), pl.col("time_usual_ms"), pl.col("time_spread"), pl.col("runs"),
        pl.concat_str(pl.lit("ran "), words.duration("execution_ms"), pl.lit(", usually "),
                      words.duration("time_usual_ms"), sized, pl.lit(" (median of "), words.count("runs"),
                      pl.lit(" runs)")),
    )  # fmt: skip


def _sustained(limits: Limits) -> Anomaly:
    """All of a type is slow: neighbours in time are no measure then, the week is."""
    together = pl.col("slow_runs") / (pl.col("slow_of") + 1) / SLOW_SHARE
    return Anomaly(
        "execution_time_spike/sustained", "time",
        _confidence(_least(pl.col("slow_z") / (SLOW_Z * limits.z), together), limits),
        "execution_ms", pl.col("execution_ms"), pl.col("slow_usual_ms"), pl.col("slow_z"), pl.col("slow_of"),
        pl.concat_str(pl.lit("ran "), words.duration("execution_ms"), pl.lit(", in its week "),
                      words.duration("slow_usual_ms"), pl.lit("; so slow are "), words.count("slow_runs"),
                      pl.lit(" of the "), words.count("slow_of"), pl.lit(" runs of its type around it")), shared=True,
    )  # fmt: skip


def _memory(limits: Limits) -> Anomaly:
    return Anomaly(
        "memory_leak", "memory",
        _confidence(_ratio("memory", limits), limits),
        "memory_mb", pl.col("memory_mb"), pl.col("memory_usual_mb"), pl.col("memory_spread"), pl.col("runs"),
        pl.concat_str(pl.lit("memory peak "), words.size("memory_mb"), pl.lit(", usually "),
                      words.size("memory_usual_mb"), pl.lit(" (median of "), words.count("runs"), pl.lit(" runs)")),
    )  # fmt: skip


def _leak(limits: Limits) -> Anomaly:
    return Anomaly(
        "memory_leak/slope", "memory",
        _confidence(_least(pl.col("leak_z") / limits.z, pl.col("leak_rise") / RISE), limits),
        "leak_rise", pl.col("memory_mb"), pl.col("memory_mb") / (1.0 + pl.col("leak_rise")), pl.col("leak_z"),
        pl.col("worker_runs"),
        pl.concat_str(pl.lit("memory of worker "), _name("worker"), pl.lit(" rises from run to run, by "),
                      words.share("leak_rise"), pl.lit(" so far")),
    )  # fmt: skip


def _starvation(limits: Limits) -> Anomaly:
    return Anomaly(
        "starvation", "wait",
        _confidence(_ratio("wait", limits), limits),
        "wait_ms", pl.col("wait_ms"), pl.col("wait_usual_ms"), pl.col("wait_spread"), pl.col("runs"),
        pl.concat_str(pl.lit("waited "), words.duration("wait_ms"), pl.lit(" while its equals around it waited "),
                      words.duration("wait_usual_ms")),
    )  # fmt: skip


def _backlog(limits: Limits) -> Anomaly:
    together = pl.col("queue_late") / (pl.col("queue_runs") + 1) / LATE_SHARE
    late = _least(pl.col("late_z") / (LATE_Z * limits.z), pl.col("late_fence") / limits.iqr, together)
    return Anomaly(
        "backlog", "wait",
        _confidence(late, limits),
        "wait_ms", pl.col("wait_ms"), pl.col("late_usual_ms"), pl.col("late_z"), pl.col("queue_runs"),
        pl.concat_str(pl.lit("waited "), words.duration("wait_ms"), pl.lit(" in a backlog, usually "),
                      words.duration("late_usual_ms"), pl.lit("; so did "), words.count("queue_late"), pl.lit(" of "),
                      words.count("queue_runs"), pl.lit(" runs around it in queue "), _name("queue")),
    )  # fmt: skip


def _retries(limits: Limits) -> Anomaly:
    usual = pl.col("retry_usual").fill_null(0.0)
    excess = pl.col("retry_count") - usual
    again = pl.when(pl.col("failed") & (excess > 0)).then(1.0).otherwise(0.0)
    times = pl.when(pl.col("retry_count") == 1).then(pl.lit(" time, usually ")).otherwise(pl.lit(" times, usually "))
    ended = pl.when(pl.col("failed")).then(pl.lit(", and failed again")).otherwise(pl.lit(""))
    return Anomaly(
        "rising_retries", "outcome",
        _confidence((excess + again) / RETRIES, limits, SHARED),
        "retry_count", pl.col("retry_count"), usual, pl.lit(RETRIES), pl.col("runs"),
        pl.concat_str(pl.lit("retried "), words.count("retry_count"), times, words.count(usual), ended),
    )  # fmt: skip


def _series(limits: Limits) -> Anomaly:
    """More retried runs of the type around it than in its week; only for runs that are retries themselves."""
    z, expected, spread = _surplus("retried_recent", "series_runs", "retried_usual")
    own = pl.when(pl.col("retry_count") > 0).then(1.0).otherwise(0.0)
    return Anomaly(
        "rising_retries/series", "outcome",
        _confidence(z / limits.z, limits) * own,
        "retry_count", pl.col("retried_recent"), expected, spread, pl.col("series_runs"),
        pl.concat_str(words.count("retried_recent"), pl.lit(" of the "), words.count("series_runs"),
                      pl.lit(" runs of its type around it are retries, usually "), words.share("retried_usual")),
    )  # fmt: skip


def _failures(limits: Limits, prefix: str, whose: str) -> Anomaly:
    """More failures in a series than the usual rate explains, of the type or on the worker."""
    z, expected, spread = _surplus(f"{prefix}failed_recent", f"{prefix}series_runs", f"{prefix}failed_usual")
    own = pl.when(pl.col("failed")).then(1.0).otherwise(SPARED)
    return Anomaly(
        f"high_failure_rate/{prefix or 'type_'}", "outcome",
        _confidence(z / limits.z, limits) * own,
        "status", pl.col(f"{prefix}failed_recent"), expected, spread, pl.col(f"{prefix}series_runs"),
        pl.concat_str(words.count(f"{prefix}failed_recent"), pl.lit(" of the "), words.count(f"{prefix}series_runs"),
                      pl.lit(f" runs {whose} around it failed, usually "), words.share(f"{prefix}failed_usual")),
    )  # fmt: skip


def _surplus(recent: str, runs: str, rate: str) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """How many binomial standard deviations a count is above what its usual rate gives; that count, the deviation.

    Half an event is added to the variance, for a rate that has never been seen is not known to be zero.
    """
    expected = pl.col(runs) * pl.col(rate)
    spread = (expected * (1.0 - pl.col(rate)) + 0.5).sqrt()
    return (pl.col(recent) - expected) / spread, expected, spread


def _worker(limits: Limits) -> Anomaly:
    """A stalled CPU (the share of wall time that is CPU time falls), or CPU time that is missing, on all of its runs.

    A throttled disk stalls the CPU; withheld cores leave CPU time missing, for libraries start fewer threads.
    """
    seen = pl.concat_str(pl.lit("its CPU is busy "), words.share("cpu_share"), pl.lit(" of the time, usually "),
                         words.share("cpu_share_usual"))  # fmt: skip
    slow = pl.concat_str(pl.lit("ran "), words.duration("execution_ms"), pl.lit(", usually "),
                         words.duration("time_usual_ms"))  # fmt: skip
    return Anomaly(
        "worker_degradation", WORKER_FIGURE,
        _confidence(pl.col("worker_z") / (SHARED_Z * limits.z), limits, SHARED),
        "cpu_share", pl.col("cpu_share"), pl.col("cpu_share_usual"), pl.col("worker_z"), pl.col("worker_runs"),
        pl.concat_str(pl.lit("worker "), _name("worker"), pl.lit(" is degraded: "),
                      pl.when(pl.col("cpu_share").is_null()).then(slow).otherwise(seen), pl.lit("; its last "),
                      words.count("worker_runs"), pl.lit(" runs are off by "),
                      pl.col("worker_z").round(1).cast(pl.String), pl.lit(" spreads together")), shared=True,
    )  # fmt: skip


def _name(column: str) -> pl.Expr:
    return pl.col(column).fill_null("?")
