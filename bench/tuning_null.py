"""How often a threshold is changed where nothing can be gained, and where much can: the plain rule and ours.

The plain rule takes the best of the last window and applies it if it is 5 % better there. The stream is the census one
of the tests, thinned to one positive in ten. In its own order another threshold is truly better for a while here and
there; with the order mixed there is nothing to gain anywhere. The threshold in use is first the best of the whole
thinned stream, then one from which a step inside the rails gains about 60 % of F1. There a 70/30 hold-out stands beside
it: chosen on the older part, applied if the newer one says 5 % and a bootstrap of it agrees.

    python bench/tuning_null.py [RUNS]
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl

from engine import gates, sweep

STREAM = Path(__file__).parents[1] / "tests" / "engine" / "data" / "census_employment_ma.parquet"
Part = tuple[np.ndarray, np.ndarray]
"""Scores and truth, in their order."""
PROVED = ("G1 data", "G3 honest gain", "G4 certainty", "G5 agreement", "G7 rails")


def thinned(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truth with one positive in ten, in their order."""
    known = pl.read_parquet(STREAM).filter(part="analysis")
    score, truth = known["score"].cast(pl.Float64).to_numpy(), known["truth"].to_numpy()
    kept = ~truth | (rng.random(truth.size) < (~truth).sum() / 9 / truth.sum())
    return score[kept], truth[kept]


def main(runs: int) -> None:
    """Print the shares of runs that change the threshold, by window: without and with something to gain."""
    rng = np.random.default_rng(0)
    score, truth = thinned(rng)
    grid, aim = sweep.grid(0.5, 0.9, 0.05), sweep.objective("f1")
    values = sweep.f_beta(sweep.counts_at(score, truth, grid))
    best = float(grid[np.argmax(values)])
    print(f"{score.size:,} items, {truth.mean():.1%} positive, best threshold {best}")
    for n in (100, 300, 600, 1_000, 3_000):
        plain, once, twice = _shares(runs, rng, (score, truth), n, best)
        order = rng.permutation(score.size)
        *_, mixed = _shares(runs, rng, (score[order], truth[order]), n, best)
        print(
            f"  {n:5} labels  plain {plain:6.1%}   one run {once:6.1%}   two in a row {twice:6.2%}"
            f"   and with the order mixed {mixed:6.2%}"
        )
    print(
        f"the proof alone (G3, G4), from 0.9, where {best} gains {values[places_of(grid, best)] / values[-1] - 1:.0%}"
    )
    for n in (100, 600, 3_000):
        print(f"  {n:5} labels  {np.mean([_proved(_part(rng, score, truth, n), 0.9, rng) for _ in range(runs)]):6.1%}")
    worse, gain = _sixty_percent(score, truth)
    print(f"at {worse} a step inside the rails gains {gain:.0%}")
    for n in (100, 300, 600, 1_000, 3_000):
        _, once, twice = _shares(runs, rng, (score, truth), n, worse)
        held = np.mean([_held_out(_part(rng, score, truth, n), worse, grid, aim, rng) for _ in range(runs)])
        print(f"  {n:5} labels  one run {once:6.1%}   two in a row {twice:6.1%}   70/30 hold-out {held:6.1%}")


def places_of(grid: np.ndarray, threshold: float) -> int:
    """Where a threshold stands in the grid."""
    return int(np.argmin(np.abs(grid - threshold)))


def _proved(part: Part, current: float, rng: np.random.Generator) -> bool:
    """Whether the gain is proved, however far the step and whatever the false-positive rate."""
    grid, aim = sweep.grid(0.5, 0.9, 0.05), sweep.objective("f1")
    with patch.object(gates, "STEP", 1.0), patch.object(gates, "FPR_RISE", 1.0):
        found = gates.examine(*part, current, grid, aim, rng)
    return found.gates["G3 honest gain"].ok and found.gates["G4 certainty"].ok


def _shares(runs: int, rng: np.random.Generator, stream: Part, n: int, current: float) -> tuple[float, float, float]:
    """How often the plain rule, one run of ours, and two in a row that agree, change the threshold."""
    grid, aim = sweep.grid(0.5, 0.9, 0.05), sweep.objective("f1")
    plain = once = twice = 0
    for _ in range(runs):
        score, truth = _part(rng, *stream, 2 * n)
        halves = (slice(0, n), slice(n, 2 * n))
        found = [gates.examine(score[part], truth[part], current, grid, aim, rng) for part in halves]
        plain += _apparent(score[:n], truth[:n], current, grid) > 0.05
        ways = [np.sign(f.best - f.current) if all(f.gates[g].ok for g in PROVED) else 0 for f in found]
        once += ways[0] != 0
        twice += ways[0] == ways[1] != 0
    return plain / runs, once / runs, twice / runs


def _part(rng: np.random.Generator, score: np.ndarray, truth: np.ndarray, n: int) -> Part:
    """`n` items in a row, from anywhere."""
    start = int(rng.integers(0, score.size - n))
    return score[start : start + n], truth[start : start + n]


def _sixty_percent(score: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The threshold from which one step inside the rails gains nearest to 60 %, and how much it gains."""
    grid, rng, found = sweep.grid(0.5, 0.9, 0.05), np.random.default_rng(0), []
    for current in np.round(np.arange(0.86, 0.98, 0.005), 3):
        gain = gates.examine(score, truth, float(current), grid, sweep.objective("f1"), rng).apparent_gain
        found.append((abs((gain or 0.0) - 0.6), float(current), gain or 0.0))
    _, current, gain = min(found)
    return current, gain


def _held_out(part: Part, current: float, grid: np.ndarray, aim: sweep.Objective, rng: np.random.Generator) -> bool:
    """Whether a threshold chosen on the older 70 % is 5 % better on the newer 30 %, and in 95 of 100 resamples."""
    score, truth = part
    cut = int(0.7 * score.size)
    reach = grid[np.abs(grid - current) <= gates.STEP + 1e-9]
    if not reach.size:
        return False
    values = aim.of(sweep.counts_at(score[:cut], truth[:cut], reach))
    if not np.isfinite(values).any():
        return False
    chosen = float(reach[np.nanargmax(values)])
    both = np.array([chosen, current])
    new, old = aim.of(sweep.counts_at(score[cut:], truth[cut:], both))
    if not new > 1.05 * old:
        return False
    worse = 0
    for _ in range(100):
        drawn = cut + rng.integers(0, score.size - cut, score.size - cut)
        new, old = aim.of(sweep.counts_at(score[drawn], truth[drawn], both))
        worse += not new > old
    return worse <= 5


def _apparent(score: np.ndarray, truth: np.ndarray, current: float, grid: np.ndarray) -> float:
    """The gain that the plain rule sees."""
    values = sweep.f_beta(sweep.counts_at(score, truth, np.append(grid, current)))
    return float(np.nanmax(values[:-1]) / values[-1] - 1.0) if values[-1] > 0 else np.inf


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
