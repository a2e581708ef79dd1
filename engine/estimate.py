"""Accuracy without labels: what calibrated scores say of themselves (CBPE), with a band that is held to its promise.

If a score of 0.8 is right in 8 of 10 cases, then the expected counts of a window follow from its scores alone:
TP = sum of p over what was flagged, FP = sum of 1 - p, and so on. The scores are calibrated on matured labels. The band
is an adaptive conformal one (Gibbs & Candes 2021, arXiv 2106.00170): as wide as past estimates were wrong, widened
after each miss. It sees that the data moves, never that the truth behind the same data changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.deployment import Deployment
from engine.evidence import metric
from storage.sql import Reader

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

METRICS = ("accuracy", "precision", "recall", "f1", "fpr")
CHUNK = 1_000
MISS_RATE = 0.05
LEARNING_RATE = 0.02
MEMORY = 100
LEAST_CHUNKS = 20
WIDEST = 0.30
ISOTONIC_FROM = 20_000
LEAST_REFERENCE = 300
DESIGN_EFFECT = 2.0
"""How much larger the variance of a chunk is than of independent items, until past chunks tell."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Scores to probabilities, linear between knots; `kind` is none, platt or isotonic. Plain numbers, no pickle."""

    kind: str
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, score: Floats) -> Floats:
        """The probability that the truth is positive."""
        result: Floats = np.interp(score, self.scores, self.probabilities)
        return result


def calibrate(score: Floats, truth: Bools) -> Calibrator:
    """Platt's scaling under 20,000 items, isotonic from there on; the scores as they are if that predicts no better.

    What is better is told by the Brier score on every second item, for a fit on the others.
    """
    plain = Calibrator("none", (0.0, 1.0), (0.0, 1.0))
    if score.size < LEAST_REFERENCE or truth.all() or not truth.any():
        return plain
    fit = _isotonic if score.size >= ISOTONIC_FROM else _platt
    tried = fit(score[::2], truth[::2])
    held_score, held_truth = score[1::2], truth[1::2].astype(np.float64)
    better = np.mean((tried(held_score) - held_truth) ** 2) < np.mean((held_score - held_truth) ** 2)
    return fit(score, truth) if better else plain


def expected(probability: Floats, flagged: Bools) -> dict[str, float | None]:
    """The expected metrics of a window from its probabilities; None where there is no denominator."""
    tp, fp = float(probability[flagged].sum()), float((1.0 - probability[flagged]).sum())
    fn, tn = float(probability[~flagged].sum()), float((1.0 - probability[~flagged]).sum())
    shares = {
        "accuracy": (tp + tn, tp + fp + fn + tn), "precision": (tp, tp + fp), "recall": (tp, tp + fn),
        "f1": (2 * tp, 2 * tp + fp + fn), "fpr": (fp, fp + tn),
    }  # fmt: skip
    return {name: above / below if below > 0 else None for name, (above, below) in shares.items()}


@dataclass(frozen=True, slots=True)
class Band:
    """An adaptive conformal band: half its width, and the miss rate it aims at now; fed with past errors."""

    errors: tuple[float, ...] = ()
    alpha: float = MISS_RATE

    @property
    def half_width(self) -> float | None:
        """None while fewer than 20 chunks have matured."""
        if len(self.errors) < LEAST_CHUNKS:
            return None
        share = min(max(1.0 - self.alpha, 0.0), 1.0)
        return min(float(np.quantile(self.errors[-MEMORY:], share, method="higher")), WIDEST)

    def learn(self, error: float) -> Band:
        """The band after one more matured chunk whose estimate was wrong by `error`."""
        width = self.half_width
        alpha = self.alpha if width is None else self.alpha + LEARNING_RATE * (MISS_RATE - float(abs(error) > width))
        return Band((*self.errors[-(MEMORY - 1) :], abs(error)), alpha)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of the newest predictions as estimated; `warnings` says why it should not be believed, if so."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    calibration: str
    is_calibrated_band: bool
    realised: float | None
    """The metric of the newest matured chunk, as labels say it."""
    warnings: tuple[str, ...]


def estimate(reader: Reader, now: Deployment, name: str = "accuracy") -> Estimate:
    """Estimate a metric of the newest 1,000 predictions of a deployment, labelled or not."""
    (found,) = estimates(reader, now, (name,))
    return found


def estimates(reader: Reader, now: Deployment, names: Sequence[str] = METRICS) -> list[Estimate]:
    """The same for several metrics, read once."""
    past = reader.query(
        "SELECT score, flagged, truth FROM matured_predictions WHERE model = $1 AND version = $2 AND environment = $3"
        " AND score IS NOT NULL ORDER BY ts, prediction_id",
        [now.model, now.version, now.environment],
    )
    current = reader.query(
        "SELECT score, flagged FROM judgements WHERE model = $1 AND version = $2 AND environment = $3"
        " AND score IS NOT NULL ORDER BY ts DESC, prediction_id LIMIT $4",
        [now.model, now.version, now.environment, CHUNK],
    )
    calibrator = _calibrated(past)
    return [of(past, current, name, calibrator) for name in names]


