"""Is a better threshold truly better? Chosen on some data, judged on other, and held against every gate.

The winner of nine noisy candidates looks better than it is on the data it won on: on a real stream thinned to one
positive in ten, the plain rule (best of the last hour, applied if 5 % better) changed the threshold in 61 % of runs
without any gain. Here the gain is cross-fitted over contiguous time blocks, and its lower bound must exclude zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.sweep import Bools, Counts, Floats, Objective, counts_at, fpr, plateau, recall, sweep

BLOCKS = 5
MIN_PREDICTIONS = 100
MIN_OF_CLASS = 30
"""Of the rarer class: at a prevalence of 5 %, a hundred predictions hold five positives."""
MIN_GAIN = 0.05
"""Relative; the specification's 5 %."""
LARGEST_GAIN = 10.0
"""What a gain over nothing is: a threshold that flags nothing has an F1 of 0."""
SPREAD = 0.10
FPR_RISE = 0.02
RECALL_DROP = 0.02
STEP = 0.10
"""A threshold moves by at most so much at a time."""
RESAMPLES = 1_000
BLOCK_ITEMS = 20
"""Items are resampled in runs of at least so many, for neighbours depend on each other."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for applying a threshold, whether it holds, and why."""

    ok: bool
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search found: metrics now and at the best, and the gain, apparent and honest (relative; None: undefined).

    `best` is of the places that may be reached from here in one step and inside the rails, `anywhere` of the whole
    range, `exact` the plateau's centre.
    """

    n: int
    n_positive: int
    current: float
    best: float
    anywhere: float
    exact: float | None
    metric_current: float | None
    metric_best: float | None
    apparent_gain: float | None
    crossfit_gain: float | None
    gain_low: float | None
    places: tuple[float, ...]
    curve: tuple[float | None, ...]
    gates: dict[str, Gate] = field(default_factory=dict)
    feasible: bool = True


def examine(score: Floats, truth: Bools, current: float, places: Floats, aim: Objective,
            rng: np.random.Generator) -> Finding:  # fmt: skip
    """Search the thresholds `places` for a better one than `current`, items in time order; gates G1, G3, G4, G5, G7."""
    whole = counts_at(score, truth, np.append(places, current))
    values = aim.of(whole)
    reach = (np.abs(places - current) <= STEP + 1e-9) & _inside_rails(whole, aim)
    now = float(values[-1])
    anywhere = _pick(values[:-1], np.ones(places.size, bool), places, current)
    best = _pick(values[:-1], reach, places, current)
    found = plateau(sweep(score, truth), aim, float(places[0]), float(places[-1])) if score.size else None
    folds = _folds(score, truth, places, current, aim, reach)
    boot = _resampled(score, truth, current, folds, aim, rng)
    crossfit = _gain(float(aim.of(_counts(folds.flagged, truth))[0]), now)
    peak = float(values[best]) if best is not None else np.nan
    low = _quantile(boot.gain, 0.05)
    positive = int(np.asarray(truth).sum())
    return Finding(
        n=score.size, n_positive=positive, current=current, best=current if best is None else float(places[best]),
        anywhere=current if anywhere is None else float(places[anywhere]), exact=found[0] if found else None,
        metric_current=_known(now), metric_best=_known(peak), apparent_gain=_known(_gain(peak, now)),
        crossfit_gain=_known(crossfit), gain_low=low, places=tuple(float(p) for p in places),
        curve=tuple(_known(float(v)) for v in values[:-1]), feasible=bool(np.isfinite(values).any()),
        gates={
            "G1 data": _enough(score.size, positive),
            "G3 honest gain": Gate(crossfit > MIN_GAIN, f"{_percent(crossfit)} on data it was not chosen on"),
            "G4 certainty": Gate(low is not None and low > 0.0, f"{_percent(low)} is the lower bound of the gain"),
            "G5 agreement": _agree(folds.chosen),
            "G7 rails": _rails(whole, best, boot, aim),
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Folds:
    """What each item would have been judged by the threshold chosen without its own time block."""

    flagged: Bools
    chosen: Floats


@dataclass(frozen=True, slots=True)
class _Resampled:
    gain: Floats
    fpr_rise: Floats


def _folds(score: Floats, truth: Bools, places: Floats, current: float, aim: Objective, reach: Bools) -> _Folds:
    edges = np.linspace(0, score.size, BLOCKS + 1).astype(int)
    parts = [counts_at(score[a:b], truth[a:b], places) for a, b in pairwise(edges)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    flagged, chosen = np.zeros(score.size, dtype=bool), []
    for part, a, b in zip(parts, edges, edges[1:], strict=False):
        best = _pick(aim.of(whole - part), reach, places, current)
        threshold = current if best is None else float(places[best])
        chosen.append(threshold)
        flagged[a:b] = score[a:b] >= threshold
    return _Folds(flagged, np.array(chosen))


def _pick(values: Floats, allowed: Bools, places: Floats, current: float) -> int | None:
    """The best of the allowed places; of equals the one nearest to where we are."""
    usable = np.where(allowed & np.isfinite(values), values, -np.inf)
    if not np.isfinite(usable).any():
        return None
    equal = np.flatnonzero(usable >= usable.max() - 1e-12)
    return int(equal[np.argmin(np.abs(places[equal] - current))])


def _counts(flagged: Bools, truth: Bools) -> Counts:
    return Counts(
        np.array([(flagged & truth).sum()], float), np.array([(flagged & ~truth).sum()], float),
        np.array([(~flagged & truth).sum()], float), np.array([(~flagged & ~truth).sum()], float),
    )  # fmt: skip


def _resampled(score: Floats, truth: Bools, current: float, folds: _Folds, aim: Objective,
               rng: np.random.Generator) -> _Resampled:  # fmt: skip
    """The gain and the rise of the false-positive rate over resampled runs of items, both thresholds on the same."""
    run = max(BLOCK_ITEMS, score.size // 2_000)
    starts = np.arange(0, score.size, run)
    if starts.size < 2:
        return _Resampled(np.empty(0), np.empty(0))
    weights = rng.multinomial(starts.size, np.full(starts.size, 1.0 / starts.size), RESAMPLES).astype(np.float64)

    def counts(flagged: Bools) -> Counts:
        def total(mask: Bools) -> Floats:
            result: Floats = weights @ np.add.reduceat(mask.astype(np.float64), starts)
            return result

        return Counts(
            total(flagged & truth), total(flagged & ~truth), total(~flagged & truth), total(~flagged & ~truth)
        )

    before, after = counts(score >= current), counts(folds.flagged)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.minimum(aim.of(after) / aim.of(before) - 1.0, LARGEST_GAIN)
        rise = fpr(after) - fpr(before)
    return _Resampled(gain, rise)


def _enough(n: int, positive: int) -> Gate:
    rarer = min(positive, n - positive)
    ok = n >= MIN_PREDICTIONS and rarer >= MIN_OF_CLASS
    needed = f"{MIN_PREDICTIONS} and {MIN_OF_CLASS} needed"
    return Gate(ok, f"{n} labelled predictions, {rarer} of the rarer class ({needed})")


def _agree(chosen: Floats) -> Gate:
    spread = float(chosen.max() - chosen.min())
    return Gate(spread <= SPREAD + 1e-9, f"the choices of {BLOCKS} blocks lie within {spread:.2f}")


def _inside_rails(whole: Counts, aim: Objective) -> Bools:
    """Which places keep the false-positive rate (its upper bound) and recall where they may be; the last is now."""
    rise = (fpr(whole) - fpr(whole)[-1])[:-1]
    negatives = max(float((whole.fp + whole.tn)[-1]), 1.0)
    bound = rise + 1.645 * np.sqrt(np.clip(rise, 0.0, 1.0) * (1.0 - np.clip(rise, 0.0, 1.0)) / negatives)
    inside: Bools = np.asarray(~(bound > FPR_RISE), dtype=bool)
    if not aim.weighs_misses:
        inside &= ~((recall(whole)[-1] - recall(whole))[:-1] > RECALL_DROP)
    return inside


def _rails(whole: Counts, best: int | None, boot: _Resampled, aim: Objective) -> Gate:
    if best is None:
        return Gate(False, "no threshold can be judged")
    rise = _quantile(boot.fpr_rise, 0.95)
    drop = float(recall(whole)[-1] - recall(whole)[best])
    if rise is None or rise > FPR_RISE:
        return Gate(False, f"false-positive rate up to {_percent(rise)} higher, {_percent(FPR_RISE)} is allowed")
    if not aim.weighs_misses and drop > RECALL_DROP:
        return Gate(False, f"recall {_percent(drop)} lower, {_percent(RECALL_DROP)} is allowed")
    return Gate(True, f"false-positive rate at most {_percent(rise)} higher")


def _gain(new: float, old: float) -> float:
    return min(new / old - 1.0, LARGEST_GAIN) if old > 0.0 else (LARGEST_GAIN if new > 0.0 else np.nan)


def _quantile(values: npt.NDArray[np.float64], share: float) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, share)) if known.size >= 0.9 * values.size and known.size else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _percent(value: float | None) -> str:
    return "unknown" if value is None or not np.isfinite(value) else f"{100 * value:.1f} %"
