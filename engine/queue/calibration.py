"""From confidences to a probability that holds: what shared evidence is worth, and what leaves no trace at all.

Two corrections, both constants of the method and the same for every site. They were measured on Flow-Bench's public
half (48,944 runs of five workflows, each checked with constants from the other four), for nothing but labelled faults
tells how often a degraded worker shows nowhere.
"""

from __future__ import annotations

import polars as pl

DOUBTFUL = 0.6
"""Up to this confidence shared evidence counts as it is."""
SHARED_SLOPE = 0.25
"""Beyond, its log-odds grow at a quarter: half of the runs that look like a degraded worker's stand beside it."""
EXPOSED_MS = 17_000.0
"""Runs of this length carry half of the hidden share, shorter ones soon nothing and longer ones all of it."""
STEEPNESS = 8


def shared_evidence(confidence: pl.Expr) -> pl.Expr:
    """The probability behind a confidence in something that neighbours of the sick show, too."""
    at = DOUBTFUL / (1.0 - DOUBTFUL)
    odds = at * ((confidence / (1.0 - confidence).clip(1e-9)) / at) ** SHARED_SLOPE
    return pl.when(confidence > DOUBTFUL).then(odds / (1.0 + odds)).otherwise(confidence)


def hidden(share: float) -> pl.Expr:
    """The probability that a run is on a degraded worker though none of its figures shows it; never null.

    Withheld cores leave no trace in a run that needs one. `share` is that of long runs; it is taken to be 0 where no
    CPU time or worker is logged, for nothing is known of such logs (Nextflow's have none).
    """
    length = pl.col("execution_ms").cast(pl.Float64).fill_null(0.0).clip(0.0, 1e9) / EXPOSED_MS
    exposed = length**STEEPNESS / (1.0 + length**STEEPNESS)
    told = pl.col("cpu_ms").is_not_null() & pl.col("worker").is_not_null()
    return pl.when(told).then(min(max(share, 0.0), 1.0) * exposed).otherwise(0.0)
