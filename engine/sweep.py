"""Every cut-off of a score at once: one sort gives the confusion counts of all thresholds, exactly.

`score >= threshold` flags, as everywhere here and in scikit-learn's `precision_recall_curve`. All metrics are defined
once, over arrays of counts; 0/0 is NaN, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storage.errors import UsageError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counts:
    """Confusion counts (weights, if there are any), each an array over thresholds."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.tp - other.tp, self.fp - other.fp, self.fn - other.fn, self.tn - other.tn)

    def at(self, index: npt.NDArray[np.int64] | int) -> Counts:
        """The counts at some of the thresholds."""
        return Counts(self.tp[index], self.fp[index], self.fn[index], self.tn[index])


@dataclass(frozen=True, slots=True)
class Sweep:
    """All distinct cut-offs, highest first (infinity flags nothing), with the counts at each."""

    thresholds: Floats
    counts: Counts

    def on(self, grid: Floats) -> Counts:
        """The counts at any thresholds: those of the lowest distinct score that is not under them."""
        index = np.searchsorted(-self.thresholds, -np.asarray(grid, dtype=np.float64), side="right") - 1
        return self.counts.at(index.astype(np.int64))


def sweep(score: Floats, truth: Bools, weight: Floats | None = None) -> Sweep:
    """Sweep the cut-off over scores (finite) with their truth; `weight` is 1 / label propensity. O(n log n)."""
    score = np.asarray(score, dtype=np.float64)
    if not np.isfinite(score).all():
        raise ValueError("a score is not finite")
    truth = np.asarray(truth, dtype=bool)
    if weight is None and (score >= 0.0).all():
        ordered, positive = _sorted_pairs(score, truth)
        hits = np.cumsum(positive)
        last = _ends(ordered)
        tp, total = hits[last].astype(np.float64), (last + 1).astype(np.float64)
    else:
        order = np.argsort(-score, kind="stable")
        weights = np.ones(score.size) if weight is None else np.asarray(weight, dtype=np.float64)
        ordered = score[order]
        last = _ends(ordered)
        tp, total = np.cumsum((weights * truth)[order])[last], np.cumsum(weights[order])[last]
    tp, fp = np.append(0.0, tp), np.append(0.0, total - tp)
    return Sweep(np.append(np.inf, ordered[last]), Counts(tp, fp, tp[-1] - tp, fp[-1] - fp))


def _sorted_pairs(score: Floats, truth: Bools) -> tuple[Floats, Bools]:
    """Scores from high to low with their truth, by one sort of integers.

    The bits of a float that is not negative order as the float does; the truth rides along in the lowest bit. Sorting
    these is vectorised in NumPy, unlike `argsort`.
    """
    keys = ((score + 0.0).view(np.uint64) << np.uint64(1)) | truth.astype(np.uint64)
    keys = np.sort(keys)[::-1]
    return (keys >> np.uint64(1)).view(np.float64), (keys & np.uint64(1)).astype(bool)


def _ends(ordered: Floats) -> npt.NDArray[np.int64]:
    """Where each run of equal scores ends."""
    if not ordered.size:
        return np.empty(0, np.int64)
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), ordered.size - 1).astype(np.int64)


def counts_at(score: Floats, truth: Bools, grid: Floats) -> Counts:
    """The counts at a few thresholds without a sort: a grid of nine over a million scores takes milliseconds each."""
    flagged = np.asarray(score, dtype=np.float64)[:, None] >= np.asarray(grid, dtype=np.float64)[None, :]
    hit = np.asarray(truth, dtype=bool)[:, None]
    tp, fp = (flagged & hit).sum(0).astype(float), (flagged & ~hit).sum(0).astype(float)
    return Counts(tp, fp, hit.sum() - tp, (~hit).sum() - fp)


def grid(low: float, high: float, step: float) -> Floats:
    """`low`, `low + step`, ... `high`, each the float nearest to its decimal (0.55, not 0.55000001)."""
    places = round((high - low) / step)
    return np.array([round(low + i * step, 6) for i in range(places + 1)])


