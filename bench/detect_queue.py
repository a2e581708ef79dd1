"""Job runs for bench/detect.py, and what a person would type: a robust z of the runtime over 64 runs."""

from __future__ import annotations

import numpy as np
import polars as pl

PLAIN = "one rolling robust z"
PART = 250_000
"""Runs a part; parts follow each other in time."""
A_DAY = 100_000


def events(part: int, jobs: int) -> pl.DataFrame:
    """40 job types, a few of them most of the load, on 30 workers; times grow with the payload. 100,000 a day."""
    from storage.schema import JOBS

    types, rng = np.random.default_rng(7), np.random.default_rng((7, part))
    kind = rng.zipf(1.3, jobs) % 40
    payload = rng.lognormal(3.0, 1.0, jobs)
    execution = types.lognormal(6.0, 1.5, 40)[kind] * rng.lognormal(0.0, 0.3, jobs) * np.sqrt(payload)
    spread_s = np.sort(rng.uniform(0.0, jobs * 86_400.0 / A_DAY, jobs)) + part * PART * 86_400.0 / A_DAY
    at_us = 1_772_442_000_000_000 + (spread_s * 1e6).astype(np.int64)
    frame = pl.DataFrame(
        {
            "ts": pl.Series(at_us).cast(pl.Datetime("us", "UTC")),
            "job_id": pl.Series(np.arange(jobs) + part * PART).cast(pl.String),
            "execution_ms": execution, "wait_ms": rng.lognormal(3.0, 1.0, jobs), "cpu_ms": execution * 0.3,
            "memory_mb": 80.0 + rng.normal(0.0, 3.0, jobs), "retry_count": (rng.random(jobs) < 0.01).astype(np.int32),
            "payload_kb": payload, "status": np.where(rng.random(jobs) < 0.01, "failed", "done"),
            "job_type": np.char.add("Job", kind.astype(str)), "queue": (kind % 3).astype(str),
            "worker": rng.integers(0, 30, jobs).astype(str),
        }
    )  # fmt: skip
    return JOBS.conform(frame)


def robust_z(frame: pl.DataFrame) -> pl.Series:
    """The runtime's z by job type over the last 64 runs, 0 while there are fewer than five."""
    value = pl.col("execution_ms").log1p()
    past = value.shift(1).over("job_type")

    def quantile(q: float) -> pl.Expr:
        return past.rolling_quantile(q, window_size=64, min_samples=5).over("job_type")

    z = (value - quantile(0.5)) / ((quantile(0.75) - quantile(0.25)) / 1.349).clip(lower_bound=0.1)
    return frame.lazy().sort("ts").select(z.fill_null(0.0).fill_nan(0.0).alias("z")).collect()["z"]


def plain(frame: pl.DataFrame) -> int:
    """How many runs are three robust deviations off."""
    return int((robust_z(frame) > 3.0).sum())


def subjects(frame: pl.DataFrame) -> int:
    """How many runs there are."""
    return frame.height
