"""How strong the evidence is that a metric fell under a level, however often one looks: an e-detector.

Each labelled item becomes z with E[z] >= 0 as long as the metric is at least m. Five bets c pay 1 - c z / h (h the
largest z), which is no gain on average while the metric holds. The Shiryaev-Roberts sum of a bet's fortunes, started
anew at each item, grows only when it fell:

    M_t = (1 + M_(t-1)) e_t        M_t - t is a supermartingale while the metric holds

so an alarm at M >= A comes on average at most once in A items (Shin, Ramdas & Rinaldo, E-detectors, arXiv 2203.03532).
F1 is pseudo-linear, so it fits the same form (Parambath et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BETS = (0.05, 0.1, 0.2, 0.4, 0.8)
METRICS = ("accuracy", "f1", "precision", "recall")
CAP = 10.0
"""M is held at this many times A, so that after a recovery it can alarm again."""
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Gains:
    """An item's z and the largest that z can be."""

    z: Floats
    largest: float


def gains(metric: str, flagged: Bools, truth: Bools, level: float) -> Gains:
    """What each item says of `metric >= level` (0 < level < 1)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
    hit, alarm, miss = flagged & truth, flagged & ~truth, ~flagged & truth
    if metric == "accuracy":
        return Gains((flagged == truth) - level, 1.0 - level)
    if metric == "recall":
        return Gains((1.0 - level) * hit - level * miss, 1.0 - level)
    if metric == "precision":
        return Gains((1.0 - level) * hit - level * alarm, 1.0 - level)
    if metric == "f1":
        return Gains(2.0 * (1.0 - level) * hit - level * miss - level * alarm, 2.0 * (1.0 - level))
    raise ValueError(f"no metric {metric!r}; there are {', '.join(METRICS)}")


def evidence(gained: Gains, run_length: float) -> Floats:
    """log10(M / run_length) after each item; 0 or more is an alarm, which a fine metric raises once in `run_length`."""
    steps = np.log1p(-np.outer(np.array(BETS), gained.z / gained.largest))
    cap = float(np.log(CAP * run_length))
    state = np.full((len(BETS), 1), -np.inf)
    parts = []
    for start in range(0, gained.z.size, _CHUNK):
        walked = _chunk(steps[:, start : start + _CHUNK], state)
        parts.append(np.logaddexp.reduce(walked, axis=0) - np.log(len(BETS)))
        state = np.minimum(walked[:, -1:], cap)
    whole = np.concatenate(parts) if parts else np.empty(0)
    result: Floats = (np.minimum(whole, cap) - np.log(run_length)) / np.log(10.0)
    return result


def _chunk(steps: Floats, state: Floats) -> Floats:
    """log M of each bet over a chunk, from log M before it: M_t = e^(S_t) (M_0 + sum over j <= t of e^(-S_(j-1)))."""
    walked = np.cumsum(steps, axis=1)
    before = np.concatenate([np.zeros((steps.shape[0], 1)), walked[:, :-1]], axis=1)
    started = np.logaddexp.accumulate(-before, axis=1)
    result: Floats = walked + np.logaddexp(started, state)
    return result


def run_length(labels_per_day: float, days: float) -> float:
    """The run length that allows one false alarm in `days`; never under 1,000 items."""
    return max(1_000.0, labels_per_day * days)


def metric(name: str, flagged: Bools, truth: Bools) -> float | None:
    """The metric itself over these items; None where it has no denominator."""
    above, below = _counts(name, flagged, truth)
    return above / below if below else None


def trials(name: str, flagged: Bools, truth: Bools) -> float:
    """How many items the metric is a share of: of recall the positives, of F1 TP + (FP + FN) / 2, of accuracy all."""
    return _counts(name, flagged, truth)[1] / (2.0 if name == "f1" else 1.0)


def _counts(name: str, flagged: Bools, truth: Bools) -> tuple[int, int]:
    tp, fp = int((flagged & truth).sum()), int((flagged & ~truth).sum())
    fn, tn = int((~flagged & truth).sum()), int((~flagged & ~truth).sum())
    return {
        "accuracy": (tp + tn, tp + fp + fn + tn), "recall": (tp, tp + fn), "precision": (tp, tp + fp),
        "f1": (2 * tp, 2 * tp + fp + fn), "fpr": (fp, fp + tn),
    }[name]  # fmt: skip
