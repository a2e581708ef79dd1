"""From features to a verdict: a confidence for each kind of anomaly, their union as the score, and the words for it."""

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


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One kind of anomaly: how sure, which feature shows it against which baseline, and the sentence for people."""

    kind: str
    confidence: pl.Expr
    feature: str
    value: pl.Expr
    usual: pl.Expr
    spread: pl.Expr
    runs: pl.Expr
    words: pl.Expr


LACKABLE = ("execution_ms", "wait_ms", "memory_mb", "cpu_ms", "retry_count", "payload_kb", "worker", "status")
"""The figures a job log may leave out; the evidence lists those that were missing."""

TW=.7


PW=6
def _confidence(ratio: pl.Expr, limits: Limits, pw=None) -> pl.Expr:
    """0..1 from a deviation as a multiple of its limit; a deviation at its limit has the points that the setting says.

    The cube makes one and a half times the limit 0.77 and half of it 0.11.
    """
    points = min(max(limits.points, 1.0), 99.0)
    powered = ratio.clip(0.0, 1e6) ** (pw or PW) * (points / (100.0 - points))
    return (powered / (1.0 + powered)).fill_nan(0.0).fill_null(0.0)


def _least(*ratios: pl.Expr) -> pl.Expr:
    """The smallest of several ratios, all of which must be known: what is unknown counts as no deviation."""
    return pl.min_horizontal(ratio.fill_nan(0.0).fill_null(0.0) for ratio in ratios)


def _ratio(feature: str, limits: Limits) -> pl.Expr:
    """How many times over its limits a feature is: the robust z and Tukey's fence must agree."""
    return _least(pl.col(f"{feature}_z") / limits.z, pl.col(f"{feature}_fence") / limits.iqr)


def anomalies(limits: Limits) -> list[Anomaly]:
    """Every kind of anomaly that the detector knows."""
    return [_time(limits), _memory(limits), _leak(limits), _starved(limits), _backlog(limits), _retries(), _failing(limits),
            _worker(limits)]


def _time(limits: Limits) -> Anomaly:
    said = pl.format("ran {}, usually {}{} (median of {} runs)", words.duration("execution_ms"),
                     words.duration("time_usual_ms"),
                     pl.when(pl.col("payload_kb").is_null()).then(pl.lit("")).otherwise(pl.lit(" for its payload")),
                     pl.col("runs"))  # fmt: skip
    return Anomaly("execution_time_spike", _confidence(_ratio("time", limits), limits), "execution_ms",
                   pl.col("execution_ms"), pl.col("time_usual_ms"), pl.col("time_spread"), pl.col("runs"), said)  # fmt: skip


def _memory(limits: Limits) -> Anomaly:
    said = pl.format("memory peak {}, usually {} (median of {} runs)", words.size("memory_mb"),
                     words.size("memory_usual_mb"), pl.col("runs"))  # fmt: skip
    return Anomaly("memory_leak", _confidence(_ratio("memory", limits), limits), "memory_mb", pl.col("memory_mb"),
                   pl.col("memory_usual_mb"), pl.col("memory_spread"), pl.col("runs"), said)  # fmt: skip


def _leak(limits: Limits) -> Anomaly:
    said = pl.format("memory of worker {} rises from run to run, {} so far", pl.col("worker"), words.share("leak_rise"))
    sure = _confidence(_least(pl.col("leak_z") / limits.z, pl.col("leak_rise") / 0.4), limits)
    return Anomaly("memory_leak_slope", sure, "leak_rise", pl.col("memory_mb"), pl.col("memory_usual_mb"), pl.col("leak_z"),
                   pl.col("worker_runs"), said)  # fmt: skip


def _starved(limits: Limits) -> Anomaly:
    said = pl.format("waited {} while runs that started with it waited {}", words.duration("wait_ms"),
                     words.duration("wait_usual_ms"))  # fmt: skip
    return Anomaly("starvation", _confidence(_ratio("wait", limits), limits), "wait_ms", pl.col("wait_ms"),
                   pl.col("wait_usual_ms"), pl.col("wait_spread"), pl.col("runs"), said)  # fmt: skip


def _backlog(limits: Limits) -> Anomaly:
    said = pl.format("waited {} in a backlog: {} of the {} runs around it in queue {} waited far longer than usual",
                     words.duration("wait_ms"), words.count("queue_late"), pl.col("queue_runs"),
                     pl.col("queue").fill_null("?"))  # fmt: skip
    together = pl.col("queue_late") / (pl.col("queue_runs") + 1) / 0.65
    sure = _confidence(_least(pl.col("late_z") / (1.6 * limits.z), pl.col("late_fence") / limits.iqr, together), limits)
    return Anomaly("backlog", sure, "wait_ms", pl.col("wait_ms"), pl.col("wait_usual_ms"), pl.col("wait_spread"),
                   pl.col("queue_runs"), said)  # fmt: skip


def _retries() -> Anomaly:
    usual = pl.col("retry_usual").fill_null(0.0)
    excess = pl.col("retry_count") - usual
    excess = excess + pl.when(pl.col("failed") & (excess > 0)).then(1.0).otherwise(0.0)
    said = pl.format("retried {} times, usually {}", words.count("retry_count"), words.count(usual))
    limits = Limits(0.0, 50.0, 1.0, 1.0)
    return Anomaly("rising_retries", _confidence(excess / 1.75, limits, 3), "retry_count", pl.col("retry_count"), usual,
                   pl.lit(1.75), pl.col("runs"), said)  # fmt: skip


