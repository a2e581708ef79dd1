"""What to label next, and what follows from labels that were not drawn evenly.

Labelling what is uncertain first teaches most, and makes accuracy look worse than it is (by 10.6 points on a real
stream). So each prediction is drawn with a known chance, its propensity, which goes with its label. The estimate weighs
a label with 1 / propensity (Hajek), around what the scores say of all predictions (a control variate, as in
prediction-powered inference, Angelopoulos et al. 2023), which makes it narrower than an even sample of the same size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from engine.estimate import calibrate
from storage.sql import Reader

Floats = npt.NDArray[np.float64]

EXPLORE = 0.5
"""The share of the budget that is spread evenly; it bounds the weights."""
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Fair:
    """Accuracy over all predictions, labelled or not; `low` and `high` are the 95 % interval for one look."""

    value: float
    low: float
    high: float
    labels: int
    predictions: int
    naive: float
    """The plain share of right ones among the labelled."""


def chances(score: Floats, threshold: float, budget: int, explore: float = EXPLORE) -> Floats:
    """The chance of each prediction to be drawn: part even, part by how close its score is to the threshold.

    At most 1; the chances add up to `budget` as long as none is cut.
    """
    closeness = np.exp(-np.abs(score - threshold) / 0.1)
    even = np.full(score.size, budget * explore / max(score.size, 1))
    near = budget * (1.0 - explore) * closeness / max(float(closeness.sum()), 1e-12)
    result: Floats = np.minimum(1.0, even + near)
    return result


def draw(
    reader: Reader, model: str, budget: int, *, environment: str = "production", last: int = 5_000
) -> pl.DataFrame:
    """The review queue: of the newest `last` predictions about `budget`, those that have no label yet, newest first.

    Columns: ts, subject, window_start, score, threshold, flagged, reason, evidence, version, prediction_id, propensity.
    Each prediction has a number of its own (by its id) that is held against its chance, so asking again draws the same,
    whoever asks, and what is labelled leaves the queue without another coming for it (permanent random numbers, Ohlsson
    1995).
    """
    rows = reader.query(
        "SELECT ts, subject, window_start, score, threshold, flagged, reason, evidence, version, prediction_id,"
        " truth IS NULL AS is_open, md5_number_lower(prediction_id) / 18446744073709551616.0 AS place"
        " FROM predictions_with_truth"
        " WHERE model = $1 AND environment = $2 AND score IS NOT NULL ORDER BY ts DESC, prediction_id LIMIT $3",
        [model, environment, last],
    )
    known = rows["threshold"].drop_nulls()
    chance = chances(rows["score"].to_numpy(), float(known[0]) if known.len() else 0.5, budget)
    drawn = rows.with_columns(pl.Series("propensity", chance, dtype=pl.Float64))
    return drawn.filter(pl.col("is_open") & (pl.col("place") < pl.col("propensity"))).drop("is_open", "place")


def fair_accuracy(known: pl.DataFrame) -> Fair | None:
    """Accuracy from all predictions `known` (score, flagged, truth or null, propensity or null); None without a label.

    A label without a propensity counts as one that was bound to be made.
    """
    labelled = known.filter(pl.col("truth").is_not_null())
    if labelled.is_empty():
        return None
    truth = labelled["truth"].to_numpy().astype(bool)
    right = (labelled["flagged"].to_numpy() == truth).astype(np.float64)
    weight = 1.0 / np.clip(labelled["propensity"].fill_null(1.0).to_numpy(), 1e-3, 1.0)
    calibrator = calibrate(labelled["score"].to_numpy(), truth)

    def said(frame: pl.DataFrame) -> Floats:
        p = calibrator(frame["score"].to_numpy())
        result: Floats = np.where(frame["flagged"].to_numpy(), p, 1.0 - p)
        return result

    everything, gap = said(known), right - said(labelled)
    correction = float((weight * gap).sum() / weight.sum())
    value = float(everything.mean()) + correction
    spread = float(np.sqrt((weight**2 * (gap - correction) ** 2).sum())) / float(weight.sum())
    half = Z95 * float(np.sqrt(spread**2 + everything.var() / known.height))
    return Fair(
        value, max(0.0, value - half), min(1.0, value + half), labelled.height, known.height, float(right.mean())
    )


def fair(reader: Reader, model: str, environment: str = "production") -> Fair | None:
    """Fair accuracy over all predictions of what runs of a model now; None where no label was drawn."""
    known = reader.query(
        "SELECT p.score, p.flagged, p.truth, p.propensity FROM predictions_with_truth p"
        " JOIN deployment d ON d.model = p.model AND d.version = p.version AND d.environment = p.environment"
        " AND d.status = 'active' WHERE p.model = $1 AND p.environment = $2 AND p.score IS NOT NULL",
        [model, environment],
    )
    return fair_accuracy(known) if known["propensity"].is_not_null().any() else None


def evened(items: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """`items` (with `propensity`) thinned to an even sample: kept with the chance least propensity / propensity.

    Which ones is settled by their ids, so the same items are kept at every look. Where those that were not drawn (no
    propensity) are more than that would leave, they are the sample, so that a few drawn labels cost none of the others.
    """
    if items["propensity"].null_count() == items.height:
        return items
    least = items["propensity"].min()
    chance = (pl.lit(least) / pl.col("propensity").fill_null(1.0)).cast(pl.Float64)
    place = pl.col("prediction_id").hash(seed).cast(pl.Float64) / 2.0**64
    even, whole = items.filter(place < chance), items.filter(pl.col("propensity").is_null())
    return whole if whole.height > even.height else even
