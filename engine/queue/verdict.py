"""From features to a verdict: a confidence for each kind of anomaly, their union as the score, and the words for it."""

from __future__ import annotations

import polars as pl

from engine.queue import words
from engine.queue.calibration import shared_evidence, suspected
from engine.queue.kinds import WORKER_FIGURE, Anomaly, Limits, anomalies

LACKABLE = ("execution_ms", "wait_ms", "memory_mb", "cpu_ms", "retry_count", "payload_kb", "worker", "status")
"""The figures a job log may leave out; the evidence lists those that were missing."""


def judged(features: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """`features` with `score`, `reason` and `evidence`.

    The score is the union of what is probable, as if what different figures show were independent:
    1 - product(1 - surest), a factor for each figure (time, memory, wait, outcome). A worker that is only suspected
    counts as one that is degraded (`engine/queue/calibration.py`).
    """
    found = anomalies(limits)
    frame = features.rechunk().with_columns(a.confidence.round(6).alias(f"_{a.kind}") for a in found)
    frame = frame.with_columns(suspected(limits.worker_share).round(6).alias("_suspected"))
    doubt = pl.lit(1.0)
    for figure in dict.fromkeys(a.figure for a in found):
        surest = [_probable(a) for a in found if a.figure == figure]
        surest += [pl.col("_suspected")] if figure == WORKER_FIGURE else []
        doubt = doubt * (1.0 - pl.max_horizontal(surest))
    frame = frame.with_columns((1.0 - doubt).round(6).clip(0.0, 1.0).alias("score"), _lacked().alias("_lacked"))
    frame = frame.with_row_index("_row").with_columns(_calm().alias("_calm"), _floor(found, limits).alias("_floor"))
    frame = frame.join(_named(frame, found), on="_row", how="left", maintain_order="left")
    who = pl.col("job_type").fill_null("job")
    return frame.with_columns(
        pl.concat_str(who, pl.lit(": "), pl.coalesce("_words", "_calm")).alias("reason"),
        pl.concat_str(pl.lit('{"anomalies":'), pl.col("_listed").fill_null("[]"), pl.lit(',"suspected":'),
                      pl.col("_suspected").round(2).cast(pl.String), pl.lit(',"lacked":['), "_lacked",
                      pl.lit("]}")).alias("evidence"),
    ).select(*features.columns, "score", "reason", "evidence")  # fmt: skip


def _probable(anomaly: Anomaly) -> pl.Expr:
    """How probable an anomaly of this kind is, by its confidence."""
    confidence = pl.col(f"_{anomaly.kind}")
    return shared_evidence(confidence) if anomaly.shared else confidence


def _lacked() -> pl.Expr:
    """The figures that this run lacks, as the inside of a JSON list."""
    said = (pl.when(pl.col(name).is_null()).then(pl.lit(f'"{name}"')) for name in LACKABLE)
    return pl.concat_str(*said, separator=",", ignore_nulls=True)


def _floor(found: list[Anomaly], limits: Limits) -> pl.Expr:
    """The confidence from which anomalies are named: lower where only several small ones together make the score."""
    surest = pl.max_horizontal(f"_{a.kind}" for a in found)
    joined = (surest < limits.min_confidence) & (pl.col("score") >= limits.min_confidence)
    return pl.when(joined).then(pl.lit(limits.min_confidence / 3.0)).otherwise(pl.lit(limits.min_confidence))


def _calm() -> pl.Expr:
    """The words for a run in which nothing is named."""
    ran = pl.concat_str(pl.lit("ran "), words.duration("execution_ms"))
    few = pl.concat_str(ran, pl.lit("; too few earlier runs to judge by: "), words.count("runs"))
    usual = pl.concat_str(ran, pl.lit(", usually "), words.duration("time_usual_ms"))
    return pl.when(pl.col("runs") < 5).then(few).otherwise(usual)


def _named(frame: pl.DataFrame, found: list[Anomaly]) -> pl.DataFrame:
    """`_row`, `_words` and `_listed` (a JSON list) of the runs in which something is named, surest first."""
    parts = [
        frame.filter(pl.col(f"_{a.kind}") >= pl.col("_floor")).select(
            "_row", pl.lit(a.kind.partition("/")[0]).alias("type"), pl.lit(a.feature).alias("feature"),
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
