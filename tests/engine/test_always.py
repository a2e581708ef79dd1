"""Bounds that hold however often one looks: of every metric, of a whole stream and of a window that slides."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.always import METRICS, Counts, bounds
from engine.intervals import confidence_sequence, mean_sequence, sliding

RECALL, SPECIFICITY, PREVALENCE = 0.8, 0.9, 0.3
FLAGGED = PREVALENCE * RECALL + (1 - PREVALENCE) * (1 - SPECIFICITY)
TRUE = {
    "accuracy": PREVALENCE * RECALL + (1 - PREVALENCE) * SPECIFICITY, "precision": PREVALENCE * RECALL / FLAGGED,
    "recall": RECALL, "f1": 2 * PREVALENCE * RECALL / (FLAGGED + PREVALENCE), "fpr": 1 - SPECIFICITY,
    "balanced_accuracy": (RECALL + SPECIFICITY) / 2,
    "mcc": (RECALL + SPECIFICITY - 1) * sqrt(PREVALENCE * (1 - PREVALENCE) / (FLAGGED * (1 - FLAGGED))),
}  # fmt: skip


def _counts(rng: np.random.Generator, n: int) -> np.ndarray:
    """TP, FP, FN and TN after each of `n` items."""
    truth = rng.random(n) < PREVALENCE
    flagged = rng.random(n) < np.where(truth, RECALL, 1 - SPECIFICITY)
    kinds = np.stack([truth & flagged, ~truth & flagged, truth & ~flagged, ~truth & ~flagged])
    found: np.ndarray = kinds.cumsum(axis=1)
    return found


def test_over_all_looks_at_a_stream_hardly_any_metric_leaves_its_bounds() -> None:
    rng, missed = np.random.default_rng(3), dict.fromkeys(METRICS, 0)
    looks = np.unique(np.geomspace(10, 2_999, 14).astype(int))
    for _ in range(60):
        counts = _counts(rng, 3_000)
        seen = [bounds(Counts(*(int(c) for c in counts[:, n])), confidence_sequence) for n in looks]
        for name in METRICS:
            missed[name] += any(b is not None and not b.low <= TRUE[name] <= b.high for b in (s[name] for s in seen))
    assert max(missed.values()) / 60 <= 0.05


def test_no_window_that_slides_by_leaves_its_bounds_where_wilsons_are_left_in_every_stream() -> None:
    rng, missed, plain = np.random.default_rng(4), 0, 0
    for _ in range(40):
        hits = np.concatenate([[0], np.cumsum(rng.random(4_000) < 0.9)])
        inside = hits[100:] - hits[:-100]
        worst = [int(i) for i in np.argsort(np.abs(inside - 90))[-3:]]
        for i in worst:
            b = sliding(int(inside[i]), 100, 100 + i)
            missed += not b.low <= 0.9 <= b.high
        plain += bool((np.abs(inside - 90) > 1.96 * 3).any())
    assert missed == 0
    assert plain == 40


def test_the_mean_of_values_stays_inside_as_well() -> None:
    rng, missed = np.random.default_rng(5), 0
    for _ in range(100):
        mean = np.cumsum(rng.random(2_000) < 0.5) / np.arange(1, 2_001)
        seen = [mean_sequence(float(mean[n - 1]), n) for n in range(20, 2_000, 45)]
        missed += any(not b.low <= 0.5 <= b.high for b in seen)
    assert missed / 100 <= 0.05
    assert mean_sequence(0.5, 1_000).high - 0.5 == pytest.approx(0.045, abs=0.005), "as narrow as it can be there"


@settings(max_examples=60, deadline=None)
@given(*[st.integers(0, 400)] * 4)
def test_what_was_seen_lies_within_its_own_bounds(tp: int, fp: int, fn: int, tn: int) -> None:
    found = bounds(Counts(tp, fp, fn, tn), confidence_sequence)
    values = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn),
              "fpr": (fp, fp + tn)}  # fmt: skip
    for name, (above, below) in values.items():
        bound = found[name]
        assert (bound is None) == (below == 0)
        if bound is not None:
            assert bound.low - 1e-9 <= above / below <= bound.high + 1e-9
    below = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    if below:
        mcc = found["mcc"]
        assert mcc is not None
        assert mcc.low - 1e-9 <= (tp * tn - fp * fn) / sqrt(below) <= mcc.high + 1e-9
