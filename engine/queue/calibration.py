"""From confidences to a probability that holds: what shared evidence is worth, and what faint evidence is.

A degraded worker shows on its own runs and on those beside it on the same machine. That makes sure evidence less sure,
and faint evidence on every run of a worker worth more than each of them tells. The constants are of the method and the
same for every site. They were measured on Flow-Bench's public half (48,944 runs of five workflows), each checked on the
workflow that was left out.
"""

from __future__ import annotations

import polars as pl

DOUBTFUL = 0.6
"""Up to this confidence shared evidence counts as it is."""
SHARED_SLOPE = 0.25
"""Beyond, its log-odds grow at a quarter: half of the runs that look like a degraded worker's stand beside it."""
MIDWAY, WIDTH = 0.25, 0.2
"""A worker whose runs are together off by MIDWAY spreads (`worker_z`) is as likely well as near a degraded one; by each
WIDTH more the odds grow e-fold. Maximum likelihood; on four workflows of five MIDWAY is 0.19 to 0.29, WIDTH 0.15 to
0.22. Without labels, from what is missing in the mirror image of `worker_z` about its mode (Efron's two groups with an
empirical null), MIDWAY comes out at 0.28, too, but WIDTH at 0.06, and the calibration error at twice as much."""
EXPOSED_MS = 17_000.0
"""Runs of this length carry half of the suspicion, shorter ones soon nothing and longer ones all of it."""
STEEPNESS = 8


def shared_evidence(confidence: pl.Expr) -> pl.Expr:
    """The probability behind a confidence in something that neighbours of the sick show, too."""
    at = DOUBTFUL / (1.0 - DOUBTFUL)
    odds = at * ((confidence / (1.0 - confidence).clip(1e-9)) / at) ** SHARED_SLOPE
    return pl.when(confidence > DOUBTFUL).then(odds / (1.0 + odds)).otherwise(confidence)


def exposed() -> pl.Expr:
    """How much of the suspicion a run carries, 0 to 1: long ones all of it, where CPU time and worker are logged."""
    length = pl.col("execution_ms").cast(pl.Float64).fill_null(0.0).clip(0.0, 1e9) / EXPOSED_MS
    told = pl.col("cpu_ms").is_not_null() & pl.col("worker").is_not_null()
    return pl.when(told).then(length**STEEPNESS / (1.0 + length**STEEPNESS)).otherwise(0.0)


def suspected(share: float) -> pl.Expr:
    """The probability that a run is on a degraded worker though too little shows to name it; never null.

    Withheld cores hardly leave a trace in a run that needs one. `share` is how many of the runs near a degraded worker
    are on it. Of short runs, and where no CPU time or worker is logged, nothing is known: 0.
    """
    together = pl.col("worker_z").cast(pl.Float64).fill_null(0.0)
    near_degraded = 1.0 / (1.0 + ((MIDWAY - together) / WIDTH).clip(-30.0, 30.0).exp())
    return min(max(share, 0.0), 1.0) * exposed() * near_degraded
