"""Bounds of every metric that hold however often one looks, from the four counts.

Accuracy, precision, recall and FPR are shares of items of one kind. F1 follows from the share j of hits among hits,
misses and false alarms (F1 = 2 j / (1 + j)); balanced accuracy and MCC from the bounds of recall, specificity and
prevalence that hold all at once, for both only grow with recall and with specificity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from engine.intervals import Interval

Bound = Callable[[int, int, float], Interval]
"""Bounds of a share from hits, items and the chance to miss it: `confidence_sequence` or `sliding`."""
METRICS = ("accuracy", "precision", "recall", "f1", "fpr", "balanced_accuracy", "mcc")
ALPHA = 0.05
_STEPS = 32


@dataclass(frozen=True, slots=True)
class Counts:
    """True and false, positives and negatives."""

    tp: int
    fp: int
    fn: int
    tn: int


def bounds(counts: Counts, bound: Bound) -> dict[str, Interval | None]:
    """The bounds of each of `METRICS`; None where the metric has no denominator."""
    c = counts
    shares = {
        "accuracy": (c.tp + c.tn, c.tp + c.fp + c.fn + c.tn), "precision": (c.tp, c.tp + c.fp),
        "recall": (c.tp, c.tp + c.fn), "fpr": (c.fp, c.fp + c.tn),
    }  # fmt: skip
    found = {name: bound(hits, n, ALPHA) if n else None for name, (hits, n) in shares.items()}
    jaccard = bound(c.tp, c.tp + c.fp + c.fn, ALPHA) if c.tp + c.fp + c.fn else None
    found["f1"] = jaccard and Interval(*(2.0 * j / (1.0 + j) for j in (jaccard.low, jaccard.high)))
    both = c.tp + c.fn > 0 and c.fp + c.tn > 0
    found["balanced_accuracy"] = _balanced(c, bound) if both else None
    found["mcc"] = _mcc(c, bound) if both and c.tp + c.fp > 0 and c.fn + c.tn > 0 else None
    return found


def _balanced(c: Counts, bound: Bound) -> Interval:
    recall = bound(c.tp, c.tp + c.fn, ALPHA / 2.0)
    specificity = bound(c.tn, c.tn + c.fp, ALPHA / 2.0)
    return Interval((recall.low + specificity.low) / 2.0, (recall.high + specificity.high) / 2.0)


def _mcc(c: Counts, bound: Bound) -> Interval:
    recall = bound(c.tp, c.tp + c.fn, ALPHA / 3.0)
    specificity = bound(c.tn, c.tn + c.fp, ALPHA / 3.0)
    prevalence = bound(c.tp + c.fn, c.tp + c.fp + c.fn + c.tn, ALPHA / 3.0)
    span = prevalence.high - prevalence.low
    places = [prevalence.low + span * i / _STEPS for i in range(_STEPS + 1)]
    return Interval(
        min(_correlation(recall.low, specificity.low, p) for p in places),
        max(_correlation(recall.high, specificity.high, p) for p in places),
    )


def _correlation(recall: float, specificity: float, prevalence: float) -> float:
    """MCC of a population; 0 where everything, or nothing, is flagged or true."""
    flagged = prevalence * recall + (1.0 - prevalence) * (1.0 - specificity)
    below = flagged * (1.0 - flagged)
    if below <= 0.0:
        return 0.0
    return (recall + specificity - 1.0) * sqrt(prevalence * (1.0 - prevalence) / below)
