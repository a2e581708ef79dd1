"""All cut-offs of a million predictions, against nine calls of scikit-learn's f1_score (the grid 0.5 .. 0.9).

python bench/tuning.py [N]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import f1_score

from engine.sweep import f_beta, grid, sweep


def best_of(call: Callable[[], object], rounds: int = 5) -> float:
    """The shortest of some rounds, in seconds."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return min(took)


def main(n: int) -> None:
    """Print both times, the ratio, and the largest difference of the nine values."""
    rng = np.random.default_rng(0)
    truth = rng.random(n) < 0.2
    score = np.clip(rng.beta(2, 5, n) + 0.3 * truth, 0, 1)
    places = grid(0.5, 0.9, 0.05)
    ours = best_of(lambda: f_beta(sweep(score, truth).counts))
    theirs = best_of(lambda: [f1_score(truth, score >= t) for t in places], 3)
    gap = np.abs(f_beta(sweep(score, truth).on(places)) - [f1_score(truth, score >= t) for t in places]).max()
    cuts = sweep(score, truth).thresholds.size - 1
    print(f"{n:,} predictions, {cuts:,} distinct cut-offs")
    print(f"  all cut-offs, here         {ours:8.3f} s")
    print(f"  nine f1_score calls        {theirs:8.3f} s")
    print(f"  ratio {theirs / ours:.1f}x, largest difference on the grid {gap:.1e}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