def _failing(limits: Limits) -> Anomaly:
    expected = pl.col("failed_runs") * pl.col("failed_usual")
    spread = (expected * (1.0 - pl.col("failed_usual")) + 0.5).sqrt()
    own = pl.when(pl.col("failed")).then(1.0).otherwise(0.5)
    said = pl.format("{} of the last {} runs of its type failed, usually {}", words.count("failed_recent"),
                     pl.col("failed_runs"), words.share("failed_usual"))  # fmt: skip
    sure = _confidence((pl.col("failed_recent") - expected) / spread / limits.z, limits) * own
    return Anomaly("high_failure_rate", sure.fill_null(0.0), "status", pl.col("failed_recent"), expected, spread,
                   pl.col("failed_runs"), said)  # fmt: skip


def _worker(limits: Limits) -> Anomaly:
    stall = pl.max_horizontal(pl.col("worker_stall_z"), 0.5 * pl.col("worker_cpu_z"), TW*pl.col("worker_time_z"))
    said = pl.format("worker {} is degraded: {} of the run's time on the CPU, usually {}; {} runs there in the last minutes "
                     "are {} spreads off", pl.col("worker"), words.share("cpu_share"), words.share("cpu_share_usual"),
                     pl.col("worker_runs"), stall.round(1))  # fmt: skip
    return Anomaly("worker_degradation", _confidence(stall / (0.7 * limits.z), limits, 3), "cpu_share",
                   pl.col("cpu_share"), pl.col("cpu_share_usual"), pl.lit(0.7 * limits.z), pl.col("worker_runs"), said)  # fmt: skip


def judged(features: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """`features` with `score`, `reason` and `evidence`.

    The score is the union of the confidences, as if the kinds were independent: 1 - product(1 - confidence).
    """
    found = anomalies(limits)
    frame = features.rechunk().with_columns(a.confidence.round(6).alias(f"_{a.kind}") for a in found)
    doubt = pl.lit(1.0)
    for anomaly in found:
        doubt = doubt * (1.0 - pl.col(f"_{anomaly.kind}"))
    frame = frame.with_columns((1.0 - doubt).round(6).clip(0.0, 1.0).alias("score"), _lacked().alias("_lacked"))
    frame = frame.with_row_index("_row")
    named = _named(frame, found, limits)
    frame = frame.with_columns(_calm().alias("_calm")).join(named, on="_row", how="left", maintain_order="left")
    who = pl.col("job_type").fill_null("job")
    return frame.with_columns(
        pl.concat_str(who, pl.lit(": "), pl.coalesce("_words", "_calm")).alias("reason"),
        pl.concat_str(pl.lit('{"anomalies":'), pl.col("_listed").fill_null("[]"), pl.lit(',"lacked":['), "_lacked",
                      pl.lit("]}")).alias("evidence"),
    ).select(*features.columns, "score", "reason", "evidence")  # fmt: skip


def _lacked() -> pl.Expr:
    """The figures that this run lacks, as the inside of a JSON list."""
    return pl.concat_str(
        [pl.when(pl.col(name).is_null()).then(pl.lit(f'"{name}"')) for name in LACKABLE], separator=",", ignore_nulls=True
    )


def _calm() -> pl.Expr:
    """The words for a run in which nothing is named."""
    ran = pl.concat_str(pl.lit("ran "), words.duration("execution_ms"))
    few = pl.concat_str(ran, pl.lit("; too few earlier runs to judge by: "), words.count("runs"))
    return pl.when(pl.col("runs") < 5).then(few).otherwise(
        pl.concat_str(ran, pl.lit(", usually "), words.duration("time_usual_ms"))
    )  # fmt: skip


def _named(frame: pl.DataFrame, found: list[Anomaly], limits: Limits) -> pl.DataFrame:
    """`_row`, `_words` and `_listed` (a JSON list) of the runs with an anomaly from `min_confidence` on, surest first."""
    parts = [
        frame.filter(pl.col(f"_{a.kind}") >= limits.min_confidence).select(
            "_row", pl.lit(a.kind.removesuffix("_slope")).alias("type"), pl.lit(a.feature).alias("feature"),
            _number(a.value).alias("value"), _number(a.usual).alias("usual"), _number(a.spread).alias("spread"),
            a.runs.cast(pl.Int64).alias("runs"), pl.col(f"_{a.kind}").round(3).alias("confidence"),
            a.words.alias("words"),
        )
        for a in found
    ]  # fmt: skip
    rows = pl.concat(parts).sort("_row", "confidence", descending=[False, True], maintain_order=True)
    entry = pl.struct(pl.exclude("_row")).struct.json_encode()
    return rows.with_columns(entry.alias("entry")).group_by("_row", maintain_order=True).agg(
        pl.col("words").str.join("; ").alias("_words"),
        pl.concat_str(pl.lit("["), pl.col("entry").str.join(","), pl.lit("]")).alias("_listed"),
    )  # fmt: skip


def _number(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Float64).round_sig_figs(4)
