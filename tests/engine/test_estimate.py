"""Estimates without labels, and drift: on a real stream, and where nothing moved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine import drift, estimate
from engine.evidence import metric
from tests.modelops import labels, predictions, room

CENSUS = Path(__file__).parent / "data" / "census_employment_ma.parquet"


def _census() -> tuple[pl.DataFrame, pl.DataFrame]:
    known = pl.read_parquet(CENSUS).with_columns(
        pl.col("score").cast(pl.Float64), (pl.col("score") >= 0.5).alias("flagged")
    )
    return known.filter(part="reference"), known.filter(part="analysis")


@pytest.mark.parametrize("name", estimate.METRICS)
def test_on_a_real_stream_the_band_holds_the_truth_in_about_nineteen_of_twenty_chunks(name: str) -> None:
    reference, analysis = _census()
    calibrator = estimate.calibrate(reference["score"].to_numpy(), reference["truth"].to_numpy())
    band, held, errors = estimate.Band(), [], []
    for start in range(0, analysis.height - 999, 1_000):
        part = analysis[start : start + 1_000]
        flagged, truth = part["flagged"].to_numpy(), part["truth"].to_numpy()
        said, real = (
            estimate.expected(calibrator(part["score"].to_numpy()), flagged)[name],
            metric(name, flagged, truth),
        )
        assert said is not None and real is not None
        if band.half_width is not None:
            held.append(abs(said - real) <= band.half_width)
        errors.append(abs(said - real))
        band = band.learn(said - real)
    assert len(held) > 180
    assert 0.90 <= np.mean(held) <= 0.98
    if name == "accuracy":
        assert np.mean(errors) <= 0.012


def test_calibration_mends_scores_that_are_too_sure_and_leaves_good_ones_alone() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(2, 2, 4_000)
    truth = rng.random(4_000) < p
    sure = p**3 / (p**3 + (1 - p) ** 3)
    mended = estimate.calibrate(sure, truth)
    assert mended.kind == "platt"
    assert np.abs(mended(sure) - p).mean() < 0.03
    many = rng.beta(2, 2, 30_000)
    assert estimate.calibrate(many**2, rng.random(30_000) < many).kind == "isotonic"
    assert estimate.calibrate(p[:100], truth[:100]).kind == "none"


def test_an_estimate_stands_beside_what_labels_say_and_tells_why_not_to_believe_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    r = room(tmp_path)
    (now,) = r.registry.deployed()
    assert estimate.estimate(r.reader, now).value is None
    p = rng.beta(0.6, 0.6, 24_000)
    truth = rng.random(24_000) < p
    made = predictions([(i / 400, float(s)) for i, s in enumerate(p)])
    r.lake.append({"predictions": made, "labels": labels([bool(t) for t in truth[:22_000]], minute=60)}, kind="judge")
    found = estimate.estimate(r.reader, now)
    assert found.low is not None and found.high is not None and found.realised is not None
    real = np.mean((p[-1_000:] >= 0.5) == truth[-1_000:])
    assert found.low <= real <= found.high
    assert found.high - found.low < 0.15
    assert any("too few matured chunks" in warning for warning in found.warnings)


def test_labels_that_contradict_it_twice_withdraw_the_estimate() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(0.6, 0.6, 60_000)
    truth = rng.random(60_000) < p
    truth[-2_000:] = ~truth[-2_000:]
    past = pl.DataFrame({"score": p, "flagged": p >= 0.5, "truth": truth})
    found = estimate.of(past, past[-1_000:].select("score", "flagged"))
    assert any("concept drift" in warning for warning in found.warnings)


def test_without_drift_hardly_a_feature_is_called_drifted_at_any_size_of_window() -> None:
    rng, drifted, looked = np.random.default_rng(3), 0, 0
    for n in (200, 500, 1_000):
        for _ in range(20):
            frames = [pl.DataFrame({f"f{i}": rng.gamma(2, 1, size) for i in range(8)}) for size in (5_000, n)]
            verdicts = drift.compare(*frames)["verdict"]
            drifted += int(verdicts.is_in(["drift", "minor"]).sum())
            looked += verdicts.len()
    assert drifted / looked <= 0.01


def test_a_feature_that_moved_comes_first_and_one_that_vanished_is_seen() -> None:
    rng = np.random.default_rng(4)
    then = pl.DataFrame({"still": rng.normal(0, 1, 5_000), "moved": rng.normal(0, 1, 5_000),
                         "word": rng.choice(["a", "b"], 5_000), "gone": rng.normal(0, 1, 5_000)})  # fmt: skip
    now = pl.DataFrame({"still": rng.normal(0, 1, 1_000), "moved": rng.normal(1, 1, 1_000),
                        "word": rng.choice(["a", "c"], 1_000), "gone": [None] * 1_000},
                       schema_overrides={"gone": pl.Float64})  # fmt: skip
    found = {row["feature"]: row for row in drift.compare(then, now).iter_rows(named=True)}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "still": "none", "moved": "drift", "word": "drift", "gone": "drift"}  # fmt: skip
    assert found["moved"]["shift"] == pytest.approx(1.0, abs=0.15)
    assert found["gone"]["missing"] == 1.0


def test_a_shift_that_is_sure_but_harmless_is_only_possible() -> None:
    rng = np.random.default_rng(5)
    then, now = (pl.DataFrame({"x": rng.normal(mean, 1, 40_000)}) for mean in (0.0, 0.05))
    assert drift.compare(then, now)["verdict"].to_list() == ["possible"]


def test_few_rows_constant_columns_and_infinities_are_no_trouble() -> None:
    few = pl.DataFrame({"x": [1.0] * 50})
    assert drift.compare(few, few)["verdict"].to_list() == ["insufficient"]
    odd = pl.DataFrame({"c": [1.0] * 400, "i": [float("inf")] * 400, "b": [True, False] * 200})
    assert set(drift.compare(odd, odd)["verdict"]) == {"none"}


def test_features_are_read_from_what_predictions_carry(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    r = room(tmp_path)
    made = predictions([(i / 100, 0.5) for i in range(6_000)]).with_columns(
        pl.Series(
            "features", [json.dumps({"rate": float(rng.normal(3 * (i >= 5_000))), "kind": "x"}) for i in range(6_000)]
        )
    )
    r.lake.append({"predictions": made}, kind="judge")
    found = drift.check(r.reader, r.registry.deployed()[0])
    assert found.select("feature", "verdict").rows()[0] == ("rate", "drift")
    assert set(found["feature"]) == {"score", "rate", "kind"}


def test_a_young_model_is_held_against_its_own_beginning(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.lake.append({"predictions": predictions([(i / 100, 0.2 if i < 600 else 0.8) for i in range(900)])}, kind="judge")
    (row,) = drift.check(r.reader, r.registry.deployed()[0]).iter_rows(named=True)
    assert (row["verdict"], row["n"], row["n_reference"]) == ("drift", 300, 600)


@pytest.mark.parametrize("name", estimate.METRICS)
def test_before_past_chunks_tell_the_band_is_that_of_the_draw(name: str) -> None:
    rng, held = np.random.default_rng(2), 0
    for _ in range(60):
        score = np.where(rng.random(1_000) < 0.3, rng.beta(8, 3, 1_000), rng.beta(2, 8, 1_000))
        flagged, truth = score >= 0.5, rng.random(1_000) < score
        said = estimate.expected(score, flagged)[name]
        real = metric(name, flagged, truth)
        assert said is not None
        assert real is not None
        held += abs(said - real) <= estimate._sampling(name, said, score, flagged)
    assert held >= 56, "the band doubles the variance, until chunks tell how much they vary"
