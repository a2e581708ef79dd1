"""How often a threshold is changed where nothing can be gained: the plain rule and ours, on a real stream.

The plain rule takes the best of the last window and applies it if it is 5 % better there. The stream is the census one
of the tests, thinned to one positive in ten; the threshold in use is the best of the whole thinned stream.

    python bench/tuning_null.py [RUNS]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from engine import gates, sweep

STREAM = Path(__file__).parents[1] / "tests" / "engine" / "data" / "census_employment_ma.parquet"
PROVED = ("G1 data", "G3 honest gain", "G4 certainty", "G5 agreement", "G7 rails")


def thinned(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truth with one positive in ten, in their order."""
    known = pl.read_parquet(STREAM).filter(part="analysis")
    score, truth = known["score"].cast(pl.Float64).to_numpy(), known["truth"].to_numpy()
    kept = ~truth | (rng.random(truth.size) < (~truth).sum() / 9 / truth.sum())
    return score[kept], truth[kept]


def main(runs: int) -> None:
    """Print the shares of runs that change the threshold, by window."""
    rng = np.random.default_rng(0)
    score, truth = thinned(rng)
    grid, aim = sweep.grid(0.5, 0.9, 0.05), sweep.objective("f1")
    current = float(grid[np.argmax(sweep.f_beta(sweep.counts_at(score, truth, grid)))])
    print(f"{score.size:,} items, {truth.mean():.1%} positive, best threshold {current}")
    for n in (100, 300, 600, 1_000, 3_000):
        plain = once = twice = 0
        for _ in range(runs):
            start = int(rng.integers(0, score.size - 2 * n))
            found = []
            for a in (start, start + n):
                part = slice(a, a + n)
                found.append(gates.examine(score[part], truth[part], current, grid, aim, rng))
            window = slice(start, start + n)
            plain += _apparent(score[window], truth[window], current, grid) > 0.05
            ways = [np.sign(f.best - f.current) if all(f.gates[g].ok for g in PROVED) else 0 for f in found]
            once += ways[0] != 0
            twice += ways[0] == ways[1] != 0
        print(
            f"  {n:5} labels  plain {plain / runs:6.1%}   one run {once / runs:6.1%}   two in a row {twice / runs:6.2%}"
        )


def _apparent(score: np.ndarray, truth: np.ndarray, current: float, grid: np.ndarray) -> float:
    """The gain that the plain rule sees."""
    values = sweep.f_beta(sweep.counts_at(score, truth, np.append(grid, current)))
    return float(np.nanmax(values[:-1]) / values[-1] - 1.0) if values[-1] > 0 else np.inf


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