def _calibrated(past: pl.DataFrame) -> Calibrator:
    """By the older half of `past`."""
    older = past[: past.height // 2]
    return calibrate(older["score"].to_numpy(), older["truth"].to_numpy())


def of(past: pl.DataFrame, current: pl.DataFrame, name: str = "accuracy",
       calibrator: Calibrator | None = None) -> Estimate:  # fmt: skip
    """The estimate for `current` (score, flagged), by `past` (score, flagged, truth; oldest first).

    The older half of `past` calibrates; its newer half, in chunks, tells how wrong estimates are.
    """
    newer, calibrator = past[past.height // 2 :], calibrator or _calibrated(past)
    band, realised, missed = Band(), None, [False]
    for start in range(0, newer.height - CHUNK + 1, CHUNK):
        part = newer[start : start + CHUNK]
        realised = metric(name, part["flagged"].to_numpy(), part["truth"].to_numpy())
        said = expected(calibrator(part["score"].to_numpy()), part["flagged"].to_numpy())[name]
        if realised is not None and said is not None:
            missed.append(band.half_width is not None and abs(said - realised) > band.half_width)
            band = band.learn(said - realised)
    probability = calibrator(current["score"].to_numpy())
    value = expected(probability, current["flagged"].to_numpy())[name] if current.height else None
    half_width = band.half_width
    if half_width is None:
        half_width = _sampling(name, value, probability, current["flagged"].to_numpy())
    return Estimate(
        name, value, None if value is None else max(0.0, value - half_width),
        None if value is None else min(1.0, value + half_width), current.height, calibrator.kind,
        band.half_width is not None, realised, _warnings(past, current, missed, band, half_width),
    )  # fmt: skip


def _warnings(past: pl.DataFrame, current: pl.DataFrame, missed: list[bool], band: Band,
              half_width: float) -> tuple[str, ...]:  # fmt: skip
    said = []
    if current.height < LEAST_REFERENCE:
        said.append(f"only {current.height} predictions, {LEAST_REFERENCE} are needed")
    if past.height < 2 * LEAST_REFERENCE:
        said.append(f"only {past.height} matured labels to calibrate with, {2 * LEAST_REFERENCE} are needed")
    elif current.height and _outside(past["score"].to_numpy(), current["score"].to_numpy()) > 0.02:
        said.append("scores lie where there were none before")
    if band.half_width is None:
        said.append("too few matured chunks to hold the band to its promise")
    elif all(missed[-2:]):
        said.append("labels contradict it twice in a row: concept drift is likely")
    elif half_width >= WIDEST:
        said.append("too uncertain")
    return tuple(said)


def _outside(before: Floats, now: Floats) -> float:
    low, high = np.quantile(before, [0.001, 0.999])
    return float(np.mean((now < low) | (now > high)))


def _sampling(name: str, value: float | None, probability: Floats, flagged: Bools) -> float:
    """Half the 95 % band by the chance of the draw alone: the delta method, each item's truth varying by p (1 - p)."""
    if value is None:
        return WIDEST
    positive = float(probability.sum())
    below, of_flagged, of_passed = {
        "accuracy": (probability.size, 1.0, 1.0), "precision": (flagged.sum(), 1.0, 0.0),
        "recall": (positive, 1.0 - value, value), "f1": (flagged.sum() + positive, 2.0 - value, value),
        "fpr": (probability.size - positive, 1.0 - value, value),
    }[name]  # fmt: skip
    spread = probability * (1.0 - probability) * np.where(flagged, of_flagged, of_passed) ** 2
    return min(1.96 * float(np.sqrt(spread.sum() * DESIGN_EFFECT)) / max(float(below), 1e-9), WIDEST)


def _platt(score: Floats, truth: Bools) -> Calibrator:
    """Platt's scaling on the logit: two parameters, by Newton's method."""
    x = np.log(np.clip(score, 1e-4, 1 - 1e-4) / (1.0 - np.clip(score, 1e-4, 1 - 1e-4)))
    design, weights = np.column_stack([x, np.ones_like(x)]), np.zeros(2)
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (p - truth)
        curve = design.T @ (design * (p * (1.0 - p))[:, None]) + 1e-6 * np.eye(2)
        weights = weights - np.linalg.solve(curve, slope)
    knots = np.linspace(0.0, 1.0, 201)
    logit = np.log(np.clip(knots, 1e-4, 1 - 1e-4) / (1.0 - np.clip(knots, 1e-4, 1 - 1e-4)))
    values = 1.0 / (1.0 + np.exp(-np.clip(weights[0] * logit + weights[1], -30, 30)))
    return Calibrator("platt", tuple(knots.tolist()), tuple(values.tolist()))


def _isotonic(score: Floats, truth: Bools) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score, truth)
    return Calibrator("isotonic", tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))