def _share(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


def f_beta(c: Counts, beta: float = 1.0) -> Floats:
    """F-beta: (1 + b2) TP / ((1 + b2) TP + b2 FN + FP)."""
    b2 = beta * beta
    return _share((1 + b2) * c.tp, (1 + b2) * c.tp + b2 * c.fn + c.fp)


def precision(c: Counts) -> Floats:
    """TP / (TP + FP)."""
    return _share(c.tp, c.tp + c.fp)


def recall(c: Counts) -> Floats:
    """TP / (TP + FN)."""
    return _share(c.tp, c.tp + c.fn)


def fpr(c: Counts) -> Floats:
    """FP / (FP + TN)."""
    return _share(c.fp, c.fp + c.tn)


def accuracy(c: Counts) -> Floats:
    """(TP + TN) / n."""
    return _share(c.tp + c.tn, c.tp + c.fp + c.fn + c.tn)


def balanced_accuracy(c: Counts) -> Floats:
    """The mean of recall and of 1 - FPR."""
    return (recall(c) + 1.0 - fpr(c)) / 2.0


def mcc(c: Counts) -> Floats:
    """Matthews' correlation coefficient."""
    below = (c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn)
    return _share(c.tp * c.tn - c.fp * c.fn, np.sqrt(below))


@dataclass(frozen=True, slots=True)
class Objective:
    """What tuning makes as large as it can; NaN where it is undefined, -inf where a constraint is broken.

    `weighs_misses`: it holds misses against false alarms itself, so that recall needs no rail of its own.
    """

    name: str
    of: Callable[[Counts], Floats]
    weighs_misses: bool


_PLAIN: dict[str, Objective] = {
    "f1": Objective("f1", f_beta, True),
    "precision": Objective("precision", precision, False),
    "recall": Objective("recall", recall, True),
    "accuracy": Objective("accuracy", accuracy, False),
    "balanced_accuracy": Objective("balanced_accuracy", balanced_accuracy, True),
    "mcc": Objective("mcc", mcc, True),
}


def objective(text: str) -> Objective:
    """f1, precision, recall, accuracy, balanced_accuracy, mcc, `cost:FP:FN` or `recall@fpr:LIMIT`.

    `cost:1:5` is the share of the dearest possible bill that is saved when a false alarm costs 1 and a miss 5. Raises
    UsageError naming the objectives there are.
    """
    if text in _PLAIN:
        return _PLAIN[text]
    head, *numbers = text.split(":")
    try:
        values = [float(n) for n in numbers]
    except ValueError:
        values = []
    if head == "cost" and len(values) == 2 and min(values) >= 0 and max(values) > 0:
        return Objective(text, lambda c: _saved(c, values[0], values[1]), True)
    if head == "recall@fpr" and len(values) == 1 and 0 < values[0] < 1:
        return Objective(text, lambda c: np.where(fpr(c) <= values[0], recall(c), -np.inf), True)
    raise UsageError(f"no objective {text!r}; there are {', '.join(_PLAIN)}, cost:FP:FN, recall@fpr:LIMIT")


def _saved(c: Counts, false_alarm: float, miss: float) -> Floats:
    return 1.0 - _share(false_alarm * c.fp + miss * c.fn, false_alarm * (c.fp + c.tn) + miss * (c.tp + c.fn))


def promised_fpr(score: Floats, truth: Bools, limit: float, risk: float = 0.05) -> float | None:
    """A threshold whose false-positive rate on new items is at most `limit`, but for a chance of `risk`.

    The Neyman-Pearson umbrella (Tong, Feng & Li 2018, arXiv 1608.03109): the plain quantile of the negatives' scores
    breaks its promise in every second sample. None where there are too few negatives to promise anything: at least
    log(risk) / log(1 - limit), 59 for 5 % and 5 %.
    """
    from scipy.stats import binom

    negatives = np.sort(np.asarray(score, dtype=np.float64)[~np.asarray(truth, dtype=bool)])
    n = negatives.size
    ranks = np.arange(1, n + 1)
    kept = ranks[binom.sf(ranks - 1, n, 1.0 - limit) <= risk] if n else ranks
    return float(np.nextafter(negatives[kept[0] - 1], np.inf)) if kept.size else None


def plateau(found: Sweep, aim: Objective, low: float, high: float) -> tuple[float, float] | None:
    """The centre of the plateau around the best cut-off in [low, high], with the objective there; None if undefined.

    The plateau is the run of neighbouring cut-offs within half a standard error (a share's, of n items) of the best;
    its centre holds up better on other data than the best itself. It is put midway between two scores.
    """
    inside = np.flatnonzero((found.thresholds >= low) & (found.thresholds <= high))
    if not inside.size:
        return None
    values = aim.of(found.counts.at(inside))
    if not np.isfinite(values).any():
        return None
    best = int(np.nanargmax(values))
    c = found.counts.at(int(inside[best]))
    n = float(c.tp + c.fp + c.fn + c.tn)
    peak = float(values[best])
    near = values >= peak - 0.5 * np.sqrt(max(peak * (1.0 - peak), 0.0) / n)
    left = best - int(np.argmin(np.append(near[best::-1], False))) + 1
    right = best + int(np.argmin(np.append(near[best:], False))) - 1
    centre = (left + right) // 2
    upper = found.thresholds[inside[centre]]
    lower = found.thresholds[min(int(inside[centre]) + 1, found.thresholds.size - 1)]
    middle = round(float(upper + lower) / 2.0, 6)
    return (middle if lower < middle <= upper else float(upper)), float(values[centre])
